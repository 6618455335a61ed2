"""Chunks of members, gathered: in any order, repeated, of others, refused, too late."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.commands import BusyError, MemberChunks
from cluster.commands.chunk_waiter import ChunkWaiter
from cluster.errors import ClusterError

GUILD = 41771983423143937


def chunk(index: int, count: int, **fields: Any) -> bytes:
    d: dict[str, Any] = {
        "guild_id": str(GUILD),
        "members": [{"nick": str(index), "roles": [], "joined_at": None}],
        "presences": [{"status": "online", "activities": [], "client_status": {}}],
        "chunk_index": index,
        "chunk_count": count,
        "nonce": "n",
    }
    return json.dumps(d | fields).encode()


@given(st.integers(1, 12).flatmap(lambda n: st.permutations([*range(n), 0, n - 1])), st.data())
def test_in_any_order_and_repeated(order: list[int], data: st.DataObject) -> None:
    """A resume replays what came before it."""
    count = len(set(order))
    gathering = MemberChunks(GUILD, "n")
    seen = set[int]()
    for index in order:
        assert not gathering.take("GUILD_MEMBERS_CHUNK", chunk(index, count, nonce="of another"))
        assert not gathering.take("GUILD_MEMBERS_CHUNK", chunk(index, count, guild_id="5"))
        assert not gathering.take("TYPING_START", b"{}")
        seen.add(index)
        complete = gathering.take("GUILD_MEMBERS_CHUNK", chunk(index, count, not_found=["7"]))
        assert complete == (len(seen) == count)
        assert gathering.progress == (len(seen), count)
        if complete:
            break
    found = gathering.result()
    assert [m.nick for m in found.members] == [str(n) for n in range(count)]
    assert len(found.presences) == count
    assert found.not_found == [7] * count


@pytest.mark.parametrize(
    ("said", "wait", "told"), [(27.5, 27.5, "27.5"), (1e300, 86400.0, "86400.0"), (-5, 0.0, "0.1")]
)
def test_discord_refuses(said: float, wait: float, told: str) -> None:
    gathering = MemberChunks(GUILD, "n")
    limited = {"opcode": 8, "retry_after": said, "meta": {"guild_id": str(GUILD), "nonce": "x"}}
    assert not gathering.take("RATE_LIMITED", json.dumps(limited).encode())
    limited["meta"] = {"guild_id": str(GUILD), "nonce": "n"}
    with pytest.raises(BusyError, match=rf"RATE_LIMITED: try again in {told} s") as refused:
        gathering.take("RATE_LIMITED", json.dumps(limited).encode())
    assert refused.value.retry_after_s == wait


@pytest.mark.parametrize(
    "data", [b"{", chunk(2, 2), chunk(-1, 2), chunk(1, 0), chunk(0, 1 << 40), b'{"guild_id":[]}']
)
def test_what_can_t_be_read(data: bytes) -> None:
    with pytest.raises(ClusterError, match=r"can't be read|out of range"):
        MemberChunks(GUILD, "n").take("GUILD_MEMBERS_CHUNK", data)


def test_a_chunk_of_another_request_disturbs_nobody() -> None:
    gathering = MemberChunks(GUILD, "n")
    assert not gathering.take("GUILD_MEMBERS_CHUNK", chunk(0, 1, members=5, nonce="of another"))
    assert gathering.take("GUILD_MEMBERS_CHUNK", chunk(0, 1))


def test_a_chunk_that_leaves_out_or_has_null() -> None:
    gathering = MemberChunks(GUILD, "n")
    assert not gathering.take("GUILD_MEMBERS_CHUNK", chunk(0, 2, presences=None, not_found=None))
    bare = json.loads(chunk(1, 2))
    del bare["members"], bare["presences"]
    assert gathering.take("GUILD_MEMBERS_CHUNK", json.dumps(bare).encode())
    found = gathering.result()
    assert ([m.nick for m in found.members], found.presences) == (["0"], [])
    assert (len(found.raw_members), found.raw_presences) == (1, [])


def test_nothing_to_tell_is_a_whole_answer() -> None:
    """Servers that count chunks from the members say 0 of 0 where there are none."""
    gathering = MemberChunks(GUILD, "n")
    assert gathering.take("GUILD_MEMBERS_CHUNK", chunk(0, 0, members=None, presences=[]))
    found = gathering.result()
    assert (found.members, found.raw_members, found.raw_presences) == ([], [], [])


def test_half_a_surrogate_pair_ends_no_gathering() -> None:
    half = [{"nick": "a\ud83d", "user": {"id": "7", "username": "b"}, "roles": []}]
    gathering = MemberChunks(GUILD, "n")
    assert not gathering.take("GUILD_MEMBERS_CHUNK", chunk(0, 1, members=half, nonce="of another"))
    data = chunk(0, 1, members=half)
    assert b"\\ud83d" in data
    assert gathering.take("GUILD_MEMBERS_CHUNK", data)
    found = gathering.result()
    assert found.chunks == [data]
    assert [member.nick for member in found.members] == ["a\ufffd"]
    assert [json.loads(raw)["nick"] for raw in found.raw_members] == ["a\ufffd"]


def test_what_can_t_be_read_ends_the_gathering_that_it_answers() -> None:
    gathering = MemberChunks(GUILD, "mine")
    for name in ("GUILD_MEMBERS_CHUNK", "RATE_LIMITED"):
        assert not gathering.take(name, b'{"nonce":"another","members":[')
        with pytest.raises(ClusterError, match="can't be read"):
            gathering.take(name, b'{"nonce":"mine","members":[')


def test_an_answer_whose_length_changes_does_not_come_to_an_end_by_itself() -> None:
    gathering = MemberChunks(GUILD, "n")
    for index in range(3):
        assert not gathering.take("GUILD_MEMBERS_CHUNK", chunk(index, 5))
    with pytest.raises(ClusterError, match="are 5 and then 2"):
        gathering.take("GUILD_MEMBERS_CHUNK", chunk(0, 2))


def test_a_guild_may_be_named_by_a_number() -> None:
    gathering = MemberChunks(GUILD, "n")
    assert not gathering.take("GUILD_MEMBERS_CHUNK", chunk(0, 1, guild_id=5))
    assert gathering.take("GUILD_MEMBERS_CHUNK", chunk(0, 1, guild_id=GUILD))


def test_what_was_not_found_and_is_no_id_is_left_out() -> None:
    gathering = MemberChunks(GUILD, "n")
    gathering.take(
        "GUILD_MEMBERS_CHUNK", chunk(0, 1, not_found=["7", 8, "x", "9" * 5000, "\u0663"])
    )
    assert gathering.result().not_found == [7, 8]


def test_a_member_that_is_none_is_still_there_as_json() -> None:
    gathering = MemberChunks(GUILD, "n")
    gathering.take("GUILD_MEMBERS_CHUNK", chunk(0, 1, members=[{}, 5], presences=[]))
    found = gathering.result()
    with pytest.raises(ClusterError, match=r"GUILD_MEMBERS_CHUNK.*\$\.members\[1\].*raw_members"):
        _ = found.members
    assert (found.raw_members, found.presences) == ([b"{}", b"5"], [])


def test_a_member_with_a_field_that_does_not_fit_is_there_without_it() -> None:
    gathering = MemberChunks(GUILD, "n")
    gathering.take("GUILD_MEMBERS_CHUNK", chunk(0, 1, members=[{"roles": 5, "nick": "a"}]))
    (member,) = gathering.result().members
    assert (member.nick, bool(member.roles)) == ("a", False)
    gathering = MemberChunks(GUILD, "n")
    gathering.take("GUILD_MEMBERS_CHUNK", chunk(0, 1, members=None, not_found=["x"]))
    assert gathering.result().members == []


def test_a_chunk_that_does_not_come() -> None:
    async def main() -> None:
        waiter = ChunkWaiter(MemberChunks(GUILD, "n"))
        waiter.take("GUILD_MEMBERS_CHUNK", chunk(0, 2))
        with pytest.raises(ClusterError, match=rf"of guild {GUILD} came for 0.01 s, 1 of 2"):
            await waiter.wait(0.01)
        waiter = ChunkWaiter(MemberChunks(GUILD, "n"))
        with pytest.raises(ClusterError, match=rf"none is here: .* is not in guild {GUILD}, of"):
            await waiter.wait(0.01)

    asyncio.run(main())


def test_what_comes_before_it_is_waited_for() -> None:
    async def main() -> None:
        waiter = ChunkWaiter(MemberChunks(GUILD, "n"))
        waiter.take("GUILD_MEMBERS_CHUNK", chunk(0, 1))
        assert len((await waiter.wait(1)).members) == 1
        waiter = ChunkWaiter(MemberChunks(GUILD, "n"))
        waiter.take("GUILD_MEMBERS_CHUNK", b"{")
        waiter.take("GUILD_MEMBERS_CHUNK", chunk(0, 1))
        with pytest.raises(ClusterError, match="can't be read"):
            await waiter.wait(1)

    asyncio.run(main())


def test_each_new_chunk_is_told() -> None:
    async def main() -> None:
        told: list[tuple[int, int]] = []
        waiter = ChunkWaiter(MemberChunks(GUILD, "n"), lambda *progress: told.append(progress))
        for index in (1, 1, 0):
            waiter.take("GUILD_MEMBERS_CHUNK", chunk(index, 2))
        assert told == [(1, 2), (2, 2)]

    asyncio.run(main())


def test_another_session_does_not_answer_what_the_one_before_was_asked() -> None:
    async def main() -> None:
        waiter = ChunkWaiter(MemberChunks(GUILD, "n"))
        waiter.take("READY", b"{}")  # before it was sent
        waiting = asyncio.ensure_future(waiter.wait(60))
        await asyncio.sleep(0)
        waiter.take("READY", b"{}")
        with pytest.raises(ClusterError, match="is lost: ask again"):
            await waiting

    asyncio.run(main())
