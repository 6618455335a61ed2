"""Which faults happen, in which order and pairs: the same seed deals the same ones. Pure.

Kinds are dealt from a shuffled deck in which each lies as often as it weighs, so that every kind
comes before any comes again and again.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from cluster.discord.close_codes import CLOSE_CODES, Then

RESUMABLE_CLOSES: Final = (
    *(c.code for c in CLOSE_CODES.values() if c.then is Then.RESUME and c.code >= 4000), 1011, 4099,
)  # fmt: skip
"""Close codes that leave a session resumable: all that are documented, a code of WebSocket's, and
one that nobody knows."""
ENDING_CLOSES: Final = tuple(c.code for c in CLOSE_CODES.values() if c.then is Then.IDENTIFY)
"""Close codes that end a session."""

ALONE: Final = frozenset({"resharded"})
"""Kinds whose promise holds only while connections do."""


class Shape(NamedTuple):
    """What a cluster has that can be broken."""

    shards: int
    slots: int
    hosts: int = 0
    """On how many hosts the workers run; 0: beside the coordinator."""


class Fault(NamedTuple):
    """One fault: plain data, done by FAULT_ACTIONS[kind] (faults/actions.py)."""

    kind: str
    params: dict[str, Any]
    needs: tuple[str, ...] = ()
    """What no other fault may meddle with meanwhile."""

    def __str__(self) -> str:
        rest = " ".join(f"{key}={value}" for key, value in self.params.items())
        return f"{self.kind} {rest}".rstrip()


class Pair(NamedTuple):
    """Two faults, the second ``offset`` seconds after the first."""

    number: int
    """The number of its first fault, from 1."""
    faults: tuple[Fault, ...]
    offset: float
    """Seconds between the two."""
    pause: float
    """Seconds until the next pair."""

    @property
    def alone(self) -> bool:
        """Whether one of them is of a kind that nothing may overlap: one comes after the other."""
        return any(fault.kind in ALONE for fault in self.faults)


Make = Callable[[random.Random, Shape], Fault]


def on_shard(kind: str, needs: tuple[str, ...] = (), **choices: tuple[Any, ...]) -> Make:
    """A fault of one connection."""

    def make(rng: random.Random, shape: Shape) -> Fault:
        params = {key: rng.choice(values) for key, values in choices.items()}
        return Fault(kind, {"shard": rng.randrange(shape.shards)} | params, needs)

    return make


def timed(kind: str, low: float, high: float, needs: tuple[str, ...]) -> Make:
    """A fault that lasts."""

    def make(rng: random.Random, shape: Shape) -> Fault:
        return Fault(kind, {"seconds": round(rng.uniform(low, high), 2)}, needs)

    return make


def on_slot(kind: str, *also: str, seconds: tuple[float, float] | None = None) -> Make:
    """A fault of one worker, and of what else it needs."""

    def make(rng: random.Random, shape: Shape) -> Fault:
        slot = rng.randrange(shape.slots)
        params: dict[str, Any] = {"slot": slot}
        if seconds:
            params["seconds"] = round(rng.uniform(*seconds), 2)
        return Fault(kind, params, (f"slot-{slot}", *also))

    return make


def _two_workers(rng: random.Random, shape: Shape) -> Fault:
    one, other = rng.sample(range(shape.slots), 2)
    return Fault("two_workers_killed", {"slots": [one, other]}, (f"slot-{one}", f"slot-{other}"))


def _skips(rng: random.Random, shape: Shape) -> Fault:
    params = {"shard": rng.randrange(shape.shards), "count": rng.randint(1, 5)}
    return Fault("replay_skips", params, ("listeners",))


def _client_gone(rng: random.Random, shape: Shape) -> Fault:
    client, how = rng.randrange(2), rng.choice(("cut", "died"))
    params = {"client": client, "how": how, "seconds": round(rng.uniform(0.2, 2.0), 2)}
    return Fault("proxy_client_gone", params, (f"client-{client}",))


def _everything(rng: random.Random, shape: Shape) -> Fault:
    slots = (f"slot-{slot}" for slot in range(shape.slots))
    needs = ("coordinator", "replay", "late", "proxy", "cache", *slots)
    return Fault("started_together", {}, needs)


def _scaled(rng: random.Random, shape: Shape) -> Fault:
    workers = rng.choice((shape.slots - 1, shape.slots + 1))
    slots = (f"slot-{slot}" for slot in range(shape.slots))
    params = {"workers": workers, "kill": rng.random() < 0.5}
    return Fault("scaled", params, ("operation", *slots))


def _resharded(rng: random.Random, shape: Shape) -> Fault:
    return Fault("resharded", {"shards": rng.choice((4, shape.shards)), "overlap": 2.0})


def _bot(kind: str) -> Make:
    def make(rng: random.Random, shape: Shape) -> Fault:
        bot = rng.choice(("all", "some"))
        return Fault(kind, {"bot": bot, "seconds": round(rng.uniform(1.0, 3.0), 2)}, (bot,))

    return make


def _bot_and_worker(rng: random.Random, shape: Shape) -> Fault:
    bot, slot = rng.choice(("all", "some")), rng.randrange(shape.slots)
    return Fault("subscriber_restarted", {"bot": bot, "slot": slot}, (bot, f"slot-{slot}"))


LISTENERS: Final = ("all", "some", "late", "replay", "coordinator")
"""Those of whom none may lag while a host is lost: what only its journals have nobody can ask
for."""


def on_host(
    kind: str, *also: str, seconds: tuple[float, float] | None = None, **choices: tuple[Any, ...]
) -> Make:
    """A fault of one host, and of what else it needs."""

    def make(rng: random.Random, shape: Shape) -> Fault:
        host = rng.randrange(shape.hosts)
        params: dict[str, Any] = {key: rng.choice(values) for key, values in choices.items()}
        if seconds:
            params["seconds"] = round(rng.uniform(*seconds), 2)
        return Fault(kind, {"host": host} | params, (f"host-{host}", *also))

    return make


CONNECTIONS: Final[list[tuple[int, Make]]] = [
    (1, on_shard("cut", how=("rst",))),
    (1, on_shard("cut", how=("fin",))),
    (1, on_shard("cut", how=("mid_frame",))),
    (2, on_shard("half_open")),
    (2, on_shard("mute_heartbeats")),
    (2, on_shard("op7")),
    (1, on_shard("op9_resumable")),
    (1, on_shard("op9_lost")),
    (3, on_shard("close_resumable", code=RESUMABLE_CLOSES)),
    (1, on_shard("close_lost", code=ENDING_CLOSES)),
    (1, on_shard("forgotten_session")),
    (1, on_shard("corrupt")),
    (1, on_shard("truncate")),
    (1, on_shard("stall", seconds=(1.0, 2.5, 5.0))),
    (1, on_shard("repeated_seq")),
    (2, timed("refused_connections", 0.3, 2.0, ("listeners",))),
    (2, on_shard("dead_resume_host", mode=("503", "refuse", "silent"))),
    (3, _skips),
]
"""Faults between the workers and Discord: how often each kind lies in the deck, and its maker."""
DECK: Final[list[tuple[int, Make]]] = [
    *CONNECTIONS,
    (3, on_slot("worker_killed")),
    (2, on_slot("worker_stopped", seconds=(0.5, 3.0))),
    (1, on_slot("worker_hangs")),
    (1, _two_workers),
    (2, timed("coordinator_killed", 0.0, 1.5, ("coordinator", "replay", "proxy", "cache"))),
    (2, timed("coordinator_stopped", 0.5, 3.0, ("coordinator",))),
    (2, lambda r, s: Fault("replay_killed", {}, ("replay",))),
    (1, timed("replay_stopped", 0.5, 3.0, ("replay",))),
    (1, lambda r, s: Fault("proxy_killed", {}, ("proxy",))),
    (1, lambda r, s: Fault("cache_killed", {}, ("cache",))),
    (1, _client_gone),
    (1, on_slot("worker_and_coordinator_killed", "coordinator", "replay")),
    (1, on_slot("worker_and_replay_killed", "replay")),
    (1, on_slot("full_pipe", "coordinator")),
    (1, lambda r, s: Fault("rolling_restart", {}, ("operation",))),
    (1, on_slot("worker_restarted", "operation")),
    (1, on_shard("shard_restarted", needs=("operation",))),
    (2, _scaled),
    (2, _bot("subscriber_stopped")),
    (1, _bot("subscriber_busy")),
    (2, _bot_and_worker),
    (2, timed("late_joiner", 1.0, 3.0, ("late",))),
    (1, _everything),
]
"""What is dealt to a cluster whose workers run beside the coordinator."""
HOST_DECK: Final[list[tuple[int, Make]]] = [
    *CONNECTIONS,
    (3, on_host("host_worker_killed")),
    (2, on_host("agent_killed")),
    (3, on_host("host_killed", seconds=(0.0, 2.0))),
    (2, on_host("host_stopped", seconds=(0.5, 3.0))),
    (4, on_host("host_cut", seconds=(0.5, 4.0), how=("silent", "deaf", "mute", "refused"))),
    (2, on_host("host_slow", seconds=(1.0, 3.0))),
    (2, on_host("host_lost", *LISTENERS)),
    (1, on_host("host_frozen", *LISTENERS)),
    (2, on_host("host_cut_off", *LISTENERS, how=("silent", "deaf", "mute", "refused"))),
    (1, on_host("host_replay_killed", "replay")),
    (2, lambda r, s: Fault("host_gate_killed", {}, ("coordinator",))),
    (2, on_host("host_drained", "operation")),
    (3, timed("coordinator_killed", 0.0, 1.5, ("coordinator", "replay"))),
    (2, timed("coordinator_stopped", 0.5, 3.0, ("coordinator",))),
    (2, lambda r, s: Fault("replay_killed", {}, ("replay",))),
    (1, timed("replay_stopped", 0.5, 3.0, ("replay",))),
    (1, lambda r, s: Fault("rolling_restart", {}, ("operation",))),
    (1, on_shard("shard_restarted", needs=("operation",))),
    (2, _bot("subscriber_stopped")),
    (1, _bot("subscriber_busy")),
    (2, timed("late_joiner", 1.0, 3.0, ("late",))),
]
"""What is dealt to a cluster whose workers run on hosts."""
SLOW: Final[list[tuple[int, Make]]] = [(1, _resharded)]
"""What joins the deck of a long run: each takes some 20 s, alone."""
LONG: Final = 100
"""Least faults of a long run."""


def fault_pairs(seed: int, count: int, shape: Shape, only: int | None = None) -> Iterator[Pair]:
    """Deal ``count`` faults in pairs. only: the pair with this fault, alone."""
    rng = random.Random(f"{seed}/storm")
    kinds = DECK + SLOW if count >= LONG else DECK
    if shape.hosts:
        kinds = HOST_DECK
    deck: list[Make] = []
    number = 1
    while number <= count:
        faults: list[Fault] = []
        while len(faults) < min(2, count - number + 1):
            if not deck:
                deck = [make for weight, make in kinds for _ in range(weight)]
                rng.shuffle(deck)
            faults.append(deck.pop()(rng, shape))
        pair = Pair(number, tuple(faults), round(rng.uniform(0.0, 0.8), 2),
                    round(rng.uniform(0.8, 1.8), 2))  # fmt: skip
        if only is None or pair.number <= only < pair.number + len(faults):
            yield pair
        number += len(faults)
