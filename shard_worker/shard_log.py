"""ShardLog: the lines that a shard writes on its session; few, however often something comes."""

from __future__ import annotations

import logging
from typing import Final

from cluster.wire.states import SessionState
from shard_worker.protocol.frame import Unplaced
from shard_worker.protocol.outage import Outage
from shard_worker.protocol.session import Session

MAX_NAMED: Final = 16
"""Most kinds of frames that can't be placed that a shard writes a line on."""

log = logging.getLogger(__name__)


class ShardLog:
    """Writes for one shard. now: seconds of the session's clock."""

    def __init__(self, shard_id: int) -> None:
        self._shard_id = shard_id
        self._fields = {"fields": {"shard": shard_id}}
        self._named: set[Unplaced] = set()

    def state(self, session: Session, now: float) -> None:
        """Write a line on the state; one that waits or gave up says why. Of many tries in a row
        that did not come to HELLO a few get a line."""
        if session.unremarkable:
            return
        state, text, outage = session.state, session.state.value, session.outage
        if state in (SessionState.WAITING, SessionState.FATAL) and session.detail:
            text += f": {session.detail}"
        if state is SessionState.WAITING and outage is not None and outage.tries > 1:
            text += f" ({_tries(outage, now)})"
        if session.next_try is not None:
            text += f"; next try in {max(0.0, session.next_try - now):.1f} s"
        level = logging.WARNING if state is SessionState.FATAL else logging.INFO
        fields = {"shard": self._shard_id, "epoch": session.epoch}
        log.log(level, "shard %d: %s", self._shard_id, text, extra={"fields": fields})

    def reached(self, outage: Outage, now: float) -> None:
        """Write that an outage is over."""
        text = "shard %d: the gateway gives HELLO again, after %s"
        log.info(text, self._shard_id, _tries(outage, now), extra=self._fields)

    def left_out(self, what: Unplaced) -> None:
        """Write what could not be placed, the first time that something of its kind was not."""
        if what in self._named or len(self._named) >= MAX_NAMED:
            return
        self._named.add(what)
        name = f' ("{what.event}")' if what.event else ""
        text = "shard %d: %s%s is left out; `status` counts more of its kind"
        log.warning(text, self._shard_id, what.reason, name, extra=self._fields)


def _tries(outage: Outage, now: float) -> str:
    """Return in words how often the gateway was tried in vain."""
    tries = f"{outage.tries:,} {'try' if outage.tries == 1 else 'tries'}"
    return f"{tries} in {now - outage.since:.0f} s"
