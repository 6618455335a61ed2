"""Ways to break the product, each of which the driver must see (test_mutants.py).

A mutant is loaded by sitecustomize.py into the processes of a cluster whose environment names it;
nothing of it is ever in the product's own files.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, Final

import msgspec

DROP_EVERY: Final = 50
JOURNAL_LATE_S: Final = 1.0


class SilentSocket:
    """A socket that takes what it is sent, and sends nothing."""

    def send(self, message: bytes) -> bool:
        return True


def drop_batch(module: ModuleType) -> None:
    """The publisher leaves out a batch now and then, and its cursor goes on."""
    original = module.Publisher._send_one
    count = itertools.count(1)

    def send_one(self: Any) -> bool:
        if self._marks or next(count) % DROP_EVERY:
            return bool(original(self))
        socket, self._hub = self._hub, SilentSocket()
        try:
            return bool(original(self))
        finally:
            self._hub = socket

    module.Publisher._send_one = send_one


def publish_before_journal(module: ModuleType) -> None:
    """What goes out is journalled a second later."""

    def append(self: Any, messages: list[bytes]) -> None:
        if not messages:
            return
        state = self._writer.state
        state = msgspec.structs.replace(state, last=dict(state.last))
        for message in messages:
            self._publisher._hub.send(message)
        self._publisher._hub.flush()

        def write() -> None:
            self._publisher._cursor = self._journal.append(state.shard_id, messages, state)
            self._journal.flush()

        asyncio.get_running_loop().call_later(JOURNAL_LATE_S, write)

    module.ShardDelivery._append = append


def _changing(module: ModuleType, method: str, change: Callable[[Any], Any]) -> None:
    """Session's method, with its actions changed."""
    original = getattr(module.Session, method)

    def changed(self: Any, *args: Any, **kwargs: Any) -> Sequence[Any]:
        return [change(action) for action in original(self, *args, **kwargs)]

    setattr(module.Session, method, changed)


def resume_one_later(module: ModuleType) -> None:
    """RESUME says that one event more was received."""
    kind = module.do.SendResume
    _changing(
        module,
        "_hello",
        lambda a: kind(a.session_id, a.seq + 1) if isinstance(a, kind) else a,
    )


def heartbeat_ahead(module: ModuleType) -> None:
    """Heartbeats acknowledge what is not journalled."""
    kind = module.do.SendHeartbeat
    _changing(module, "tick", lambda a: kind(a.seq + 20) if isinstance(a, kind) else a)


def since_is_not_looked_at(module: ModuleType) -> None:
    """Subscriber delivers a batch though what its `since` names is not in hand."""
    module.HeldEvents.has = lambda self, table: True


def double_grant(module: ModuleType) -> None:
    """The limiter gives a bucket's turn twice: the next shard gets it when the first has sent."""
    original = module.IdentifyLimiter.sent
    count = itertools.count(1)

    def sent(self: Any, shard_id: int, grant_id: int, now: float) -> None:
        bucket = self._bucket(shard_id)
        free_at = bucket.free_at
        original(self, shard_id, grant_id, now)
        if next(count) % 2:
            bucket.free_at, bucket.unanswered = free_at, None

    module.IdentifyLimiter.sent = sent


MUTANTS: Final[dict[str, dict[str, Callable[[ModuleType], None]]]] = {
    "drop_batch": {"shard_worker.delivery.publisher": drop_batch},
    "publish_before_journal": {"shard_worker.delivery.shard_delivery": publish_before_journal},
    "resume_one_later": {"shard_worker.protocol.session": resume_one_later},
    "heartbeat_ahead": {"shard_worker.protocol.session": heartbeat_ahead},
    "since_is_not_looked_at": {"cluster.subscriber.chain.held_events": since_is_not_looked_at},
    "double_grant": {"cluster.identify.limiter": double_grant},
}
"""Name -> module -> what is done to it."""
