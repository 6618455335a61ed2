"""Gathers the chunks that answer one request for members. Pure: told each event of the session.

Source: Discord's documentation, "Gateway Events", "Guild Members Chunk" and "Rate Limited".
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from cluster.errors import BusyError, ClusterError
from cluster.gateway import Op
from cluster.wire.refusals import MALFORMED

CHUNK: Final = "GUILD_MEMBERS_CHUNK"
LIMITED: Final = "RATE_LIMITED"
NAMES: Final = (CHUNK, LIMITED)
"""The events that are to be told."""
MOST_CHUNKS: Final = 100_000
"""A hundred million members."""


class Members(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one request for members."""

    guild_id: int
    chunks: list[bytes]
    """``d`` of each GUILD_MEMBERS_CHUNK, in order of their indices."""
    not_found: list[int]
    """Of the user ids that were asked for."""

    @property
    def members(self) -> list[dict[str, Any]]:
        """All members, decoded anew at each call."""
        return [one for chunk in self.chunks for one in _whole.decode(chunk).members]

    @property
    def presences(self) -> list[dict[str, Any]]:
        """Those that were asked for and that are online, decoded anew at each call."""
        return [one for chunk in self.chunks for one in _whole.decode(chunk).presences]

    @property
    def user_ids(self) -> list[int]:
        """Ids of the members, in order."""
        return [int(one["user"]["id"]) for one in self.members]

    def __repr__(self) -> str:
        return f"Members(guild_id={self.guild_id}, {len(self.chunks)} chunks)"


class _Head(msgspec.Struct):
    guild_id: str
    chunk_index: int = 0
    chunk_count: int = 1
    not_found: list[str | int] = []
    nonce: str | None = None


class _Whole(msgspec.Struct):
    members: list[dict[str, Any]]
    presences: list[dict[str, Any]] = []


class _Meta(msgspec.Struct):
    nonce: str | None = None


class _Limited(msgspec.Struct):
    opcode: int
    retry_after: float
    meta: _Meta | None = None


_head: Final = msgspec.json.Decoder(_Head)
_whole: Final = msgspec.json.Decoder(_Whole)
_limited: Final = msgspec.json.Decoder(_Limited)


class Gathering:
    """One request: what is here of its answer."""

    def __init__(self, guild_id: int, nonce: str, op: int = Op.REQUEST_GUILD_MEMBERS) -> None:
        self._guild_id = str(guild_id)
        self._nonce = nonce
        self._op = op
        self._chunks: dict[int, bytes] = {}
        self._count: int | None = None
        self._not_found: list[int] = []

    @property
    def progress(self) -> tuple[int, int | None]:
        """How many chunks are here, of how many; None: not known yet."""
        return len(self._chunks), self._count

    @property
    def complete(self) -> bool:
        """All of it is here."""
        return self._count is not None and len(self._chunks) == self._count

    def take(self, name: str, data: bytes) -> bool:
        """One event of NAMES (others are passed over): its name and its ``d``. True: all is here.
        Repeated chunks, as after a resume, are counted once. BusyError: Discord refuses, and says
        when to try again. ClusterError: what it answers can't be read."""
        try:
            if name == CHUNK:
                self._chunk(_head.decode(data), data)
            elif name == LIMITED:
                self._refused(_limited.decode(data))
        except MALFORMED as error:
            raise ClusterError(f"a {name} can't be read ({error})") from None
        return self.complete

    def _chunk(self, head: _Head, data: bytes) -> None:
        if head.nonce != self._nonce or head.guild_id != self._guild_id:
            return
        if not 0 <= head.chunk_index < head.chunk_count <= MOST_CHUNKS:
            raise ClusterError(f"chunk {head.chunk_index} of {head.chunk_count} is out of range")
        self._count = head.chunk_count
        if head.chunk_index not in self._chunks:
            self._chunks[head.chunk_index] = data
            self._not_found += [int(one) for one in head.not_found if str(one).isdecimal()]

    def _refused(self, limited: _Limited) -> None:
        if limited.opcode == self._op and limited.meta and limited.meta.nonce == self._nonce:
            raise BusyError.after(
                limited.retry_after,
                f"guild {self._guild_id}: Discord answers a request for members with RATE_LIMITED",
            )

    def result(self) -> Members:
        """Once it is complete."""
        assert self.complete
        chunks = [self._chunks[index] for index in sorted(self._chunks)]
        return Members(guild_id=int(self._guild_id), chunks=chunks, not_found=self._not_found)
