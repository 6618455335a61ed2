"""How long to wait before the next try, and how often to try what does not work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cluster.backoff import Backoff

BASE_S: Final = 0.5
CAP_S: Final = 60.0
"""Longest wait between two connections."""
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


def connect_backoff(random: Callable[[], float]) -> Backoff:
    """Waits between two connections: of 0 to 0.5, 1, 2, 4 ... 60 s, evenly spread in between."""
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

    def __init__(self) -> None:
        self._host = 0
        self._resume = 0
        self.identifies = 0
        """Identifies in a row that led to no READY."""

    @property
    def resume_host(self) -> bool:
        """Whether the session's resume host is worth a try. A dead one stays left for the main
        URL until the next session, which brings another."""
        return self._host < RESUME_HOST_TRIES

    def resume_host_failed(self) -> None:
        """A connection to the resume host did not get to HELLO."""
        self._host += 1

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

    def identified(self) -> None:
        """A session has begun."""
        self._host = self._resume = self.identifies = 0

    def dropped(self) -> None:
        """The session was dropped; failed identifies are still counted."""
        self._host = self._resume = 0
