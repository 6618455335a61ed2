"""When guilds are subscribed to, and to which."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shard_worker.sending.guild_subscriptions import GuildSubscriptions, SubscriptionsDue

GUILDS = [{"id": "11"}, {"properties": {"id": "22"}}, {"id": "33", "unavailable": True}]


def ready(guilds: Any = GUILDS) -> bytes:
    return json.dumps({"session_id": "s", "guilds": guilds}).encode()


def ids(due: SubscriptionsDue) -> list[str]:
    payloads = [json.loads(command.payload) for command in due.commands]
    assert all(payload["op"] == 37 for payload in payloads)
    return [guild for payload in payloads for guild in payload["d"]["subscriptions"]]


def test_all_of_them_after_each_ready() -> None:
    subscriptions = GuildSubscriptions("all")
    for _ in range(2):
        due = subscriptions.ready(ready())
        assert (ids(due), due.warning) == (["11", "22", "33"], "")
    assert ids(subscriptions.ready(ready([]))) == []


def test_a_list_of_them_and_one_that_is_not_there() -> None:
    due = GuildSubscriptions([33, 44]).ready(ready())
    assert ids(due) == ["33"]
    assert due.warning.endswith("the account is not in: 44")
    assert GuildSubscriptions([22]).ready(ready()).warning == ""


def test_none_for_who_wants_none() -> None:
    subscriptions = GuildSubscriptions([])
    assert subscriptions.ready(b"not even read") == SubscriptionsDue([])
    assert subscriptions.resumed() == SubscriptionsDue([])


def test_again_after_a_resume_until_it_is_known_that_they_arrived() -> None:
    subscriptions = GuildSubscriptions("all")
    for _ in range(2):
        subscriptions.heartbeat_sent()
    assert ids(subscriptions.ready(ready())) == ids(subscriptions.resumed()) != []
    for _ in range(2):
        subscriptions.heartbeat_acknowledged()  # of heartbeats that were sent before them
        assert ids(subscriptions.resumed()), "Discord may have read no further"
    subscriptions.heartbeat_acknowledged()  # of none
    subscriptions.heartbeat_sent()
    assert ids(subscriptions.resumed())
    for _ in range(2):
        subscriptions.heartbeat_sent()
        subscriptions.heartbeat_acknowledged()
    assert ids(subscriptions.resumed()) == []
    assert ids(subscriptions.ready(ready())), "a new session"


def test_another_connection_proves_nothing_of_what_was_sent_on_the_one_before() -> None:
    subscriptions = GuildSubscriptions("all")
    subscriptions.connecting()
    subscriptions.heartbeat_sent()
    subscriptions.ready(ready())
    for _ in range(3):
        subscriptions.connecting()
        subscriptions.heartbeat_sent()
        subscriptions.heartbeat_acknowledged()  # while the session is resumed
    assert ids(subscriptions.resumed())


def test_half_a_surrogate_pair_in_a_name_costs_no_subscription() -> None:
    subscriptions = GuildSubscriptions("all")
    d = b'{"user":{"username":"\\ud83d"},"guilds":[{"id":"5"}]}'
    assert ids(subscriptions.ready(d)) == ids(GuildSubscriptions("all").ready(ready([{"id": "5"}])))


@pytest.mark.parametrize("guilds", [None, 5, [{"id": 5}], [{}], [{"id": "x"}], [{"id": "-5"}]])
def test_guilds_that_are_none_cost_no_session(guilds: Any) -> None:
    due = GuildSubscriptions("all").ready(ready(guilds))
    assert not due.commands
    assert "can't be subscribed to" in due.warning
