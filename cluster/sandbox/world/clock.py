"""Time in the world: snowflakes and timestamps from the clock that was passed in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from cluster.gateway import SNOWFLAKE_EPOCH_MS


def snowflake_at(ms: int, low: int = 0) -> int:
    """The snowflake of Unix milliseconds ``ms`` with ``low`` in its 22 low bits."""
    return ((ms - SNOWFLAKE_EPOCH_MS) << 22) | (low & 0x3FFFFF)


def created_ms(snowflake: int) -> int:
    """Unix milliseconds at which ``snowflake`` was made."""
    return (snowflake >> 22) + SNOWFLAKE_EPOCH_MS


def timestamp(ms: int) -> str:
    """Unix milliseconds as Discord writes them: ISO 8601, microseconds, +00:00."""
    moment = datetime.fromtimestamp(ms / 1000, UTC)
    return moment.isoformat(timespec="microseconds")


class WorldClock:
    """Ids that only rise and timestamps, both from ``now`` (Unix seconds)."""

    __slots__ = ("_last", "_now", "_prefix", "_second")

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._last = 0
        self._second = -1
        self._prefix = b""

    def seconds(self) -> int:
        """Unix seconds."""
        return int(self._now())

    def ms(self) -> int:
        """Unix milliseconds."""
        return int(self._now() * 1000)

    def snowflake(self) -> int:
        """A new id of this moment, above every one before it also when the clock stands still."""
        new = (int(self._now() * 1000) - SNOWFLAKE_EPOCH_MS) << 22
        if new <= self._last:
            new = self._last + 1
        self._last = new
        return new

    def timestamp(self) -> bytes:
        """This moment as a timestamp; the date is written anew once a second only."""
        now = self._now()
        second = int(now)
        if second != self._second:
            self._second = second
            self._prefix = (
                datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S").encode()
            )
        return b"%b.%06d+00:00" % (self._prefix, int((now - second) * 1e6))
