"""Cache: how programs read it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

import lmdb
import msgspec
import pytest

from cluster.cache import Cache, CacheError
from cluster.cache.reading import environments
from cluster.endpoints.paths import Running
from cluster.errors import NotRunningError
from tests.cluster.cache import cache_child
from tests.cluster.cache.cache_child import SMALL
from tests.cluster.cache.played import ALL, event, opened, position

GUILD = cache_child.GUILDS[0]
EMPTY = 5 << 40
_GUILD: dict[str, Any] = {
    "id": str(GUILD),
    "name": "guild",
    "member_count": 3,
    "roles": [{"id": "21", "name": "role"}],
    "emojis": [{"id": "22", "name": "emoji"}],
    "stickers": [{"id": "23", "name": "sticker"}],
    "channels": [{"id": "24", "type": 0, "name": "channel"}],
    "threads": [{"id": "25", "type": 11, "name": "thread"}],
    "voice_states": [{"user_id": "5", "channel_id": "24", "session_id": "s"}],
    "stage_instances": [{"id": "26", "topic": "stage"}],
    "guild_scheduled_events": [{"id": "27", "name": "planned"}],
    "soundboard_sounds": [{"sound_id": "28", "name": "sound"}],
    "members": [{"user": {"id": "5", "username": "bot"}, "nick": "nick", "roles": []}],
    "presences": [{"user": {"id": "5"}, "status": "idle"}],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A cache that its writer has closed: a process has each file open once."""
    made = tmp_path / "cache"
    store = opened(made, max_bytes=SMALL)
    ready = {
        "user": {"id": "5", "username": "bot"},
        "application": {"id": "6"},
        "guilds": [{"id": str(GUILD)}, {"id": str(EMPTY)}],
        "shard": [0, 1],
    }
    with store.turn() as turn:
        turn.apply(event("READY", msgspec.json.encode(ready), count=2))
        turn.apply(event("GUILD_CREATE", msgspec.json.encode(_GUILD), count=2))
        turn.position = position(9)
    store.close()
    return made


@pytest.fixture
def cache(folder: Path) -> Iterator[Cache]:
    with Cache(folder) as made:
        yield made


def test_all_of_a_guild_typed_and_raw(cache: Cache) -> None:
    with cache.snapshot() as view:
        guild = view.guild(GUILD)
        assert guild is not None
        assert guild.raw == b'{"id":"4194304","name":"guild"}'
        assert (guild.typed().name, guild.json()["name"]) == ("guild", "guild")
        names = {
            "roles": view.roles(GUILD)[0].typed().name,
            "emojis": view.emojis(GUILD)[0].typed().name,
            "stickers": view.stickers(GUILD)[0].typed().name,
            "channels": view.channels(GUILD)[0].typed().name,
            "threads": view.threads(GUILD)[0].typed().name,
            "stage_instances": view.stage_instances(GUILD)[0].typed().topic,
            "guild_scheduled_events": view.scheduled_events(GUILD)[0].typed().name,
            "soundboard_sounds": view.soundboard_sounds(GUILD)[0].typed().name,
        }
        assert names == {
            name: item[0].get("name") or item[0]["topic"]
            for name, item in _GUILD.items()
            if name in names
        }
        member = view.member(GUILD, 5)
        assert member is not None
        assert member.typed().nick == "nick"
        assert member.raw == view.members(GUILD)[0].raw
        presence = view.presence(GUILD, 5)
        assert presence is not None
        assert presence.typed().status == "idle"
        assert len(view.presences(GUILD)) == 1
        state = view.voice_state(GUILD, 5)
        assert state is not None
        assert state.typed().channel_id == 24
        role = view.role(GUILD, 21)
        assert role is not None
        assert repr(role) == "Part(Role, 25 bytes)"
        user = view.user(5)
        assert user is not None
        assert user.typed().username == "bot"


def test_a_cache_answers_as_a_snapshot_of_it_does(cache: Cache) -> None:
    def raw(found: Any) -> Any:
        if isinstance(found, list):
            return [raw(one) for one in found]
        return getattr(found, "raw", found)

    with cache.snapshot() as view:
        for name, args in {
            "bot": (),
            "guild_ids": (),
            "guilds": (),
            "guild": (GUILD,),
            "guild_state": (GUILD,),
            "guild_create": (GUILD, ALL),
            "channels": (GUILD,),
            "channel": (GUILD, 24),
            "threads": (GUILD,),
            "roles": (GUILD,),
            "role": (GUILD, 21),
            "members": (GUILD,),
            "member": (GUILD, 5),
            "presence": (GUILD, 5),
            "voice_states": (GUILD,),
            "user": (5,),
        }.items():
            found = raw(getattr(cache, name)(*args))
            assert found == raw(getattr(view, name)(*args)), name
            assert found, name
        assert cache.position == view.position == position(9)


def test_channels_are_found_and_threads(cache: Cache) -> None:
    names = [part and part.typed().name for part in (cache.channel(GUILD, i) for i in (24, 25, 26))]
    assert names == ["channel", "thread", None]


def test_the_bot(cache: Cache) -> None:
    bot = cache.bot()
    assert bot is not None
    assert bot.typed().user.username == "bot"
    assert bot.typed().application.id == 6


