"""Whose turn it is to connect, among all sessions of a process. No I/O, no clock of its own.

A connection that fails before HELLO says that the gateway can't be reached. Then the sessions that
wait try one after the other, not each by itself: what one of them learns is true for all. The pause
between two tries is a four-hundredth of the time for which nothing was reached, half a second at
least and a minute at most, and its second half is left to chance. The first HELLO ends that: those
that wait connect at once, 250 in a second.

Where somebody is reached and says no (a proxy that refuses, a certificate that is not trusted, an
HTTP 4xx), the pause is as long as that has been so, a minute at most: eight tries in the first
minute. A person must mend it, so little is lost by a later try; and each try is a wrong password at
a proxy, which locks accounts for some of them, or one more request of an address that a CDN has
banned. Whoever mended it need not wait: a start, or a restart of a shard, tries at once.

Discord's documentation asks for an exponential back-off. A back-off whose waits double is one whose
waits are in proportion to the time that has passed, and so is this one, with a smaller share: it is
the process that slows down, and a gateway that was away for t seconds is noticed within t / 400. A
wait of its own for every session was worse at both ends: after five minutes a shard waited for up
to a minute more, and a thousand shards made a thousand tries of each step.

A session has a resume host of its own, which may be dead while the main one lives; what fails there
three times in a row, for whichever sessions, is left by all of them for a minute.

Measured (a played clock, 1,000 sessions, a gateway that is away for 300 s): 750 tries meanwhile,
250 a second when it is back, and all sessions resumed 4.4 s after that.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final

from shard_worker.protocol.backoff import RESUME_HOST_TRIES
from shard_worker.protocol.outage import LONGEST_PAUSE_S, Outage

PACE_S: Final = 1 / 250
"""Seconds between two connections while the gateway is reached."""
HOST_S: Final = 60.0
"""Seconds for which a resume host is left."""
MAX_HOSTS: Final = 64
"""Most resume hosts that are remembered."""


class ConnectQueue:
    """The sessions of one process that wait to connect, in the order in which they came. Times are
    seconds of the caller's monotonic clock; ``random`` gives numbers in [0, 1)."""

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        # A plain dict looks for its first key among all that were taken out before it.
        self._waiting: OrderedDict[Hashable, Callable[[], None]] = OrderedDict()
        self._next_at = float("-inf")
        """When the first of those that wait may connect."""
        self._taken_at = float("-inf")
        self.outage: Outage | None = None
        """The tries that have failed since the last HELLO; None: none has."""
        self._failed_at = float("-inf")
        self._hosts: dict[str, tuple[int, float]] = {}
        """Resume URL -> failures in a row, and when the last one was."""

    @property
    def trouble(self) -> str:
        """Why the gateway can't be reached; empty: it was, when it was last tried."""
        return "" if self.outage is None else self.outage.cause

    def unreached_s(self, now: float) -> float:
        """Return for how many seconds no connection has come to HELLO, since the first that did
        not; 0: the last one did."""
        return 0.0 if self.outage is None else now - self.outage.since

    def join(self, session: Hashable, on_turn_moved: Callable[[], None], now: float) -> None:
        """Wait for a turn. on_turn_moved: called when ``due`` of this session has changed."""
        if not self._waiting and now - self._failed_at > 2 * LONGEST_PAUSE_S:
            self.outage = None  # nobody has tried for so long that nothing is known
        self._waiting.setdefault(session, on_turn_moved)

    def leave(self, session: Hashable) -> None:
        """Wait no more."""
        if self._waiting.pop(session, None) is not None:
            self._moved()

    def due(self, session: Hashable) -> float | None:
        """Return when a session may connect; None: it does not wait, or others are before it."""
        first = next(iter(self._waiting), None)
        return self._next_at if first is session else None

    def take(self, session: Hashable, now: float) -> bool:
        """Return whether it is the session's turn, which is over with that."""
        due = self.due(session)
        if due is None or now < due:
            return False
        del self._waiting[session]
        self._taken_at = now
        self._next_at = now + self._pause(now)
        self._moved()
        return True

    def _pause(self, now: float) -> float:
        if self.outage is None:
            return PACE_S
        return self.outage.pause(now) * (0.5 + 0.5 * self._random())

    def failed(self, url: str, cause: str, now: float, *, denied: bool = False) -> bool:
        """A connection did not come to HELLO. url: the resume URL; "" for the main one. denied:
        somebody was reached and said no. Return whether it is worth a line in the log."""
        if self.outage is None:
            self.outage = Outage(now)
            self._next_at = max(self._next_at, now + self._pause(now))
            self._moved()
        self._failed_at = now
        if url:
            tries, _ = self._hosts.pop(url, (0, now))
            self._hosts[url] = tries + 1, now
            if len(self._hosts) > MAX_HOSTS:
                del self._hosts[next(iter(self._hosts))]
        return self.outage.failed(cause, now, denied=denied)

    def reached(self, url: str, now: float) -> None:
        """HELLO has come. url: the resume URL; "" for the main one."""
        self._hosts.pop(url, None)
        if self.outage is not None:
            self.outage = None
            self._next_at = max(now, self._taken_at + PACE_S)
            self._moved()

    def is_left(self, url: str, now: float) -> bool:
        """Return whether a resume host has failed so often that the main URL is better."""
        tries, failed_at = self._hosts.get(url, (0, 0.0))
        return tries >= RESUME_HOST_TRIES and now - failed_at < HOST_S

    def _moved(self) -> None:
        for on_turn_moved in self._waiting.values():
            on_turn_moved()
            break
