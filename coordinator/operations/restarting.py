"""Restarts on request: of a shard's connection, of a worker, of all workers one by one; and of a
shard's session.

Nothing is lost and no identify is spent: a worker that ends closes its sessions resumably, its next
process resumes them, and its journal has what was not published. Only `refresh` spends one, and
what happens between the old session and the new one nobody sees.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cluster.errors import ClusterError
from cluster.wire import link
from cluster.wire.states import SessionState
from coordinator.identifies.guarded_queue import GuardedQueue
from coordinator.operations.runner import OperationProgress
from coordinator.workers.fleet import Fleet
from coordinator.workers.supervisor import Supervisor

BACK_S: Final = 60.0
"""How long what was ready before may take to be ready again; after that the restart has failed."""
IDENTIFY_S: Final = 10.0
LEAVE_S: Final = 20.0


class RollingRestart:
    """Restarts workers and connections, without loss."""

    def __init__(self, fleet: Fleet, supervisor: Supervisor, identifies: GuardedQueue) -> None:
        self._assignments = fleet.assignments
        self._slots = fleet.slots
        self._reports = fleet.reports
        self._changes = fleet.changes
        self._send = fleet.send
        self._supervisor = supervisor
        self._identifies = identifies

    async def rolling(self, progress: OperationProgress) -> str:
        """Restart all workers, each when the one before is back. ClusterError: one is not; those
        that follow are left as they are."""
        slots = list(self._assignments.plan.slots)
        progress.steps(len(slots))
        for slot in slots:
            progress.step(f"worker {slot} is restarted")
            await self.worker(slot)
            progress.did(f"worker {slot} is back")
        return f"{len(slots)} workers restarted" if len(slots) != 1 else "1 worker restarted"

    async def worker(self, slot: int) -> str:
        """Restart one worker. ClusterError: there is none of this number, or it does not come
        back."""
        if slot not in self._slots:
            known = ", ".join(map(str, sorted(self._slots)))
            raise ClusterError(f"there is no worker {slot}", f"there are: {known}")
        count, shards = self._assignments.shard_count(slot), self._assignments.shards(slot)

        def state(shard: int) -> SessionState | None:
            return self._reports.state(count, shard)

        before = [shard for shard in shards if state(shard) is SessionState.READY]
        # An identify that is under way would be lost with its connection.
        await self._changes.until(
            lambda: all(state(shard) is not SessionState.IDENTIFYING for shard in shards),
            IDENTIFY_S,
        )
        stop = link.Stop()
        await self._supervisor.restart(slot, lambda n: self._send(n, stop), LEAVE_S)

        def is_back() -> bool:
            ready = all(state(shard) is SessionState.READY for shard in before)
            return ready and self._slots.is_running(slot)

        if not await self._changes.until(is_back, BACK_S):
            late = [shard for shard in before if state(shard) is not SessionState.READY]
            said = self._reports.detail(count, late[0]) if late else ""
            detail = said or self._slots[slot].detail
            raise ClusterError(
                f"worker {slot} is not back after {BACK_S:g} s: {len(late)} of {len(before)} "
                f"shards are not ready{f' ({detail})' if detail else ''}",
                f"see worker-{slot}.log; no other worker was touched since",
            )
        return f"worker {slot} restarted, {len(before)} shards resumed"

    async def shard(self, shard: int) -> str:
        """Connect one shard anew. ClusterError: there is none of this number, its worker is not
        there, or it does not get ready."""
        self._slot_of(shard)
        count, reports = self._assignments.plan.shard_count, self._reports
        before = reports.reconnects(count, shard)
        was_ready = reports.state(count, shard) is SessionState.READY

        def is_back() -> bool:
            return reports.reconnects(count, shard) != before or not was_ready

        await self._reconnect(link.Reconnect(shard_id=shard), is_back)
        return f"shard {shard} reconnected"

    async def refresh(self, shard: int) -> str:
        """Let one shard end its session and identify, so that all of its guilds come anew. Others
        that wait for an identify would lengthen the time in which the shard has no session, so none
        may. BudgetError: no identify is left. ClusterError: there is no shard of this number, its
        worker is not there, others wait for an identify, or it does not get ready."""
        self._slot_of(shard)
        self._identifies.require(1)
        budget = self._identifies.status()
        if waiting := len(budget.waiting) + len(budget.outside):
            raise ClusterError(
                f"{waiting} wait for an identify already: shard {shard} would be without a session "
                "for as long",
                "ask again when `dcgw-cluster status` shows none that waits",
            )
        if budget.trouble:
            raise ClusterError(f"no identify is granted now: {budget.trouble}")
        count, reports = self._assignments.plan.shard_count, self._reports
        before = reports.epoch(count, shard)
        asked = link.Reconnect(shard_id=shard, identify=True)
        await self._reconnect(asked, lambda: reports.epoch(count, shard) > before)
        return f"shard {shard} identified anew: its guilds are on their way"

    def _slot_of(self, shard: int) -> int:
        plan = self._assignments.plan
        slot = plan.slot_of.get(shard)
        if slot is None:
            raise ClusterError(
                f"there is no shard {shard}", f"there are {plan.shards[0]} to {plan.shards[-1]}"
            )
        return slot

    async def _reconnect(self, asked: link.Reconnect, is_back: Callable[[], bool]) -> None:
        """Let a shard have another connection, and wait until it is ready on it. is_back: whether
        what it has said is news of that. ClusterError: its worker is not there, or it does not get
        ready."""
        shard, count, reports = asked.shard_id, self._assignments.plan.shard_count, self._reports
        slot = self._slot_of(shard)
        if not self._send(slot, asked):
            raise ClusterError(f"worker {slot}, which has shard {shard}, is not there now")
        if not await self._changes.until(
            lambda: reports.state(count, shard) is SessionState.READY and is_back(), BACK_S
        ):
            state, detail = reports.state(count, shard) or "", reports.detail(count, shard)
            raise ClusterError(
                f"shard {shard} is not ready after {BACK_S:g} s: {state} {detail}".rstrip(": ")
            )
