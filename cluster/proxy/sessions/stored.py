"""What is stored of a session, so that another process, or the next one, goes on with it."""

from __future__ import annotations

from typing import Any

import msgspec

from cluster.proxy.identify import Identify


class Stored(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A session as far as its client is known to have got. What it was sent beyond that comes
    twice, if another process goes on with it."""

    id: str
    identify: Identify
    """Without its presence."""
    predecessor: str = ""
    acknowledged: int
    """The last s that the client is known to have."""
    positions: dict[str, Any]
    """Positions.plain of what its view has been shown."""
    mute: dict[str, Any] | None = None
    """What it was sent beyond that, and its view is to be shown again."""
    state: bytes
    """View.state."""
    begun: int | None = None
    """After so many of `guilds` it goes on; None: it was told of all."""
    guilds: list[int] = []
    sent: list[tuple[int, int, int, int] | None] = []
    """Shard count, shard id, epoch and seq of the events that it was sent after `acknowledged`, one
    an s; None: that of the one before it. Empty: its client may get more, or they are too many."""
    is_over: bool = False
    """Its client has said that it will not resume it."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Stored)


def encode(stored: Stored) -> bytes:
    """Return it as bytes, without `state`, which is large and seldom another."""
    identify = msgspec.structs.replace(stored.identify, presence=None)
    return _encoder.encode(msgspec.structs.replace(stored, identify=identify, state=b""))


def decode(data: bytes, state: bytes) -> Stored:
    """Return what `encode` made of it. Raises one of decode_errors.MALFORMED."""
    return msgspec.structs.replace(_decoder.decode(data), state=state)


def encode_plain(positions: dict[str, Any] | None) -> bytes | None:
    """Return Positions.plain as bytes."""
    return None if positions is None else msgspec.msgpack.encode(positions)


def decode_plain(data: bytes | None) -> dict[str, Any] | None:
    """Return what `encode_plain` made of it. Raises one of decode_errors.MALFORMED."""
    return None if data is None else msgspec.msgpack.decode(data, type=dict[str, Any])