def test_how_guilds_stand(cache: Cache) -> None:
    here, empty = cache.guilds()
    assert (here.id, here.shard_id, here.shard_count) == (GUILD, 1, 2)
    assert (here.state.member_count, here.state.unavailable) == (3, False)
    assert (empty.id, empty.shard_id, empty.state.unavailable) == (EMPTY, 0, True)
    assert cache.guild_state(EMPTY) == empty
    assert cache.guild_create(EMPTY, ALL) is None
    assert cache.guild_create(1, ALL) is None
    assert cache.guild_state(1) is None
    assert cache.guild(EMPTY) is None
    assert cache.channels(EMPTY) == []


def test_an_empty_cache(tmp_path: Path) -> None:
    opened(tmp_path, max_bytes=SMALL).close()
    with Cache(tmp_path) as cache:
        assert cache.position is None
        assert cache.bot() is None
        assert cache.guild_ids() == []


def test_there_is_no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CacheError, match="no cache in"):
        Cache(tmp_path)
    monkeypatch.setenv("DCGW_STATE_ROOT", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(NotRunningError):
        Cache()


def test_it_is_opened_once_a_process_and_closed_with_the_last(folder: Path) -> None:
    first, second = Cache(folder), Cache(folder / ".." / "cache")
    assert len(environments._open) == 1
    first.close()
    first.close()
    assert second.guild_ids()
    with pytest.raises(CacheError, match="closed"):
        first.guild_ids()
    second.close()
    assert not environments._open
    lmdb.open(str(folder), readonly=True, max_dbs=8).close()  # no other has it


def test_threads_may_share_it(cache: Cache) -> None:
    found: list[bytes | None] = []

    def read() -> None:
        found.extend(cache.guild_create(GUILD, ALL) for _ in range(50))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found) == {cache.guild_create(GUILD, ALL)}
    assert len(found) == 200


def test_a_process_that_was_forked_is_told_so(cache: Cache, folder: Path) -> None:
    def forked() -> None:
        for use in (cache.guild_ids, lambda: Cache(folder)):
            with pytest.raises(CacheError, match="forked"):
                use()
        cache.close()

    with cache.snapshot() as view:
        assert cache_child.in_another_process(forked) == 0
        assert view.guild_ids() == [GUILD, EMPTY]
        (environment,) = environments._open.values()
        assert f"{os.getpid()} " in environment._env.readers()


class Writer:
    """Another process that writes a cache, turn after turn as it is told."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, cache_child.__file__, "turns", str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.said()

    def said(self) -> str:
        return cast(IO[str], self._process.stdout).readline()

    def turn(self, seq: int) -> None:
        pipe = cast(IO[str], self._process.stdin)
        print(seq, file=pipe, flush=True)
        assert self.said()

    def close(self) -> None:
        self._process.communicate(timeout=60)


def test_a_snapshot_stays_as_it_was_while_others_write(folder: Path) -> None:
    writer = Writer(folder)
    with Cache(folder) as cache:
        with cache.snapshot() as view:
            before = view.position, len(view.guild_ids())
            for seq in range(1, 6):
                writer.turn(seq)
            assert (view.position, len(view.guild_ids())) == before
            assert cache.position == position(5)
        assert cache.guild_ids() == cache_child.GUILDS
    writer.close()


def test_a_reader_follows_a_file_that_was_made_larger_or_anew(folder: Path) -> None:
    writer = Writer(folder)
    with Cache(folder) as cache:
        inode = os.stat(folder / "data.mdb").st_ino
        writer.turn(500)
        assert os.stat(folder / "data.mdb").st_size > SMALL
        assert len(cache.roles(GUILD)) == 510
        writer.close()
        (folder / "cache.json").unlink()
        writer = Writer(folder)
        assert os.stat(folder / "data.mdb").st_ino != inode
        positions = [cache.position]
        writer.turn(1)
        positions.append(cache.position)
        assert positions == [None, position(1)]
    writer.close()


def test_a_reader_follows_a_file_that_may_be_larger_than_before(folder: Path) -> None:
    with Cache(folder) as cache:
        writer = Writer(folder)
        writer.turn(1)
        with cache.snapshot() as view:
            writer.turn(500)
            assert os.stat(folder / "data.mdb").st_size > SMALL
            with pytest.raises(CacheError, match="larger than it might become"):
                cache.snapshot()
            assert view.position == position(1)
        assert len(cache.roles(GUILD)) == 510
        writer.close()


def test_the_place_of_a_reader_that_was_killed_is_given_back(folder: Path) -> None:
    reader = subprocess.Popen(
        [sys.executable, cache_child.__file__, "read", str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert cast(IO[str], reader.stdout).readline()
    store = opened(folder, max_bytes=SMALL)
    assert store.check_readers() == 0
    reader.kill()
    reader.communicate()
    assert store.check_readers() == 1
    store.close()


def test_without_a_folder_it_is_the_running_clusters(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found() -> Running:
        return Running(
            name="default", pid=1, started_at=0.0, state_dir=str(folder.parent),
            control_endpoint="", hub_endpoint="", replay_endpoint="",
        )  # fmt: skip

    monkeypatch.setattr("cluster.cache.reading.reader.find_cluster", found)
    with Cache() as cache:
        assert cache.position == position(9)
