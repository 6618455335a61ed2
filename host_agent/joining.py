"""How an agent stands with the coordinator: whether it has joined, and what to do about it (pure).

Several coordinators may be asked, of which one is active. What counts is what the one says by which
the agent was welcomed last; another is listened to once that one is silent.
"""

from __future__ import annotations

import enum
from typing import Final

from cluster.errors import AlreadyRunningError, ClusterError
from cluster.wire.hosts import ASK_AFTER_S, HostRefusal

HELLO_S: Final = 1.0
"""Seconds between two greetings, as long as the agent is not welcome."""
PUT_OFF_S: Final = 10.0
"""For how many seconds an agent tries that was told to try again in a moment."""


class Phase(enum.StrEnum):
    """How the agent stands with the coordinator."""

    SEEKING = enum.auto()
    """It has not joined since it began."""
    JOINED = enum.auto()
    AWAY = enum.auto()
    """It had joined, and hears nothing any more."""
    PUT_OFF = enum.auto()
    """It is to try again in a moment."""
    OVER = enum.auto()
    """It can't join."""


class Event(enum.StrEnum):
    """What changes that."""

    WELCOME = enum.auto()
    SILENCE = enum.auto()
    """Nothing was heard for ASK_AFTER_S."""
    PUT_OFF = enum.auto()
    REFUSED = enum.auto()
    LATE = enum.auto()
    """The time is over within which it was to join."""


TABLE: Final = {
    (Phase.SEEKING, Event.WELCOME): Phase.JOINED,
    (Phase.SEEKING, Event.PUT_OFF): Phase.PUT_OFF,
    (Phase.SEEKING, Event.REFUSED): Phase.OVER,
    (Phase.SEEKING, Event.LATE): Phase.OVER,
    (Phase.JOINED, Event.WELCOME): Phase.JOINED,
    (Phase.JOINED, Event.SILENCE): Phase.AWAY,
    (Phase.JOINED, Event.PUT_OFF): Phase.PUT_OFF,
    (Phase.JOINED, Event.REFUSED): Phase.OVER,
    (Phase.AWAY, Event.WELCOME): Phase.JOINED,
    (Phase.AWAY, Event.PUT_OFF): Phase.PUT_OFF,
    (Phase.AWAY, Event.REFUSED): Phase.OVER,
    (Phase.PUT_OFF, Event.WELCOME): Phase.JOINED,
    (Phase.PUT_OFF, Event.REFUSED): Phase.OVER,
    (Phase.PUT_OFF, Event.LATE): Phase.OVER,
}
"""The phase that follows; an event that is not here changes nothing."""


class Joining:
    """Follows what coordinators say. Times are monotonic seconds; a coordinator is the number of
    its endpoint."""

    def __init__(self, now: float, wait_s: float = 0.0) -> None:
        """wait_s: seconds within which it is to join; 0: there is no limit."""
        self.phase = Phase.SEEKING
        self.coordinator: int | None = None
        """The coordinator that has welcomed the agent last; None: none has."""
        self.refusal: HostRefusal | None = None
        """Why it is PUT_OFF, or OVER; None: it is not, or it was LATE."""
        self._late_at = now + wait_s if wait_s else None
        self._hello_at = now
        self._heard_at = now
        self._put_off_at = now

    def welcome(self, coordinator: int, now: float) -> bool:
        """Take a welcome. False: it does not count, since another coordinator has the agent."""
        if not self._counts(coordinator, now):
            return False
        self._take(Event.WELCOME)
        self.coordinator, self._heard_at, self.refusal = coordinator, now, None
        return True

    def refused(self, coordinator: int, refusal: HostRefusal, now: float) -> None:
        """Take a refusal."""
        if not self._counts(coordinator, now):
            return
        if self.phase is not Phase.PUT_OFF:
            self._put_off_at = now
        self.refusal = refusal
        self._take(Event.REFUSED if refusal.final else Event.PUT_OFF)

    def heard(self, coordinator: int, now: float) -> bool:
        """Take note that a coordinator says something else. False: it is not the agent's."""
        if coordinator != self.coordinator:
            return False
        self._heard_at = now
        return True

    def is_hello_due(self, now: float) -> bool:
        """Whether to greet all coordinators now. The phase changes with time."""
        self._look_at_clock(now)
        if self.phase in (Phase.JOINED, Phase.OVER) or now < self._hello_at:
            return False
        self._hello_at = now + HELLO_S
        return True

    def error(self) -> ClusterError | None:
        """Return why the agent was refused for good; None: it was not."""
        if self.phase is not Phase.OVER or self.refusal is None:
            return None
        kind = ClusterError if self.refusal.final else AlreadyRunningError
        return kind(self.refusal.cause, self.refusal.action)

    def _look_at_clock(self, now: float) -> None:
        match self.phase:
            case Phase.JOINED if now - self._heard_at >= ASK_AFTER_S:
                self._take(Event.SILENCE)
            case Phase.PUT_OFF if now - self._put_off_at >= PUT_OFF_S:
                self._take(Event.LATE)
            case Phase.SEEKING if self._late_at is not None and now >= self._late_at:
                self._take(Event.LATE)

    def _counts(self, coordinator: int, now: float) -> bool:
        """Whether a coordinator is the one to listen to."""
        self._look_at_clock(now)
        return self.phase is not Phase.JOINED or coordinator == self.coordinator

    def _take(self, event: Event) -> None:
        self.phase = TABLE.get((self.phase, event), self.phase)
