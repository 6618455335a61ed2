"""Which loads a client meets, in which order."""

from __future__ import annotations

from typing import Final, NamedTuple

from benchmarks.real_rates.clients import BARE_CLIENT, CLIENTS, OURS, OURS_AT_ONCE, ClientKind
from benchmarks.real_rates.options import RateOptions
from benchmarks.real_rates.pacing import Load

WARM_S: Final = 1.0
"""Seconds of the first load that each client meets before it is measured."""
POISSON_SLACK: Final = 2
"""How many times more events than the mean one session may get of a load."""
LEAST_FRAMES: Final = 1000


class Step(NamedTuple):
    """A load that one client meets."""

    load: Load
    events: int
    measured: bool = True
    """Whether its cost goes into the table: it warms the client up, or is traced, if not."""
    traced: bool = False


def steps(options: RateOptions, client: ClientKind, sessions: int) -> list[Step]:
    """Return what a client meets with so many sessions, in order; empty: nothing."""
    own = options.latency if client in (OURS, OURS_AT_ONCE) else ()
    if client is OURS:
        own += options.growth
    loads = [load for load in (*options.loads, *own) if load.sessions == sessions]
    if not loads:
        return []
    seconds = options.seconds
    warm = Step(loads[0], loads[0].events(min(seconds, WARM_S)), measured=False)
    measured = [Step(load, load.events(seconds)) for load in dict.fromkeys(loads)]
    traced = [
        Step(load, load.events(seconds / 2), measured=False, traced=True)
        for load in options.system_calls
        if load.sessions == sessions and client in (OURS, BARE_CLIENT)
    ]
    return [warm, *measured, *traced]


def frames_needed(options: RateOptions) -> int:
    """Return how many events the recording must have for one session's part of all its loads."""
    most = max(
        sum(step.events for step in steps(options, client, sessions)) / sessions
        for client in CLIENTS
        for sessions in options.session_counts
    )
    return max(LEAST_FRAMES, int(most * POISSON_SLACK))
