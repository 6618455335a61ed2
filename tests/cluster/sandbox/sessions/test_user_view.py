"""What a user account's session hears of, by its subscriptions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cluster.commands.subscriptions import Subscription, bulk_guild_subscribe, guild_subscribe
from cluster.sandbox.sessions.user_view import MalformedSubscription, UserView

SMALL, LARGE = 40, 300
BY_FLAG = {
    "TYPING_START": "typing",
    "PRESENCE_UPDATE": "activities",
    "GUILD_MEMBER_UPDATE": "member_updates",
    "THREAD_CREATE": "threads",
}


def heard(view: UserView, members: int, guild_id: int = 7) -> set[str]:
    names = (*BY_FLAG, "MESSAGE_CREATE", "CHANNEL_CREATE", "GUILD_CREATE", "GUILD_ROLE_UPDATE")
    return {name for name in names if view.hears(name, guild_id, members)}


def test_without_a_subscription() -> None:
    view = UserView(0, 250)
    changes = {"CHANNEL_CREATE", "GUILD_CREATE", "GUILD_ROLE_UPDATE"}
    assert heard(view, SMALL) == changes | {"MESSAGE_CREATE"}
    assert heard(view, LARGE) == changes
    assert view.hears("TYPING_START", None, 0), "in a direct message"


@pytest.mark.parametrize(("name", "flag"), BY_FLAG.items())
def test_what_is_named_is_heard(name: str, flag: str) -> None:
    view = UserView(0, 250)
    view.subscribe_bulk({"subscriptions": {"7": {flag: True}}})
    assert heard(view, LARGE) & set(BY_FLAG) == {name}
    assert view.hears("MESSAGE_CREATE", 7, LARGE)
    assert not view.hears(name, 8, SMALL), "of another guild"
    view.subscribe({"guild_id": "7", "members": []})
    assert view.hears(name, 7, LARGE), "what is not named stays"
    view.subscribe({"guild_id": 7, flag: False})
    assert not view.hears(name, 7, LARGE)


def test_our_own_commands_are_taken() -> None:
    view = UserView(0, 250)
    for made in bulk_guild_subscribe(range(1, 200)):
        view.subscribe_bulk(_d(made.payload))
    assert len(view.subscriptions) == 199
    view.subscribe(_d(guild_subscribe(500, Subscription(typing=False)).payload))
    assert heard(view, SMALL, 500) & set(BY_FLAG) == set(BY_FLAG) - {"TYPING_START"}


def _d(payload: bytes) -> Any:
    return json.loads(payload)["d"]


@pytest.mark.parametrize(
    "d",
    [
        None,
        [],
        {},
        {"subscriptions": []},
        {"subscriptions": {"x": {}}},
        {"subscriptions": {"1": {}, "7": {"typing": 1}}},
        {"subscriptions": {"7": None}},
    ],
)
def test_what_is_no_subscription_changes_nothing(d: Any) -> None:
    view = UserView(0, 250)
    with pytest.raises(MalformedSubscription):
        view.subscribe_bulk(d)
    assert not view.subscriptions
