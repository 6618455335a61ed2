"""A store.sqlite that is cut, damaged or another program's: said, and nothing else is touched."""

from __future__ import annotations

import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from cluster.errors import ClusterError
from coordinator.state.database import StoreError
from coordinator.state.store import Store


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "sound.sqlite"
    store = Store.open(path)
    for grant in range(1, 500):
        store.grant(grant, f"account-{grant % 7}", 16, grant % 16, float(grant))
        store.sent(grant, grant + 0.5)
    store.reset_due("account-1", 1e9, 1.0)
    store.close()
    return path


def used(path: Path) -> None:
    """Use a store as a start and a grant do."""
    store = Store.open(path)
    try:
        store.next_grant_id()
        store.spent("account-1", 600.0)
        store.recent("account-1", 0.0, 600.0)
        store.plan()
        store.reset_due("account-1", 2e9, 1.0)
        for shard in range(16):
            store.known(16, shard)
        store.grant(store.next_grant_id(), "account-1", 16, 3, 601.0)
    finally:
        store.close()


@pytest.mark.parametrize("seed", range(3))
def test_a_damaged_store_is_refused_or_used(sound: Path, tmp_path: Path, seed: int) -> None:
    """A refusal is an error that a start and an identify queue know, and no other."""
    chance, whole, refused = random.Random(seed), sound.read_bytes(), 0
    for number in range(25):
        data = bytearray(whole)
        match number % 4:
            case 0:
                data = data[: chance.randrange(1, len(data))]
            case 1:
                for _ in range(30):
                    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            case 2:
                start = chance.randrange(len(data) // 4096) * 4096
                data[start : start + 4096] = chance.randbytes(4096)
            case _:
                data[chance.randrange(100)] = chance.randrange(256)
        path = tmp_path / f"{number}.sqlite"
        path.write_bytes(data)
        try:
            used(path)
        except (ClusterError, StoreError):
            refused += 1
    assert refused > 8


@pytest.mark.parametrize("version", [1, -1, 0, 2**31 - 1])
def test_another_program_s_database(tmp_path: Path, version: int) -> None:
    path = tmp_path / "store.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE meta (id INTEGER)")
        database.execute(f"PRAGMA user_version = {version}")
    database.close()
    before = path.read_bytes()
    with pytest.raises(ClusterError, match=r"can't be opened|newer"):
        Store.open(path)
    with sqlite3.connect(path) as database:
        tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master")]
    database.close()
    assert tables == ["meta"]
    assert len(path.read_bytes()) == len(before)


def test_a_plan_that_is_rubbish_is_made_anew(sound: Path, tmp_path: Path) -> None:
    for value in ("", "{", "[" * 5000, '{"a":1}', b"\xff", 7):
        path = tmp_path / "store.sqlite"
        shutil.copy(sound, path)
        with sqlite3.connect(path) as database:
            database.execute("INSERT OR REPLACE INTO meta VALUES ('plan', ?)", (value,))
        database.close()
        store = Store.open(path)
        assert store.plan() is None
        store.close()
