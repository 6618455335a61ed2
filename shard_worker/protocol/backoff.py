"""How long to wait before the next try, and how often to try what does not work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cluster.backoff import Backoff

STABLE_S: Final = 30.0
"""Seconds after which a connection that got ready and is lost is a failure no more: connections
that all live for so long are as far apart as the longest waits between those that do not."""
BASE_S: Final = 0.5
CAP_S: Final = 60.0
"""Longest wait between two connections that came to HELLO."""
FREE_IDENTIFIES: Final = 2
"""Failed identifies in a row after which there is no pause yet: one that came early gets an op
9."""
IDENTIFY_BASE_S: Final = 15.0
IDENTIFY_CAP_S: Final = 900.0
INVALID_SESSION_WAIT_S: Final = (1.0, 5.0)
RESUME_HOST_TRIES: Final = 3
"""Connections to a session's resume host that may fail before the main URL is used."""
RESUME_TRIES: Final = 5
"""Resumes that may fail before the session is dropped."""
RESUME_TRIES_WITH_EVENTS: Final = 20
"""Resumes that may fail where each brought events."""


def again_backoff(random: Callable[[], float]) -> Backoff:
    """Waits between the beginnings of two connections that came to HELLO and led to nothing that
    lasts: of 0 to 0.5, 1, 2, 4 ... 60 s, evenly spread in between. Those that did not come to HELLO
    are ConnectQueue's."""
    return Backoff(BASE_S, CAP_S, random)


def identify_pause(failures: int, random: Callable[[], float]) -> float:
    """Return the seconds to wait after this many identifies in a row that led to no READY. Each
    cost a grant of the daily budget, so they slow down to one in a quarter of an hour."""
    over = failures - FREE_IDENTIFIES
    if over <= 0:
        return 0.0
    return Backoff(IDENTIFY_BASE_S, IDENTIFY_CAP_S, random, least=0.5).after(over)


def invalid_session_wait(random: Callable[[], float]) -> float:
    """Return the seconds between op 9 and the next identify or resume ("Gateway Events", Invalid
    Session)."""
    low, high = INVALID_SESSION_WAIT_S
    return low + (high - low) * random()


class Tries:
    """Counts what failed in a row, so that no loop runs for ever."""

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._again = again_backoff(random)
        self._host = 0
        self._resume = 0
        self.identifies = 0
        """Identifies in a row that led to no READY."""

    @property
    def resume_host(self) -> bool:
        """Whether the session's resume host is worth a try. A dead one stays left for the main
        URL until the next session, which brings another."""
        return self._host < RESUME_HOST_TRIES

    def host_failed(self, at_resume_host: bool) -> None:
        """A connection did not get to HELLO."""
        self._host += at_resume_host

    def identify_failed(self) -> None:
        """An identify led to no READY."""
        self.identifies += 1

    def resume_failed(self, had_events: bool) -> bool:
        """A RESUME led to no RESUMED. Return whether the session is to be dropped. A resume whose
        replay brought events counts less: it comes nearer each time."""
        self._resume += 1 if had_events else RESUME_TRIES_WITH_EVENTS // RESUME_TRIES
        return self._resume >= RESUME_TRIES_WITH_EVENTS

    def resumed(self, at_resume_host: bool) -> None:
        """The session was resumed."""
        self._resume = 0
        if at_resume_host:
            self._host = 0

    def again(self, lived_s: float, ready_s: float | None, *, to_identify: bool) -> float:
        """A connection that had come to HELLO was lost. Return the seconds to wait before the next.

        lived_s: since it was begun; time that it lived need not be waited for. ready_s: since READY
        or RESUMED; None: there was none. to_identify: the next one has no session to resume.
        """
        if ready_s is not None and ready_s >= STABLE_S:
            self._again.reset()
        wait = max(BASE_S * self._random(), self._again.next() - lived_s)
        return max(wait, identify_pause(self.identifies, self._random)) if to_identify else wait

    def identified(self) -> None:
        """A session has begun."""
        self._host = self._resume = self.identifies = 0

    def dropped(self) -> None:
        """The session was dropped; failed identifies are still counted."""
        self._host = self._resume = 0
