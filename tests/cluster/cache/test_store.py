"""The store: whole turns or none, room that is made, what is kept, what is of unknown age."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import lmdb
import msgspec
import pytest

from cluster.cache import CacheError, CacheFullError
from cluster.cache.kinds import Keep
from cluster.cache.opening import FIRST_BYTES
from cluster.cache.store import Store
from cluster.wire.batch import Event
from tests.cluster.cache.played import event, opened, position
from tests.fuzz.small_disk import Disk, small_disk

MIB = 1 << 20
GUILD = 1 << 22
OWN = 5


def ready(*guild_ids: int, seq: int = 1) -> object:
    guilds = [{"id": str(guild_id)} for guild_id in guild_ids]
    d = {"user": {"id": str(OWN)}, "guilds": guilds, "shard": [0, 1]}
    return event("READY", msgspec.json.encode(d), seq)


def person(user_id: int) -> dict[str, object]:
    return {"user": {"id": str(user_id), "username": "somebody"}, "roles": []}


def guild(guild_id: int, size: int = 10) -> object:
    d = {
        "id": str(guild_id),
        "member_count": 3,
        "members": [person(OWN), person(6), person(7)],
        "presences": [{"user": {"id": "6"}, "status": "online"}],
        "voice_states": [{"user_id": "7", "channel_id": "9"}],
        "channels": [{"id": str(n), "topic": "x" * 1000} for n in range(size)],
    }
    return event("GUILD_CREATE", msgspec.json.encode(d))


def write(store: Store, *events: object, seq: int = 1, missed: bool = False) -> None:
    """Write a turn. missed: after a Gap, so that guilds are told of anew."""
    with store.turn() as turn:
        if missed:
            turn.doubt(-1, 0, 1)
        for one in events:
            turn.apply(one)  # type: ignore[arg-type]
        turn.position = position(seq)


def test_a_turn_that_fails_changes_nothing(tmp_path: Path) -> None:
    store = opened(tmp_path)
    write(store, ready(GUILD), guild(GUILD))

    def fail() -> None:
        with store.turn() as turn:
            turn.apply(ready())  # type: ignore[arg-type]
            turn.position = position(2)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with store.snapshot() as view:
        assert view.position == position(1)
        assert view.guild_ids() == [GUILD]
    store.close()


def test_what_is_no_such_event_is_counted_and_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = opened(tmp_path)
    write(
        store,
        ready(GUILD),
        event("GUILD_CREATE", b"[]"),
        event("GUILD_CREATE", b"{}"),
        guild(GUILD),
    )
    assert store.unfit == {"GUILD_CREATE": 2}
    assert len(caplog.messages) == 1
    with store.snapshot() as view:
        assert not view.is_unavailable(GUILD)
    store.close()


def test_the_file_is_made_larger_within_a_turn(tmp_path: Path) -> None:
    store = opened(tmp_path, max_bytes=128 * MIB)
    assert store.bytes == FIRST_BYTES
    bad = event("GUILD_CREATE", b"[]")
    guilds = [GUILD * number for number in range(1, 25)]
    with store.snapshot() as held:
        write(store, ready(*guilds), bad, *(guild(one, 1000) for one in guilds))
        with pytest.raises(lmdb.Error):
            held.guild_ids()  # its pages were mapped elsewhere
    assert store.unfit == {"GUILD_CREATE": 1}, "what is done once more is not counted once more"
    assert FIRST_BYTES < store.bytes <= 128 * MIB
    assert (tmp_path / "data.mdb").stat().st_blocks * 512 >= store.bytes
    with store.snapshot() as view:
        assert all(len(view.channels(one)) == 1000 for one in guilds)
    store.close()
    store = opened(tmp_path, max_bytes=128 * MIB)
    assert store.position == position(1)
    assert store.set_aside == ""
    store.close()


def test_a_full_cache_says_so_and_goes_on(tmp_path: Path) -> None:
    store = opened(tmp_path, max_bytes=4 * MIB)
    write(store, ready(GUILD), guild(GUILD))
    with pytest.raises(CacheFullError, match="4,194,304 bytes"):
        write(store, guild(GUILD, 5000), seq=2, missed=True)
    write(store, guild(GUILD, 20), seq=3, missed=True)
    with store.snapshot() as view:
        assert len(view.channels(GUILD)) == 20
        assert view.position == position(3)
    store.close()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with small_disk(tmp_path / "disk", 40 * MIB) as made:
        yield made


def test_a_full_disk_is_no_sigbus(disk: Disk) -> None:
    store = opened(disk.folder / "cache", max_bytes=256 * MIB)
    write(store, ready(GUILD), guild(GUILD))
    disk.fill(leaving=MIB)
    with pytest.raises(CacheFullError, match="no room to grow"):
        write(store, guild(GUILD, 20_000), seq=2, missed=True)
    assert (disk.folder / "cache" / "data.mdb").stat().st_size == FIRST_BYTES
    assert disk.free > MIB // 2
    write(store, guild(GUILD, 2000), seq=3, missed=True)
    disk.empty()
    write(store, guild(GUILD, 9000), seq=4, missed=True)
    store.close()


def test_without_room_for_its_file_it_is_written_with_pwrite(disk: Disk) -> None:
    disk.fill(leaving=8 * MIB)
    store = opened(disk.folder / "cache", max_bytes=256 * MIB)
    write(store, ready(GUILD), guild(GUILD, 1000))
    with pytest.raises(CacheFullError, match="can't be written"):
        write(store, guild(GUILD, 20_000), seq=2, missed=True)
    with store.snapshot() as view:
        assert len(view.channels(GUILD)) == 1000
        assert view.position == position(1)
    disk.empty()
    write(store, guild(GUILD, 9000), seq=4, missed=True)
    store.close()


def test_gaps_leave_guilds_of_unknown_age_until_their_guild_create(tmp_path: Path) -> None:
    store = opened(tmp_path)
    one, two, three = GUILD, 2 * GUILD, 3 * GUILD
    write(store, ready(one, two, three), guild(one), guild(two), guild(three))
    with store.turn() as turn:
        assert turn.doubt(1, 2, 99) == 2
    with store.turn() as turn:
        assert turn.doubt(1, 2, 100) == 2
    with store.snapshot() as view:
        since = {found.id: found.state.unknown_since_ns for found in view.guilds()}
    assert since == {one: 99, two: 0, three: 99}
    write(store, guild(one))
    with store.turn() as turn:
        assert turn.doubt(-1, 0, 101) == 3
    with store.snapshot() as view:
        since = {found.id: found.state.unknown_since_ns for found in view.guilds()}
    assert since == {one: 101, two: 101, three: 99}
    store.close()


def kept(store: Store) -> tuple[set[int], int, bool, int]:
    with store.snapshot() as view:
        members = {int(member.json()["user"]["id"]) for member in view.members(GUILD)}
        state = view.guild_state(GUILD)
        assert state is not None
        return (
            members,
            len(view.presences(GUILD)),
            view.user(6) is not None,
            state.state.unknown_since_ns,
        )


def test_what_is_kept_no_more_is_removed(tmp_path: Path) -> None:
    store = opened(tmp_path)
    write(store, ready(GUILD), guild(GUILD))
    assert kept(store) == ({OWN, 6, 7}, 1, True, 0)
    store.close()
    store = opened(tmp_path, keep=[Keep.GUILDS, Keep.MEMBERS])
    assert kept(store) == ({OWN, 6, 7}, 0, False, 0)
    store.close()
    store = opened(tmp_path, keep=[Keep.GUILDS])
    assert kept(store) == ({OWN, 7}, 0, False, 0)
    store.close()


def test_what_is_kept_beside_from_now_on_was_not_known_before(tmp_path: Path) -> None:
    store = opened(tmp_path, keep=[Keep.GUILDS])
    write(store, ready(GUILD), guild(GUILD))
    assert kept(store) == ({OWN, 7}, 0, False, 0)
    store.close()
    store = opened(tmp_path)
    assert kept(store) == ({OWN, 7}, 0, False, 7), "of unknown age since the time of opening"
    write(store, guild(GUILD))
    assert kept(store) == ({OWN, 6, 7}, 1, True, 0)
    store.close()


def test_damage_in_the_midst_of_a_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = opened(tmp_path)
    write(store, ready(GUILD), guild(GUILD))

    def damaged(*_: object) -> None:
        raise lmdb.CorruptedError("a page was none")

    with monkeypatch.context() as patched:
        patched.setattr("cluster.cache.transaction.Transaction.put", damaged)
        with pytest.raises(CacheError, match="a page was none"):
            write(store, guild(GUILD), missed=True)
    store._environment.env.close()
    store = opened(tmp_path)
    assert store.set_aside == "a page was none"
    assert store.position is None
    store.close()


def test_what_a_turn_knew_of_guilds_the_next_one_does_not_believe_blindly(tmp_path: Path) -> None:
    store = opened(tmp_path)
    channel = event("CHANNEL_CREATE", b'{"id":"77","guild_id":"%d"}' % GUILD)
    write(store, ready(GUILD), guild(GUILD))
    write(store, event("GUILD_MEMBER_REMOVE", b'{"guild_id":"%d","user":{"id":"6"}}' % GUILD))
    write(store, event("GUILD_MEMBER_REMOVE", b'{"guild_id":"%d","user":{"id":"7"}}' % GUILD))
    with store.snapshot() as view:
        state = view.guild_state(GUILD)
        assert state is not None
        assert state.state.member_count == 1
    write(store, event("GUILD_DELETE", b'{"id":"%d"}' % GUILD))
    write(store, channel)
    with store.snapshot() as view:
        assert view.guild_ids() == []
        assert view.channels(GUILD) == [], "a channel of a guild that is gone"
    store.close()


@pytest.mark.parametrize("first", [0, 1])
def test_the_bot_is_as_it_was_received_last(tmp_path: Path, first: int) -> None:
    """A cache that begins late reads one shard's events after the other's: the second shard's READY
    is older than what the first one has told meanwhile."""

    def told(name: str, shard: int, received_ns: int, user: dict[str, str]) -> Event:
        d = user if name == "USER_UPDATE" else {"user": user, "guilds": [], "shard": [shard, 2]}
        data = msgspec.json.encode(d)
        return Event.make(name, shard, 2, 1, received_ns, data, received_ns, "store")

    store = opened(tmp_path)
    own = {"id": str(OWN), "username": "old"}
    shards = [
        [told("READY", 0, 1, own), told("USER_UPDATE", 0, 5, own | {"username": "new"})],
        [told("READY", 1, 2, own)],
    ]
    write(store, *shards[first])
    write(store, *shards[1 - first])
    with store.snapshot() as snapshot:
        bot = snapshot.bot()
        assert bot is not None
        assert bot.json()["user"]["username"] == "new"
    write(store, told("READY", 1, 6, own | {"username": "newest"}))
    with store.snapshot() as snapshot:
        bot = snapshot.bot()
        assert bot is not None
        assert bot.json()["user"]["username"] == "newest"
