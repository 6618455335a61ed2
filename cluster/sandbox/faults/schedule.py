"""Faults at random from a seed: the same seed, the same faults in the same order."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from typing import Any, Final

from cluster.sandbox.faults.faults import ON_CONNECTIONS

Spec = dict[str, Any]

_PAUSE_S: Final = (1.0, 6.0)
_KINDS: Final[list[tuple[float, Callable[[random.Random], Spec]]]] = [
    (4, lambda r: {"kind": "cut", "how": r.choice(("rst", "fin", "mid_frame"))}),
    (1, lambda r: {"kind": "half_open"}),
    (2, lambda r: {"kind": "op1", "count": r.randint(1, 3)}),
    (3, lambda r: {"kind": "op7"}),
    (1, lambda r: {"kind": "op9", "resumable": r.random() < 0.75}),
    (1, lambda r: {"kind": "forget"}),
    (2, lambda r: {"kind": "close", "code": r.choice((4000, 4001, 4002, 4008, 1001, 1011))}),
    (1, lambda r: {"kind": "corrupt"}),
    (1, lambda r: {"kind": "truncate"}),
    (1, lambda r: {"kind": "slow", "bytes_per_s": r.uniform(2e3, 5e4), "seconds": 2.0}),
    (1, lambda r: {"kind": "stall", "seconds": r.uniform(0.2, 2.0)}),
    (1, lambda r: {"kind": "refuse_connections", "seconds": r.uniform(0.2, 1.5)}),
    (1, lambda r: {"kind": "rest_429", "count": 1, "retry_after": r.uniform(0.2, 1.0)}),
    (1, lambda r: {"kind": "rest_5xx", "count": r.randint(1, 2)}),
    (1, lambda r: {"kind": "mute_heartbeats"}),
    (1, lambda r: {"kind": "lag", "max_s": r.choice((0.0, r.random()))}),
    (1, lambda r: {"kind": "trim_on_heartbeat", "on": r.random() < 0.5}),
    (1, lambda r: {"kind": "permessage_deflate", "on": r.random() < 0.5}),
    (1, lambda r: {"kind": "replay_skips", "count": r.randint(1, 5)}),
    (1, lambda r: {"kind": "resumed_seq", "mode": r.choice(("repeat", "new"))}),
    (2, lambda r: {"kind": "resume_host", "mode": r.choice(("503", "silent", "refuse"))}),
]
"""Weight and maker of every kind of fault."""


class Schedule:
    """An endless list of (pause in seconds, fault); each fault meets one connection at random."""

    def __init__(self, seed: int, *, pause_s: tuple[float, float] = _PAUSE_S) -> None:
        self._seed = seed
        self._pause_s = pause_s

    def __iter__(self) -> Iterator[tuple[float, Spec]]:
        rng = random.Random(f"{self._seed}/faults")
        weights = [weight for weight, _ in _KINDS]
        while True:
            pause = rng.uniform(*self._pause_s)
            (_, make), *_ = rng.choices(_KINDS, weights)
            fault = make(rng)
            if fault["kind"] in ON_CONNECTIONS:
                fault["shard"] = "random"
            yield pause, fault

    async def run(self, apply: Callable[[Spec], Any]) -> None:
        """Apply the faults one by one, for ever."""
        for pause, fault in self:
            await asyncio.sleep(pause)
            apply(fault)
