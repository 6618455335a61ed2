"""Time in the world: snowflakes and timestamps from the clock that was passed in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from cluster.discord.limits import SNOWFLAKE_EPOCH_MS


def snowflake_at(ms: int, low: int = 0) -> int:
    """Make the snowflake of Unix milliseconds ``ms`` with ``low`` in its 22 low bits."""
    return ((ms - SNOWFLAKE_EPOCH_MS) << 22) | (low & 0x3FFFFF)


def created_ms(snowflake: int) -> int:
    """Unix milliseconds at which ``snowflake`` was made."""
    return (snowflake >> 22) + SNOWFLAKE_EPOCH_MS


def timestamp(ms: int) -> str:
    """Write Unix milliseconds as Discord does: ISO 8601, microseconds, +00:00."""
    moment = datetime.fromtimestamp(ms / 1000, UTC)
    return moment.isoformat(timespec="microseconds")


class WorldClock:
    """Ids that only rise and timestamps, both from ``now`` (Unix seconds), in milliseconds.

    Under load many events share a millisecond: its timestamp is written once.
    """

    __slots__ = ("_last", "_ms", "_now", "_stamp")

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._last = 0
        self._ms = -1
        self._stamp = b""

    def seconds(self) -> int:
        """Unix seconds, now."""
        return int(self._now())

    def ms(self) -> int:
        """Unix milliseconds, now."""
        return int(self._now() * 1000)

    def snowflake(self) -> int:
        """Make an id of now, above every one before it also when the clock stands still."""
        return self.moment()[0]

    def timestamp(self) -> bytes:
        """Write the present moment as a timestamp."""
        return self.moment()[1]

    def moment(self) -> tuple[int, bytes]:
        """Make an id of now, and its timestamp."""
        ms = int(self._now() * 1000)
        if ms == self._ms:
            self._last += 1
        else:
            self._ms = ms
            self._stamp = timestamp(ms).encode()
            self._last = max((ms - SNOWFLAKE_EPOCH_MS) << 22, self._last + 1)
        return self._last, self._stamp
