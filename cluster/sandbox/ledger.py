"""Two ledgers: what happened in the world, and every dispatch. Compact, bounded, cheap to add to.

A row is 32 bytes in a chunk of 65,536 rows; past ``max_rows`` the oldest chunk goes, and
``dropped`` says how many rows went. ``hash`` is blake2b with 8 bytes over the bytes of ``d``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any, Final

_CHUNK_ROWS: Final = 65_536
_ROW = struct.Struct("<8sQdII")  # hash, guild or seq, Unix seconds, session, name
_REPLAYED: Final = 1 << 31


def digest_of(data: bytes) -> bytes:
    return blake2b(data, digest_size=8).digest()


class _Rows:
    """An append-only list of fixed rows, numbered from 1, whose oldest part may be gone."""

    def __init__(self, max_rows: int) -> None:
        self._max_chunks = max(1, max_rows // _CHUNK_ROWS)
        self._chunks: list[bytearray] = [bytearray()]
        self._filled = 0
        self.count = 0
        self.dropped = 0

    def append(self, row: bytes) -> None:
        if self._filled == _CHUNK_ROWS:
            self._chunks.append(bytearray())
            self._filled = 0
            if len(self._chunks) > self._max_chunks:
                del self._chunks[0]
                self.dropped += _CHUNK_ROWS
        self._chunks[-1] += row
        self._filled += 1
        self.count += 1

    def after(self, number: int) -> Iterator[tuple[int, tuple[Any, ...]]]:
        """Yield (n, row) for every row with n > number that is still held."""
        position = max(number, self.dropped)
        while position < self.count:
            chunk, offset = divmod(position - self.dropped, _CHUNK_ROWS)
            yield position + 1, _ROW.unpack_from(self._chunks[chunk], offset * _ROW.size)
            position += 1


class Ledger:
    """The world's events and the dispatches of all sessions, in order, numbered from 1."""

    def __init__(self, max_rows: int = 2_000_000) -> None:
        self._names: list[str] = []
        self._name_ids: dict[str, int] = {}
        self._sessions: list[tuple[str, int, int]] = []
        self._world = _Rows(max_rows)
        self._dispatches = _Rows(max_rows)

    # Writing

    def name_id(self, name: str) -> int:
        known = self._name_ids.get(name)
        if known is None:
            known = self._name_ids[name] = len(self._names)
            self._names.append(name)
        return known

    def add_session(self, session_id: str, shard: int, shard_count: int) -> int:
        """Add a session; return the number that ``dispatched`` takes for it."""
        self._sessions.append((session_id, shard, shard_count))
        return len(self._sessions) - 1

    def happened(self, name: str, guild_id: int | None, digest: bytes, moment: float) -> None:
        """Add an event of the world. moment: Unix seconds."""
        name_id = self._name_ids.get(name)
        if name_id is None:
            name_id = self.name_id(name)
        self._world.append(_ROW.pack(digest, guild_id or 0, moment, 0, name_id))

    def dispatched(
        self,
        session: int,
        seq: int,
        name: str,
        digest: bytes,
        moment: float,
        *,
        replayed: bool = False,
    ) -> None:
        """Add a dispatch to a session. moment: Unix seconds."""
        name_id = self._name_ids.get(name)
        if name_id is None:
            name_id = self.name_id(name)
        self._dispatches.append(
            _ROW.pack(digest, seq, moment, session, name_id | _REPLAYED if replayed else name_id)
        )

    # Reading

    def world(self, after: int = 0, limit: int = 10_000) -> list[dict[str, Any]]:
        """Rows {n, name, guild_id, hash, at} with n > after; guild_id as a string or None."""
        rows: list[dict[str, Any]] = []
        for n, (digest, guild_id, moment, _, name) in self._world.after(after):
            if len(rows) >= limit:
                break
            rows.append(
                {
                    "n": n,
                    "name": self._names[name],
                    "guild_id": str(guild_id) if guild_id else None,
                    "hash": digest.hex(),
                    "at": moment,
                }
            )
        return rows

    def dispatches(
        self,
        after: int = 0,
        limit: int = 10_000,
        *,
        shard: int | None = None,
        session: str | None = None,
    ) -> list[dict[str, Any]]:
        """Rows {n, shard, shard_count, session, s, name, hash, at} with n > after.

        A dispatch that RESUME sent again has ``replayed: true`` and is a row of its own.
        """
        rows: list[dict[str, Any]] = []
        for n, (digest, seq, moment, index, name) in self._dispatches.after(after):
            if len(rows) >= limit:
                break
            session_id, shard_id, shard_count = self._sessions[index]
            if (shard is not None and shard_id != shard) or (session and session_id != session):
                continue
            row = {
                "n": n,
                "shard": shard_id,
                "shard_count": shard_count,
                "session": session_id,
                "s": seq,
                "name": self._names[name & ~_REPLAYED],
                "hash": digest.hex(),
                "at": moment,
            }
            if name & _REPLAYED:
                row["replayed"] = True
            rows.append(row)
        return rows

    def summary(self) -> dict[str, Any]:
        """How many rows each ledger has had, and how many of its oldest rows are gone."""
        return {
            "world": self._world.count,
            "world_dropped": self._world.dropped,
            "dispatches": self._dispatches.count,
            "dispatches_dropped": self._dispatches.dropped,
            "sessions": len(self._sessions),
        }
