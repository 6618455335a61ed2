"""Faults: how one is asked for and checked, and those that wait for somebody to meet them.

A fault is one JSON object, ``{"kind": "cut", "how": "rst", "shard": 3}``. ``shard`` chooses whom
it meets: "all" (default), "random" (one connection) or a shard id. docs/sandbox.md has the table.
"""

from __future__ import annotations

import math
import random
from typing import Any, Final

from cluster.sandbox.sessions.session import Buffered, Session


class FaultError(ValueError):
    """A fault that can't be asked for so; the message names the field."""


class Field:
    """What a field of a fault may be: one of ``choices``, or of ``kind`` within the bounds."""

    def __init__(
        self,
        default: Any,
        *,
        choices: tuple[Any, ...] = (),
        least: float = 0,
        most: float = math.inf,
    ) -> None:
        self.default = default
        self.choices = choices
        self.least = least
        self.most = most

    def check(self, name: str, value: Any) -> Any:
        if self.choices:
            if not any(value == c and type(value) is type(c) for c in self.choices):
                raise FaultError(f"{name}: one of {', '.join(map(str, self.choices))}")
            return value
        if isinstance(self.default, bool):
            if type(value) is not bool:
                raise FaultError(f"{name}: true or false")
            return value
        whole = isinstance(self.default, int)
        if type(value) is not int and (whole or type(value) is not float):
            raise FaultError(f"{name}: {'a whole number' if whole else 'a number'}")
        if not self.least <= value <= self.most:
            raise FaultError(f"{name}: from {self.least:g} to {self.most:g}")
        return value


_SECONDS = Field(5.0, most=3600.0)
KINDS: Final[dict[str, dict[str, Field]]] = {
    # On connections
    "cut": {"how": Field("rst", choices=("rst", "fin", "mid_frame"))},
    "half_open": {},
    "mute_heartbeats": {"on": Field(True)},
    "op1": {"count": Field(1, least=1, most=1000)},
    "op7": {},
    "op9": {"resumable": Field(True)},
    "forget": {},
    "close": {"code": Field(4000, least=1000, most=4999)},
    "corrupt": {},
    "truncate": {},
    "slow": {"bytes_per_s": Field(1000.0, least=1.0), "seconds": _SECONDS},
    "stall": {"seconds": _SECONDS},
    # On whoever comes
    "refuse_connections": {"seconds": _SECONDS},
    "rest_429": {
        "count": Field(1, least=1, most=1_000_000),
        "retry_after": Field(1.0, most=3600.0),
        "global": Field(False),
    },
    "rest_5xx": {
        "count": Field(1, least=1, most=1_000_000),
        "status": Field(502, choices=(500, 502, 503, 504)),
    },
    "resume_host": {
        "mode": Field("503", choices=("503", "silent", "refuse")),
        "count": Field(1, least=1, most=1_000_000),
        "seconds": _SECONDS,
    },
    # On what RESUME and sessions do
    "replay_skips": {
        "count": Field(1, least=1, most=1_000_000),
        "resumes": Field(1, least=1, most=1_000_000),
    },
    "resumed_seq": {
        "mode": Field("repeat", choices=("repeat", "new")),
        "count": Field(1, least=1, most=1_000_000),
    },
    "trim_on_heartbeat": {"on": Field(True)},
    "heartbeat_interval": {"ms": Field(1500, least=1, most=86_400_000)},
    "lag": {
        "max_s": Field(1.0, most=10.0),
        "min_s": Field(0.0, most=10.0),
        "later": Field(True),
    },
    "permessage_deflate": {"on": Field(True)},
}
"""Every kind with its fields."""
ON_CONNECTIONS: Final = frozenset(
    [
        "cut",
        "half_open",
        "mute_heartbeats",
        "op1",
        "op7",
        "op9",
        "forget",
        "close",
        "corrupt",
        "truncate",
        "slow",
        "stall",
    ]
)


