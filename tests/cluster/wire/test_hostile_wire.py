"""Whatever comes over a socket is a message, or is refused in the way that its reader expects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.config.worker_spec import decode_spec
from cluster.decode_errors import MALFORMED, worth_saying
from cluster.subscriber.chain import Mark, RangeReply, ShardChain
from cluster.subscriber.guild_filter import GuildFilter
from cluster.subscriber.replay_client import read_batch
from cluster.wire import control, link, replay, topic, watermark
from cluster.wire.batch import decode_epoch_end
from tests.fuzz.hostile_corpus import ANSWERED, ASKED, DEEP, PUBLISHED, REQUESTED, SAID, mutated

READERS: list[tuple[str, list[bytes], Callable[[bytes], Any]]] = [
    ("control request", REQUESTED, control.decode_request),
    ("control response", REQUESTED, control.decode_response),
    ("from a worker", SAID, link.decode_from_worker),
    ("to a worker", SAID, link.decode_to_worker),
    ("worker's spec", SAID, decode_spec),
    ("replay question", ASKED, replay.decode_request.decode),
    ("replay answer", ANSWERED, replay.decode_response.decode),
]


@pytest.mark.parametrize(
    ("messages", "read"), [r[1:] for r in READERS], ids=[r[0] for r in READERS]
)
def test_a_message_or_a_refusal(messages: list[bytes], read: Callable[[bytes], Any]) -> None:
    @settings(max_examples=60, derandomize=True)
    @given(mutated(messages))
    def property_(message: bytes) -> None:
        for text in (message, message + DEEP):
            try:
                read(text)
            except MALFORMED:
                continue

    property_()


@settings(max_examples=200, derandomize=True)
@given(st.lists(mutated(PUBLISHED), max_size=8), st.booleans())
def test_a_chain_takes_whatever_is_a_message(messages: list[bytes], begun: bool) -> None:
    """It holds no more than it may, and each thing that it puts out once."""
    chain, guilds = ShardChain(frozenset("A"), 200), GuildFilter([5])
    if begun:
        chain.begin(3, -1)
    for message in messages:
        try:
            found = read_batch(message)
            name, _, payload = topic.split(message)
            if found is not None:
                chain.batch(*found)
                for entry in found[1].events:
                    guilds.takes(name, entry.data)
            elif name == topic.WATERMARK:
                for row in watermark.decode(payload).shards:
                    chain.mark(Mark(row.epoch, row.before, row.base, row.seq, row.last))
            else:
                end = decode_epoch_end(payload)
                chain.mark(Mark(end.epoch, end.before, end.base, end.seq, end.last, final=True))
        except topic.WireError:
            continue
        chain.take()
        if (wanted := chain.wanted()) is not None:
            chain.answer(RangeReply(wanted, [], wanted.after, [], False, None, None))
            chain.take()
        assert chain._held.bytes <= 200


@pytest.mark.parametrize(
    "name", ["A\x00", "A.B", "", "A" * 200, "Ä", "A\n", "A.", "\x1b[2J", "A B"]
)
def test_a_topic_that_is_none(name: str) -> None:
    """What a worker would never write, its readers do not take: ``A.B`` is no name, and what clears
    a terminal is none either."""
    with pytest.raises(topic.WireError):
        topic.split(name.encode() + b".1.\x00" + PUBLISHED[0].split(b"\x00", 1)[1])


def test_depth_in_a_guild_filter_is_unreadable_and_counted() -> None:
    guilds = GuildFilter([5])
    deep = b'{"guild_id":"5","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert not guilds.takes("A", deep)
    assert guilds.unreadable == 1


def test_refusals_are_said_ever_more_seldom() -> None:
    assert [n for n in range(1, 1000) if worth_saying(n)] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]


@pytest.mark.parametrize("guild_id", ['"5"', "5"])
def test_a_guild_may_be_named_by_a_number(guild_id: str) -> None:
    guilds = GuildFilter([5])
    assert guilds.takes("TYPING_START", f'{{"guild_id":{guild_id}}}'.encode())
    assert guilds.takes("GUILD_CREATE", f'{{"id":{guild_id}}}'.encode())
    assert not guilds.takes("TYPING_START", f'{{"guild_id":{guild_id.replace("5", "6")}}}'.encode())
    assert guilds.unreadable == 0
