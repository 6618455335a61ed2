"""Batches: the events of one name in one drain, as one ZeroMQ message and one journal record.

A drain is what a shard's pump took off the socket in one turn. Of each name in it one batch is
made, and every batch carries a chain, so that whoever holds it knows all that lies between its
``prev`` and its ``last``, for every name:

- ``prev``: the last event of this name before the batch; ``since``: for every name that has an
  event after ``prev``, the last such seq up to ``last``.
- ``first`` is one more than the ``last`` of the drain before (0 in an epoch's first drain), so
  drains follow each other without a hole. A seq that the session skipped is an event of the name
  ``_hole`` that all readers take part in.

docs/wire-protocol.md has the format for readers in other languages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from cluster.decode_errors import MALFORMED, UNFIT, decoded
from cluster.ranges import MAX_SEQ, After, Epoch, Ns, Seq, ShardCount, ShardId
from cluster.wire import topic
from cluster.wire.position import Position

if TYPE_CHECKING:
    from cluster import events as typed

FORMAT: Final = 1
RESHARDED: Final = "resharded"
"""Cause of an epoch's end after which none follows: another shard count is in force."""


class Source(msgspec.Struct, frozen=True, gc=False):
    """What all events of a batch have in common."""

    name: str
    shard_id: int
    shard_count: int
    epoch: int
    received_ns: int
    """Unix time at which the worker took them off the socket."""
    store: str


NOWHERE: Final = Source("", -1, 0, 0, 0, "")


class Event(msgspec.Struct, array_like=True, gc=False):
    """One dispatch.

    Decoded in place from the batch; `source` is filled in afterwards, since making another object
    of it costs more than decoding it does. It refers to nothing that could refer to it, so the
    garbage collector need not look.
    """

    seq: Seq
    data: bytes
    """``d`` as Discord sent it: JSON."""
    source: Source = NOWHERE

    @classmethod
    def make(
        cls, name: str, shard_id: int, shard_count: int, epoch: int, seq: int, data: bytes,
        received_ns: int, store: str,
    ) -> Event:  # fmt: skip
        """Return one event by itself, with its source. data: ``d``, JSON."""
        return cls(seq, data, Source(name, shard_id, shard_count, epoch, received_ns, store))

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def shard_id(self) -> int:
        return self.source.shard_id

    @property
    def shard_count(self) -> int:
        return self.source.shard_count

    @property
    def epoch(self) -> int:
        return self.source.epoch

    @property
    def received_ns(self) -> int:
        """Unix time at which the worker took it off the socket."""
        return self.source.received_ns

    @property
    def store(self) -> str:
        return self.source.store

    def json(self) -> Any:
        """Return ``d``, decoded, with U+FFFD for halves of surrogate pairs that stand alone. Nobody
        has looked into it on its way, but for one of each slice: raises one of
        decode_errors.MALFORMED for what is no JSON, or is nested some 900 deep."""
        return decoded(msgspec.json.decode, self.data)

    def typed(self) -> typed.GatewayEvent:
        """Return ``d`` as its class of ``cluster.events``. Never raises: what no class fits is a
        ``ParseError``, and a name without a class an ``UnknownEvent``. `status` counts what does
        not fit, whole or in part (``misfits``)."""
        from cluster import events  # a tenth of a second, for those who ask

        found = events.decode(self.source.name, self.data)
        if found.misfits:
            UNFIT.note(found.name, (misfit.place for misfit in found.misfits))
        return found

    @property
    def position(self) -> Position:
        """The event's position: unique and permanent."""
        source = self.source
        return Position(
            source.store, source.shard_count, source.shard_id, source.epoch, self.seq
        )  # fmt: skip


class _Epoch(msgspec.Struct, frozen=True, array_like=True):
    """The fields that every array about an epoch begins with."""

    format: int
    cluster: str
    shard_id: ShardId
    shard_count: ShardCount
    epoch: Epoch
    before: tuple[Epoch, After] | None


class Span(_Epoch, frozen=True, array_like=True):
    """A batch's array up to ``prev``: what a reader of journals needs to know."""

    first: Seq
    last: Seq


class Batch(Span, frozen=True, array_like=True, gc=False):
    """The msgpack array of a batch."""

    prev: int | tuple[After]  # msgspec mixes up a bounded int beside a tuple
    since: list[tuple[str, Seq]]
    received_ns: Ns
    events: list[Event]
    size: int = 0
    """Bytes of the array: what its events take of memory, near enough. Not of the wire:
    decode_batch says it, since adding up what the events have costs a Subscriber a tenth of all."""

    @property
    def base(self) -> int:
        """The seq above which this batch knows its name: ``prev``, or where knowledge begins."""
        return self.prev if isinstance(self.prev, int) else self.prev[0]


class EpochEnd(_Epoch, frozen=True, array_like=True):
    """The msgpack array of an epoch's end: the last record of the epoch."""

    seq: After
    base: After
    """``last`` is complete above this seq."""
    last: list[tuple[str, Seq]]
    received_ns: Ns
    cause: str


_batch = msgspec.msgpack.Decoder(Batch)
_span = msgspec.msgpack.Decoder(Span)
_end = msgspec.msgpack.Decoder(EpochEnd)


def decode_batch(payload: bytes | memoryview) -> Batch:
    """Return the batch of an array. Raises topic.WireError."""
    try:
        batch = _batch.decode(payload)
    except MALFORMED as error:
        raise topic.WireError(f"no batch: {error}") from None
    if batch.format != FORMAT:
        _check(batch.format)
    if not -1 <= batch.base < batch.last + 1 <= MAX_SEQ:
        raise topic.WireError(f"no batch: {batch.base} before {batch.last}")
    msgspec.structs.force_setattr(batch, "size", len(payload))
    return batch


def decode_span(payload: bytes | memoryview) -> Span:
    """Return the first fields of a batch; its events are skipped. Raises topic.WireError."""
    try:
        return _span.decode(payload)
    except MALFORMED as error:
        raise topic.WireError(f"no batch: {error}") from None


def decode_epoch_end(payload: bytes | memoryview) -> EpochEnd:
    """Return the epoch end of an array. Raises topic.WireError."""
    try:
        end = _end.decode(payload)
    except MALFORMED as error:
        raise topic.WireError(f"no epoch end: {error}") from None
    _check(end.format)
    return end


def _check(version: int) -> None:
    if version != FORMAT:
        raise topic.WireError(f"format {version}: this reader knows format {FORMAT}")


def encode_hole(first: int, last: int) -> bytes:
    """Return ``data`` of a ``_hole`` event, whose seq is ``last``: JSON, as in every other
    event."""
    return b'{"first":%d,"last":%d}' % (first, last)


class _Hole(msgspec.Struct):
    first: int
    last: int


_hole = msgspec.json.Decoder(_Hole)


def hole_first(data: bytes, seq: int) -> int:
    """Return the first seq of a ``_hole`` event that ends at ``seq``. Raises topic.WireError."""
    try:
        hole = _hole.decode(data)
    except MALFORMED as error:
        raise topic.WireError(f"no hole: {error}") from None
    if not 0 <= hole.first <= hole.last == seq:
        raise topic.WireError(f"no hole: {hole}")
    return hole.first
