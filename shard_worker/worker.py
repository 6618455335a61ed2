"""A worker: it runs its shards, keeps the link to the coordinator and ends in order."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import signal
import time
from enum import IntEnum
from typing import Any, Final

import zmq

import cluster
from cluster.commands import Command, NotSentError
from cluster.config.worker_spec import WorkerSpec
from cluster.errors import ClusterError
from cluster.wire.control import failure_of
from cluster.wire.link import (
    LINK_VERSION,
    Hello,
    IdentifyGrant,
    IdentifyRequest,
    IdentifySent,
    IdentifyUnused,
    Kept,
    Lease,
    LogLevel,
    Out,
    Publish,
    Reconnect,
    Release,
    Send,
    Sent,
    ShardPlan,
    Stop,
    Stopped,
    Take,
    ToWorker,
    Welcome,
)
from shard_worker.coordinator_link import CoordinatorLink
from shard_worker.delivery.slot_journal import SlotJournal
from shard_worker.lease_watch import LeaseWatch
from shard_worker.protocol.connect_queue import ConnectQueue
from shard_worker.shard import Shard
from shard_worker.transport.transport import Transport
from shard_worker.worker_log import set_level
from shard_worker.worker_report import Reporter

log = logging.getLogger(__name__)

REPORT_S: Final = 1.0
"""Seconds between reports to the coordinator."""
GREET_RETRY_S: Final = 0.05
"""Seconds until Hello is tried again where there was nobody to take it."""
ASK_AFTER_S: Final = 3.0
"""Seconds without a word from the coordinator after which it is sent another Hello, which it
answers if it is there."""

RESUMABLE: Final = Stop()
"""How a worker stops by itself: the sessions stay resumable."""


class Exit(IntEnum):
    """Exit codes of ``python -m shard_worker``."""

    STOPPED = 0
    FAILED = 1
    BAD_SPEC = 2
    SLOT_TAKEN = 3
    """Another process holds this slot's journal."""
    ORPHANED = 4
    """No coordinator was heard of for ``adopt_seconds``, or the lease has run out; the sessions
    were closed resumable."""


