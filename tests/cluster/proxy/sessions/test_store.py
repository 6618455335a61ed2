"""SessionStore: sessions of several processes of a host."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from cluster.proxy.identify import Identify
from cluster.proxy.sessions.store import FILE, Change, Found, SessionStore
from cluster.proxy.sessions.stored import Stored
from tests.cluster.proxy.sessions.played import identify

NS = 10**9


def stored(session_id: str, who: Identify | None = None, acknowledged: int = 5) -> Stored:
    return Stored(
        id=session_id, identify=who or identify(), acknowledged=acknowledged,
        positions={"store": "x", "shards": [[2, 0, 1, acknowledged]]}, state=b"\xff\x00guilds",
    )  # fmt: skip


def heir_of(store: SessionStore, who: Identify) -> Found | None:
    return next(iter(store.find_detached(who)), None)


def detached(one: Stored, seconds: int) -> Change:
    return Change(one, seconds * NS, is_state_new=False)


@pytest.fixture
def one(tmp_path: Path) -> Iterator[SessionStore]:
    with closing(SessionStore(tmp_path)) as store:
        yield store


@pytest.fixture
def two(tmp_path: Path) -> Iterator[SessionStore]:
    with closing(SessionStore(tmp_path)) as store:
        yield store


def test_a_session_is_read_as_it_was_written(one: SessionStore, two: SessionStore) -> None:
    first = stored("a", msgspec.structs.replace(identify("bot"), program="discord.py", url="ws:"))
    one.add(first, NS)
    found = two.take("a", "bot", 5)
    assert found is not None
    assert found.stored == first
    assert found.owner == one.owner


def test_the_presence_is_not_stored(one: SessionStore) -> None:
    presence = msgspec.Raw(b'{"status":"dnd"}')
    one.add(stored("a", msgspec.structs.replace(identify(), presence=presence)), NS)
    found = one.take("a", "", 5)
    assert found is not None
    assert found.stored.identify == identify()


def test_who_had_a_session_is_told_when_it_writes(one: SessionStore, two: SessionStore) -> None:
    one.add(stored("a"), NS)
    one.add(stored("b"), NS)
    assert two.take("a", "", 7) is not None
    assert one.owned() == {"b"}
    later = [Change(stored(name, acknowledged=9), 0, True) for name in ("a", "b")]
    assert one.write(later, NS) == ["a"]
    one.remove(["a"])
    found = two.take("a", "", 7)
    assert found is not None
    assert found.stored.acknowledged == 5
    assert found.owner == two.owner


def test_who_may_not_take_a_session(one: SessionStore) -> None:
    one.add(stored("a", identify("bot")), NS)
    assert one.take("b", "bot", 5) is None
    assert one.take("a", "", 5) is None
    assert one.take("a", "bot", 4) is None
    over = msgspec.structs.replace(stored("a", identify("bot")), is_over=True)
    one.write([detached(over, 2)], NS)
    assert one.take("a", "bot", 5) is None
    assert heir_of(one, identify("bot")) is not None


@pytest.mark.parametrize(("client", "heirs"), [("", ["b", "c"]), ("bot", ["b", "c", "a"])])
def test_the_heir_is_of_the_same_program_and_of_the_one_that_went_last(
    one: SessionStore, two: SessionStore, client: str, heirs: list[str]
) -> None:
    """A client that has a name may be written anew; programs without one are each their own."""

    def of(program: str) -> Identify:
        return msgspec.structs.replace(identify(client), program=program)

    for name, program, seconds in (("a", "x", 30), ("b", "y", 40), ("c", "y", 20), ("d", "y", 0)):
        session = stored(name, of(program))
        one.add(session, NS)
        one.write([detached(session, seconds)], NS)
    for expected in heirs:
        found = heir_of(two, of("y"))
        assert found is not None
        assert found.stored.id == expected
        assert two.add(stored("heir of " + expected, of("y")), NS, replaces=found)
    assert heir_of(two, of("y")) is None  # d has a connection, and so have the heirs


@pytest.mark.parametrize("change", [{"client": "b"}, {"shard_id": 1}, {"intents": 3}])
def test_nobody_is_the_heir_of_another(one: SessionStore, change: dict[str, object]) -> None:
    who = msgspec.structs.replace(identify("a"), shard_count=2)
    one.add(stored("a", who), NS)
    one.write([detached(stored("a", who), 2)], NS)
    assert heir_of(one, who) is not None
    assert heir_of(one, msgspec.structs.replace(who, **change)) is None


def test_one_session_has_one_heir(one: SessionStore, two: SessionStore) -> None:
    one.add(stored("a"), NS)
    one.write([detached(stored("a"), 2)], NS)
    found = heir_of(one, identify())
    assert heir_of(two, identify()) == found
    assert one.add(stored("b"), NS, replaces=found)
    assert not two.add(stored("c"), NS, replaces=found)
    assert two.take("c", "", 5) is None


@pytest.mark.parametrize("by_its_owner", [False, True])
def test_a_session_that_is_resumed_meanwhile_has_no_heir(
    one: SessionStore, two: SessionStore, by_its_owner: bool
) -> None:
    one.add(stored("a"), NS)
    one.write([detached(stored("a"), 2)], NS)
    found = heir_of(one, identify())
    assert found is not None
    assert (one if by_its_owner else two).take("a", "", 5) is not None
    assert not two.add(stored("b"), NS, replaces=found)


def test_what_a_process_that_was_killed_had_is_without_a_connection(
    one: SessionStore, tmp_path: Path
) -> None:
    code = (
        "import sys, time; from pathlib import Path\n"
        "from cluster.proxy.sessions.store import SessionStore\n"
        "from tests.cluster.proxy.sessions.test_store import stored\n"
        "store = SessionStore(Path(sys.argv[1])); store.add(stored('a'), 10**9)\n"
        "print(store.owner, flush=True); time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    owner = process.stdout.readline().strip()
    assert one.is_alive(owner)
    assert heir_of(one, identify()) is None
    process.kill()
    process.wait()
    process.stdout.close()
    assert not one.is_alive(owner)
    found = heir_of(one, identify())
    assert one.add(stored("b"), NS, replaces=found)


def test_sessions_expire(one: SessionStore, two: SessionStore) -> None:
    for name in ("gone", "kept", "here"):
        one.add(stored(name, identify(name)), NS)
    one.write([detached(stored("gone"), 100), detached(stored("kept"), 300)], NS)
    one.expire(before_ns=200 * NS, now_ns=400 * NS)
    assert one.owned() == {"kept", "here"}


def test_where_the_clock_jumps_no_session_with_a_connection_expires(
    one: SessionStore, two: SessionStore
) -> None:
    """The host has slept, or keep_seconds is shorter than the time between two looks."""
    two.add(stored("of two"), NS)
    one.expire(before_ns=200 * NS, now_ns=400 * NS)
    assert two.owned() == {"of two"}
    two.close()
    one.expire(before_ns=200 * NS, now_ns=400 * NS)
    assert one.find_detached(identify()) == []


def test_a_damaged_file_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database" * 1000)
    with closing(SessionStore(tmp_path)) as store:
        assert store.add(stored("a"), NS)
    assert (tmp_path / f"aside-{FILE}").exists()
    with closing(SessionStore(tmp_path)) as store:
        assert store.take("a", "", 5) is not None


def test_the_file_is_its_owners_alone(one: SessionStore, tmp_path: Path) -> None:
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0
