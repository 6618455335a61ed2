"""What workers count while they work: for metrics, and for whoever asks over the control endpoint.

Every number only grows for as long as the process lives that counts it.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

LATENCY_BOUNDS_S: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the classes into which round trips of heartbeats are counted, in seconds; one
more class has those that are longer than all. Discord's usual ones take 20 to 200 ms."""
LATENCY_CLASSES: Final = len(LATENCY_BOUNDS_S) + 1
OTHER: Final = "other"
"""What stands in place of a name, a code or a reason that is not known: a peer that invents more of
them makes no more counters."""
MOST_TYPES: Final = 512
"""Most types of events that are told of; some 260 have names."""

_Name = Annotated[str, msgspec.Meta(max_length=64)]


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker's process has counted since it started."""

    events: Annotated[dict[_Name, int], msgspec.Meta(max_length=MOST_TYPES)] = {}
    """How many events were journalled, by type; those types that have changed since the last
    report. Types that have no class are OTHER."""
    holes: int = 0
    """How many ranges of seqs were left out by Discord's replays."""
    received_bytes: int = 0
    """Bytes that came from the gateway after handshakes, as TLS gave them: compressed, with the
    frames' heads."""
    batch_bytes: int = 0
    """Bytes of the batches that were made of them: what is journalled and published."""
    heartbeats: Annotated[list[int], msgspec.Meta(max_length=LATENCY_CLASSES)] = []
    """How many heartbeats were answered in each class of LATENCY_BOUNDS_S."""
    heartbeat_s: float = 0.0
    """The sum of their round trips, in seconds."""
    unjournalled: int = 0
    """How many drains were published without being journalled, since that was not possible."""


class WorkerTraffic(msgspec.Struct, frozen=True, kw_only=True):
    """What the processes of one worker's slot have counted, one after another, as far as this
    coordinator has heard."""

    slot: int
    events: dict[str, int]
    """How many events were journalled, by type; types that have no class are "other"."""
    holes: int
    """How many ranges of seqs were left out by Discord's replays."""
    received_bytes: int
    """Bytes that came from the gateway after handshakes, as TLS gave them: compressed, with the
    frames' heads."""
    batch_bytes: int
    """Bytes of the batches that were made of them: what is journalled and published."""
    heartbeats: list[int]
    """How many heartbeats were answered within 10, 25, 50, 100, 250, 500 ms, 1, 2.5, 5, 10 s, each
    counted in the first of these that it kept; the last number has those that took longer."""
    heartbeat_s: float
    """The sum of their round trips, in seconds."""
    unjournalled: int
    """How many drains were published without being journalled, since that was not possible."""
    reconnects: dict[str, int]
    """How many connections were lost or given up, by cause."""
    closes: dict[str, int]
    """How many connections the gateway closed, by its close code; "none": it sent none."""
    cpu_s: float
    """Seconds of CPU that the processes took."""