class Worker:
    """One worker process. ``run`` returns its exit code."""

    def __init__(self, spec: WorkerSpec) -> None:
        self._spec = spec
        self._started_at = time.time()
        self._loop = asyncio.get_running_loop()
        self._stopping: asyncio.Future[tuple[Exit, Stop]] = self._loop.create_future()
        self._shards: dict[int, Shard] = {}
        self._connects = ConnectQueue(random.random)
        self._greeting: asyncio.TimerHandle | None = None
        self._ticked_at = self._loop.time()
        self._error: BaseException | None = None
        self._lease = LeaseWatch(spec.lease_s, on_begin=self._begin, on_over=self._on_lease_over)

    async def run(self) -> Exit:
        """Run until it is stopped, or no coordinator was heard of for too long.

        Raises ClusterError if it can't begin, and the exception that nobody had foreseen.
        """
        spec = self._spec
        self._loop.set_exception_handler(self._on_unforeseen)
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        # Before anything else: it says whether this slot is ours.
        journal = SlotJournal(spec)
        transport = Transport(
            ca_file=spec.ca_file,
            impersonate=spec.impersonate,
            latency_ms=spec.config.latency_ms,
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._stop, Exit.STOPPED)
        self._journal, self._transport = journal, transport
        self._link = CoordinatorLink(context, spec.link_endpoint, spec.slot, self._on_message)
        self._reporter = Reporter(
            spec.slot, self._shards, journal, transport, self._link, self._lease
        )
        try:
            journal.start()
            for plan in spec.shards:
                self._add(plan)
            self._greet()
            if self._lease.holds():  # else they begin with it
                self._begin()
            ticker = self._loop.create_task(self._tick())
            ticker.add_done_callback(self._on_ticker_end)
            try:
                code, how = await self._stopping
            finally:
                ticker.cancel()
            for shard in self._shards.values():
                shard.stop(logout=how.logout, cause=how.cause)
            await transport.close()
            self._reporter.renew_states()
            self._reporter.report()
            journal.close()
            self._link.send(Stopped(slot=spec.slot))
            if self._error is not None:
                raise self._error
            return code
        finally:
            if self._greeting is not None:
                self._greeting.cancel()
            self._lease.close()
            self._reporter.close()
            journal.close()
            self._link.close()
            context.term()

    def _add(self, plan: ShardPlan) -> Shard:
        delivery, resumable, epoch = self._journal.shard(plan)
        shard = Shard(
            plan, self._spec, self._transport, delivery, self, resumable, epoch,
            connects=self._connects, tally=self._reporter.tally,
            latencies=self._reporter.traffic.latencies,
            may_hold=self._lease.holds if self._spec.lease_s else None,
        )  # fmt: skip
        self._shards[plan.shard_id] = shard
        return shard

    def _begin(self) -> None:
        """Begin to connect."""
        if not self._stopping.done():
            for shard in self._shards.values():
                shard.start()

    def _on_lease_over(self) -> None:
        """End the process: the coordinator may give its shards to other hosts now."""
        if not self._stopping.done():
            log.warning(
                "no report was answered for the %g s of a lease: closing resumable",
                self._spec.lease_s,
            )
            self._stop(Exit.ORPHANED)

    def _stop(self, code: Exit, how: Stop = RESUMABLE) -> None:
        if not self._stopping.done():
            self._stopping.set_result((code, how))

    def _on_unforeseen(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """End the process: what a callback did not catch has left something half done, events that
        were taken and are not journalled, or a timer that is not set. Nothing more is taken, at
        once; the journal is whole, and the next process in this slot goes on from it."""
        message, error = context["message"], context.get("exception")
        if "handle" not in context:  # a result that nobody has asked for: nothing depends on it
            log.error("unforeseen: %s", message, exc_info=error)
            return
        log.error("unforeseen, and the end of this process: %s", message)
        self._fail(error or RuntimeError(message))

    def _fail(self, error: BaseException) -> None:
        self._error = self._error or error
        if self._spec.lease_s:  # another host would go on from what is told
            self._reporter.mute()
        self._stop(Exit.FAILED)
        for shard in self._shards.values():
            shard.stop(logout=False)

    async def _tick(self) -> None:
        """Once a second: report, look after the journal, and look for the coordinator."""
        while True:
            self._reporter.tick()
            self._journal.tick()
            self._look_for_coordinator()
            await asyncio.sleep(REPORT_S)

    def _on_ticker_end(self, ticker: asyncio.Task[None]) -> None:
        """End the process with its ticker, without which a worker would run on unseen."""
        if not ticker.cancelled() and (error := ticker.exception()):
            self._fail(error)

    def _look_for_coordinator(self) -> None:
        self._lease.look()
        bound_s = self._lease.seconds or self._spec.config.adopt_seconds
        now, ask_after = self._loop.time(), min(ASK_AFTER_S, bound_s / 4)
        stopped = now - self._ticked_at - REPORT_S
        self._ticked_at = now
        self._link.poll()
        if stopped > ASK_AFTER_S:
            # The process was stopped (SIGSTOP, a suspended machine): the wait was its own.
            log.warning("this process was stopped for %.0f s", stopped)
            self._link.heard_at = max(self._link.heard_at, now - ask_after)
        unheard_s = now - self._link.heard_at
        if unheard_s > bound_s and not self._lease.seconds:
            log.warning("no coordinator for %.0f s: closing resumable", unheard_s)
            self._stop(Exit.ORPHANED)
        elif unheard_s > ask_after and not self._greeting:
            self._greet()

    # -- to and from the coordinator -----------------------------------------------------------

    def _greet(self) -> None:
        """Send Hello, again and again until there is somebody to take it: at the start the socket
        is not connected yet."""
        self._greeting = None
        if not self._link.send(self._hello()):
            self._greeting = self._loop.call_later(GREET_RETRY_S, self._greet)
        elif self._lease.seconds:  # which begins with a report that is answered
            self._reporter.changed()

    def _hello(self) -> Hello:
        return Hello(
            version=LINK_VERSION,
            slot=self._spec.slot,
            pid=os.getpid(),
            started_at=self._started_at,
            package_version=cluster.__version__,
            shard_count=self._spec.shard_count,
            shards=[shard.report() for shard in self._shards.values()],
            hub=self._spec.hub,
        )

    def _on_message(self, message: ToWorker) -> None:
        match message:
            case Welcome():
                # What was asked before may have met a coordinator that did not heed us yet, however
                # short ago it was. Asked twice, the same grant is said twice, and used once.
                for shard in self._shards.values():
                    shard.ask_again()
                self._reporter.renew()
                self._reporter.renew_states()
                self._reporter.changed()
            case IdentifyGrant(shard_id=shard_id, grant_id=grant_id):
                if shard_id in self._shards:
                    self._shards[shard_id].granted(message)
                else:
                    self.identify_unused(shard_id, grant_id)
            case LogLevel(level=level):
                set_level(level)
            case Out(sent_ns=sent_ns):
                self._journal.watermark_out(sent_ns)
            case Stop():
                self._stop(Exit.STOPPED, message)
            case _ if self._stopping.done():
                pass  # the next process of this slot hears it again, where it still holds
            case Lease(number=number):
                self._lease.answered(number)
            case Kept(pid=pid, reports=reports):
                if self._journal.checkpoints is not None and pid == os.getpid():
                    for kept in reports:
                        self._journal.checkpoints.answered(kept.number, kept.unknown)
            case Reconnect(shard_id=shard_id, identify=identify):
                if shard_id in self._shards:
                    self._shards[shard_id].reconnect(identify=identify)
            case Send():
                self._send(message)
            case Release(shard_id=shard_id, to_slot=to_slot):
                self._release(shard_id, to_slot)
            case Take(shard=plan):
                self._take(plan)
            case Publish(overlap_ns=overlap_ns):
                self._journal.publish(overlap_ns)
                self._reporter.renew_states()
                self._reporter.report()

    def _send(self, message: Send) -> None:
        def done(error: ClusterError | None) -> None:
            failure = None if error is None else failure_of(error)
            self._link.send(Sent(number=message.number, failure=failure))

        shard = self._shards.get(message.shard_id)
        if shard is None:
            cause = f"shard {message.shard_id} is another worker's by now"
            done(NotSentError(cause, "send it again"))
        else:
            shard.send(Command(message.op, message.payload), done)

    def _release(self, shard_id: int, to_slot: int) -> None:
        shard = self._shards.pop(shard_id, None)
        if shard is None:
            return
        shard.stop(logout=False)
        self._journal.release(shard_id, to_slot)
        # The coordinator gives the shard on when this worker has it no more.
        self._reporter.report()

    def _take(self, plan: ShardPlan) -> None:
        if plan.shard_id in self._shards:
            return
        try:
            self._journal.read_other_slots()
            shard = self._add(plan)
        except ClusterError as error:
            log.error("shard %d can't be taken: %s", plan.shard_id, error)
            return
        log.info("shard %d is this worker's now", plan.shard_id)
        if self._lease.holds():
            shard.start()
        self._reporter.report()

    def request_grant(self, shard_id: int) -> None:
        # A coordinator heeds nobody who has not said hello; after its welcome all is asked again.
        if self._greeting is None:
            self._link.send(IdentifyRequest(shard_id=shard_id))

    def identify_sent(self, shard_id: int, grant_id: int) -> None:
        self._link.send(IdentifySent(shard_id=shard_id, grant_id=grant_id))

    def identify_unused(self, shard_id: int, grant_id: int) -> None:
        self._link.send(IdentifyUnused(shard_id=shard_id, grant_id=grant_id))

    def changed(self) -> None:
        self._reporter.changed()