def parse(spec: Any) -> dict[str, Any]:
    """A fault with every field filled in. Raises FaultError."""
    if not isinstance(spec, dict):
        raise FaultError("a fault is an object with `kind`")
    kind = spec.get("kind")
    fields = KINDS.get(kind) if isinstance(kind, str) else None
    if fields is None:
        raise FaultError(f"kind: one of {', '.join(KINDS)}")
    made: dict[str, Any] = {"kind": kind}
    known = {"kind", *fields}
    if kind in ON_CONNECTIONS:
        known.add("shard")
        made["shard"] = _shard(spec.get("shard", "all"))
    unknown = spec.keys() - known
    if unknown:
        raise FaultError(f"{sorted(map(str, unknown))[0]}: `{kind}` has no such field")
    for name, field in fields.items():
        made[name] = field.check(name, spec[name]) if name in spec else field.default
    if kind == "close" and made["code"] in (1004, 1005, 1006, 1015):
        raise FaultError(f"code: {made['code']} never stands in a close frame (RFC 6455, 7.4.1)")
    return made


def _shard(value: Any) -> int | str:
    if value in ("all", "random") and isinstance(value, str):
        return value
    if type(value) is int and value >= 0:
        return value
    raise FaultError("shard: all, random or a shard id")


class Switches:
    """Faults that wait for somebody to meet them: counts and moments until which they last."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.heartbeat_interval_ms: int | None = None
        """What HELLO says in place of the option; no fault that ends with the others."""
        self.turn_off()

    def turn_off(self) -> None:
        """End every fault that waits."""
        self.permessage_deflate = False
        self.trim_on_heartbeat = False
        self.rest_429 = 0
        self.rest_429_retry_after = 0.0
        self.rest_429_global = False
        self.rest_5xx = 0
        self.rest_5xx_status = 502
        self.resume_503 = 0
        self.resume_silent = 0
        self._skip_count = 0
        self._skip_resumes = 0
        self._repeats = 0

    def set(self, fault: dict[str, Any]) -> None:
        """Turn on a parsed fault that does not meet connections."""
        kind = fault["kind"]
        if kind == "permessage_deflate":
            self.permessage_deflate = fault["on"]
        elif kind == "trim_on_heartbeat":
            self.trim_on_heartbeat = fault["on"]
        elif kind == "heartbeat_interval":
            self.heartbeat_interval_ms = fault["ms"]
        elif kind == "rest_429":
            self.rest_429 = fault["count"]
            self.rest_429_retry_after = fault["retry_after"]
            self.rest_429_global = fault["global"]
        elif kind == "rest_5xx":
            self.rest_5xx = fault["count"]
            self.rest_5xx_status = fault["status"]
        elif kind == "resume_host" and fault["mode"] == "503":
            self.resume_503 = fault["count"]
        elif kind == "resume_host" and fault["mode"] == "silent":
            self.resume_silent = fault["count"]
        elif kind == "replay_skips":
            self._skip_count = fault["count"]
            self._skip_resumes = fault["resumes"]
        elif kind == "resumed_seq":
            self._repeats = fault["count"] if fault["mode"] == "repeat" else 0

    def take(self, name: str) -> bool:
        """Whether a counted fault is left for the caller; count it down."""
        left: int = getattr(self, name)
        if left <= 0:
            return False
        setattr(self, name, left - 1)
        return True

    def repeats_seq(self) -> bool:
        return self.take("_repeats")

    def skipped(self, session: Session, missed: list[Buffered]) -> list[Buffered]:
        """Return a replay without some of its events, where that was asked for."""
        if self._skip_resumes <= 0 or not missed:
            return missed
        self._skip_resumes -= 1
        # A RESUMED that repeats the last event's s follows that event.
        indexes = range(len(missed) - (self._repeats > 0))
        gone = set(self._rng.sample(indexes, min(self._skip_count, len(indexes))))
        session.skipped += sorted(missed[index].seq for index in gone)
        return [entry for index, entry in enumerate(missed) if index not in gone]
