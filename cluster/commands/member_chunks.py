"""MemberChunks: gathers the chunks that answer one request for members. Pure: it is given each
event of the session.

Source: Discord's documentation, "Gateway Events", "Guild Members Chunk" and "Rate Limited".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from cluster.decode_errors import MALFORMED, decoded
from cluster.discord.opcodes import Op
from cluster.errors import BusyError, ClusterError

if TYPE_CHECKING:  # 208 events take a tenth of a second to import, and most programs ask for none
    from cluster.events import GuildMembersChunk
    from cluster.events.objects.members import Member
    from cluster.events.objects.presences import Presence

CHUNK: Final = "GUILD_MEMBERS_CHUNK"
LIMITED: Final = "RATE_LIMITED"
NAMES: Final = (CHUNK, LIMITED)
"""Names of the events that are to be given to it."""
MOST_CHUNKS: Final = 100_000
"""Bound on the chunks of one answer: a hundred million members."""


class Members(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one request for members."""

    guild_id: int
    chunks: list[bytes]
    """``d`` of each GUILD_MEMBERS_CHUNK, in order of their indices."""
    not_found: list[int]
    """Those of the requested user ids that are no members."""

    @property
    def members(self) -> list[Member]:
        """Return all members, decoded at each call. ClusterError: Discord sent one that is none."""
        return [member for chunk in self._typed("members") for member in chunk.members or ()]

    @property
    def presences(self) -> list[Presence]:
        """Return the presences of the members that are online, where they were asked for; decoded
        at each call. ClusterError: Discord sent one that is none."""
        return [
            presence for chunk in self._typed("presences") for presence in chunk.presences or ()
        ]

    @property
    def raw_members(self) -> list[bytes]:
        """Return the JSON of each member, with U+FFFD for lone surrogates."""
        return [bytes(one) for chunk in self.chunks for one in _rows(chunk).members or ()]

    @property
    def raw_presences(self) -> list[bytes]:
        """Return the JSON of each presence, with U+FFFD for lone surrogates."""
        return [bytes(one) for chunk in self.chunks for one in _rows(chunk).presences or ()]

    def _typed(self, what: Literal["members", "presences"]) -> Iterator[GuildMembersChunk]:
        """Yield the chunks decoded. Raises ClusterError where those of one are left out, since one
        of them is none."""
        from cluster.events import UNSET, GuildMembersChunk, decode

        for chunk in self.chunks:
            event = decode(CHUNK, chunk)
            lost = [one for one in event.misfits if one.path.startswith(f"$.{what}")]
            if not isinstance(event, GuildMembersChunk) or (lost and getattr(event, what) is UNSET):
                raise ClusterError(
                    f"{CHUNK} does not fit at {(*lost, *event.misfits)[0]}",
                    "its JSON is in raw_members and raw_presences",
                )
            yield event

    def __repr__(self) -> str:
        return f"Members(guild_id={self.guild_id}, {len(self.chunks)} chunks)"


class _Whose(msgspec.Struct):
    guild_id: str | int
    nonce: str | int | None = None


class _Head(msgspec.Struct):
    chunk_index: int = 0
    chunk_count: int = 1
    """0: there is nothing to tell, and this one says so."""
    not_found: list[str | int] | None = None
    members: list[msgspec.Raw] | None = None
    presences: list[msgspec.Raw] | None = None
    """Decoded here so that a chunk that does not fit is refused when it comes."""


class _Rows(msgspec.Struct):
    members: list[msgspec.Raw] | None = None
    presences: list[msgspec.Raw] | None = None


class _Meta(msgspec.Struct):
    nonce: str | int | None = None


class _Limited(msgspec.Struct):
    opcode: int
    retry_after: float
    meta: _Meta | None = None


def _rows(chunk: bytes) -> _Rows:
    return decoded(_rows_decoder.decode, chunk)


def _ids(found: Iterable[str | int]) -> Iterator[int]:
    """Return those of the values that are ids."""
    for one in found:
        if isinstance(one, int) or (one.isascii() and one.isdecimal() and len(one) <= 20):
            yield int(one)


_whose: Final = msgspec.json.Decoder(_Whose)
_head: Final = msgspec.json.Decoder(_Head)
_rows_decoder: Final = msgspec.json.Decoder(_Rows)
_limited: Final = msgspec.json.Decoder(_Limited)


class MemberChunks:
    """What is here of the answer to one request."""

    def __init__(self, guild_id: int, nonce: str, op: int = Op.REQUEST_GUILD_MEMBERS) -> None:
        self._guild_id = str(guild_id)
        self._nonce = nonce
        self._op = op
        self._chunks: dict[int, bytes] = {}
        self._count: int | None = None
        self._not_found: list[int] = []

    @property
    def guild_id(self) -> str:
        """The guild whose members were asked for."""
        return self._guild_id

    @property
    def progress(self) -> tuple[int, int | None]:
        """How many chunks are here, of how many; None: not known yet."""
        return len(self._chunks), self._count

    @property
    def complete(self) -> bool:
        """Whether the whole answer is here."""
        return self._count is not None and len(self._chunks) == self._count

    def take(self, name: str, data: bytes) -> bool:
        """Take in an event of NAMES (others are passed over): its name and its ``d``. True: all is
        here. Repeated chunks, as after a resume, are counted once. BusyError: Discord refuses, and
        says when to try again. ClusterError: what it answers can't be read, unless another's nonce
        is in it."""
        try:
            if name == CHUNK:
                self._chunk(data)
            elif name == LIMITED:
                self._refused(decoded(_limited.decode, data))
        except MALFORMED as error:
            if self._nonce.encode() in data or b'"nonce"' not in data:
                raise ClusterError(f"a {name} can't be read ({error})") from None
        return self.complete

    def _chunk(self, data: bytes) -> None:
        whose = decoded(_whose.decode, data)
        if str(whose.nonce) != self._nonce or str(whose.guild_id) != self._guild_id:
            return  # whatever else stands in it is another's affair
        head = decoded(_head.decode, data)
        count = head.chunk_count or 1
        if not 0 <= head.chunk_index < count <= MOST_CHUNKS:
            raise ClusterError(f"chunk {head.chunk_index} of {head.chunk_count} is out of range")
        if self._count not in (None, count):
            raise ClusterError(f"chunks of one answer are {self._count} and then {count}")
        self._count = count
        if head.chunk_index not in self._chunks:
            self._chunks[head.chunk_index] = data
            self._not_found += _ids(head.not_found or ())

    def _refused(self, limited: _Limited) -> None:
        meta = limited.meta
        if limited.opcode == self._op and meta and str(meta.nonce) == self._nonce:
            raise BusyError.after(
                limited.retry_after,
                f"guild {self._guild_id}: Discord answers a request for members with RATE_LIMITED",
            )

    def result(self) -> Members:
        """Return the answer; call it once that is complete."""
        assert self.complete
        chunks = [self._chunks[index] for index in sorted(self._chunks)]
        return Members(guild_id=int(self._guild_id), chunks=chunks, not_found=self._not_found)
