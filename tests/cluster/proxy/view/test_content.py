"""What of a message a session without MESSAGE_CONTENT gets."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.proxy.view.content import without_content

OWN = "424242424242"
SOMEBODY = {"id": "7"}
SAID: dict[str, Any] = {
    "content": "hello",
    "embeds": [{"title": "t"}],
    "attachments": [{"id": "1"}],
    "components": [{"type": 1}],
    "poll": {"question": {"text": "?"}},
}
EMPTY: dict[str, Any] = {"content": "", "embeds": [], "attachments": [], "components": []}


def message(author: str = "7", mentions: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    head = {"id": "9", "author": {"id": author}, "mentions": [{"id": one} for one in mentions]}
    return head | SAID | more


def emptied(made: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in (made | EMPTY).items() if key != "poll"}


def shown(made: Any, name: str = "MESSAGE_CREATE") -> Any:
    data = json.dumps(made).encode()
    found = without_content(name, data, OWN)
    assert (found is data) == (json.loads(found or b"null") == made)
    return json.loads(found) if found else None


def test_what_was_said_is_empty() -> None:
    assert shown(message()) == emptied(message())
    assert shown({"id": "9", "content": "only"}) == {"id": "9", "content": ""}


@pytest.mark.parametrize("made", [message(OWN), message(mentions=("8", OWN))])
def test_what_concerns_the_bot_is_whole(made: dict[str, Any]) -> None:
    assert shown(made) == made


@pytest.mark.parametrize(
    "made",
    [
        message(mention_roles=[OWN]),
        message(nonce=OWN),
        message(content=f"<@{OWN}>"),
        message(referenced_message=message(OWN)),
    ],
)
def test_its_id_elsewhere_is_no_mention(made: dict[str, Any]) -> None:
    assert shown(made) == emptied(made)


def test_each_message_within_is_looked_at_by_itself() -> None:
    made = message(
        referenced_message=message(),
        message_snapshots=[{"message": dict(SAID)}, {"message": message(OWN)}],
    )
    found = shown(made)
    assert found["referenced_message"] == emptied(message())
    assert found["message_snapshots"] == [{"message": EMPTY}, {"message": message(OWN)}]
    assert shown(message(referenced_message=None))["referenced_message"] is None


def test_what_lies_deep_is_left_out() -> None:
    made = message()
    for _ in range(50):
        made = message(referenced_message=made)
    text = json.dumps(shown(made))
    assert "hello" not in text
    assert 2 <= text.count("referenced_message") <= 5


def test_what_auto_moderation_caught_is_empty() -> None:
    caught = {"content": "bad words", "matched_content": "bad", "matched_keyword": "b*"}
    found = shown(caught, "AUTO_MODERATION_ACTION_EXECUTION")
    assert found == {"content": "", "matched_content": "", "matched_keyword": "b*"}


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"null", b'{"author":7}424242424242'])
def test_what_can_not_be_read_is_hidden(data: bytes) -> None:
    assert without_content("MESSAGE_CREATE", data, OWN) == b""


def test_strange_fields_hide_nothing_less() -> None:
    for strange in (None, [], "x", 5, [5], [{"message": 5}], {"content": "hello"}):
        found = without_content(
            "MESSAGE_UPDATE",
            json.dumps(message(message_snapshots=strange, referenced_message=strange)).encode(),
            OWN,
        )
        assert b"hello" not in found


leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
objects = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=12), objects, max_size=6), st.booleans())
def test_all_else_is_as_it_was(more: dict[str, Any], pretty: bool) -> None:
    made = {key: value for key, value in more.items() if key not in message()} | message()
    data = json.dumps(made, indent=2 if pretty else None).encode()
    assert json.loads(without_content("MESSAGE_CREATE", data, OWN)) == emptied(made)
