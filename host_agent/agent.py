"""The host agent: joins a coordinator, runs workers for it, and passes on what they say.

It survives the coordinator and seeks it again; its workers survive it, for as long as their lease
runs, and the next agent finds them by their locks.
"""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import secrets
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import zmq.asyncio

from cluster import __version__
from cluster.config.host_spec import HostSpec
from cluster.decode_errors import worth_saying
from cluster.endpoints.tcp import Tcp
from cluster.errors import AlreadyRunningError, ClusterError, NotRunningError
from cluster.wire import hosts
from coordinator.children.replay import ReplayProcess
from coordinator.host import boot_id, cores
from coordinator.lifetime import Lifetime
from coordinator.state import folders
from host_agent.control_way import ControlWay
from host_agent.joining import Joining, Phase
from host_agent.machine import Machine
from host_agent.relays import Outside, Relays
from host_agent.worker_link import WorkerLink
from host_agent.workers import HostWorkers

log = logging.getLogger(__name__)

TICK_S: Final = 0.25
WORKERS_KEEP: Final = " Workers keep their sessions while their lease runs."
REPLAY_SHARE: Final = 0.15
"""Share of the time that an end may take, for the replay server."""


class HostAgent:
    """One host's agent, from `run` until it returns."""

    def __init__(
        self,
        spec: HostSpec,
        *,
        on_joined: Callable[[], None] = lambda: None,
        say: Callable[[str], None] = log.info,
        clock: Callable[[], float] = time.monotonic,
        command: Sequence[str] | None = None,
    ) -> None:
        """on_joined: called when it has joined for the first time. say: takes a line for people.
        clock: monotonic seconds. command: another program in a worker's place, for tests.
        ClusterError: this machine does not tell its boot id."""
        self._spec = spec
        self._on_joined = on_joined
        self._say = say
        self._clock = clock
        self._boot_id = boot_id()
        self._identity = hosts.host_id(spec.name, secrets.token_hex(8))
        self._joining = Joining(clock(), spec.wait_s)
        self._said_phase = Phase.SEEKING
        self._lifetime = Lifetime()
        self._changed = asyncio.Event()
        self._context = zmq.asyncio.Context()
        self._ways: list[ControlWay] = []
        self._relays = Relays(spec.paths, spec.keys, self._identity)
        self._machine = Machine(spec.paths.state_dir)
        self._replay: ReplayProcess | None = None
        self._replay_trouble = ""
        self._cluster = ""
        """Store id of the cluster that it has joined; empty: it never has."""
        self._link: WorkerLink | None = None
        self._error: ClusterError | None = None
        """Why it ends; None: it was told to."""
        self._orphaned = False
        """The process is gone that has started it, and would have ended it in order."""
        self._lost = 0
        """How many messages of workers found no coordinator."""
        self._workers = HostWorkers(
            spec.paths,
            self._boot_id,
            clock=clock,
            on_change=self._changed.set,
            say=say,
            command=command,
        )

    def request_stop(self) -> None:
        """Want an end, in order."""
        self._lifetime.end()

    async def run(self) -> None:
        """Run until an end is wanted, or it can't go on. ClusterError: why it can't; its workers
        have ended all the same, unless the process is gone that has started it."""
        try:
            await self._lifetime.begin(self._begin())
            await self._lifetime.until_ending()
            if not self._orphaned:
                await self._end_workers()
        finally:
            await self._lifetime.close()
        if self._error is not None:
            raise self._error
        if isinstance(self._lifetime.failure, ClusterError):
            raise self._lifetime.failure
        if self._lifetime.failure is not None:
            raise ClusterError("a part of the agent failed", f"see {self._spec.paths.log('host')}")

    async def _end_workers(self) -> None:
        if not self._workers.slots.is_empty:
            self._say("Ending: workers close their sessions so that others can resume them.")
        await self._workers.end(self._spec.stop_seconds)
        self._send_report()

    def _give_up(self, error: ClusterError) -> None:
        """End, in order, because of this."""
        self._error = error
        self.request_stop()

    async def _begin(self) -> None:
        paths, parts = self._spec.paths, self._lifetime.parts
        folders.make(paths)
        try:
            lock = await folders.lock(paths)
        except AlreadyRunningError:
            raise AlreadyRunningError(
                f"another process has {paths.state_dir}: an agent of this name runs already, or a "
                "cluster has its state there",
                "stop it, or give another --state-dir and key",
            ) from None
        parts.callback(os.close, lock)
        parts.callback(folders.clear, paths)
        parts.callback(self._context.term)
        self._link = WorkerLink(self._context, paths.link)
        parts.callback(self._link.close)
        parts.callback(self._relays.close)
        parts.push_async_callback(self._workers.leave)
        self._workers.adopt()
        for number, endpoint in enumerate(self._spec.join):
            way = ControlWay(
                self._context,
                endpoint,
                self._spec.keys,
                self._identity,
                on_message=partial(self._take, number),
                on_open=self._greet,
                on_trouble=self._tell_trouble,
            )
            self._ways.append(way)
            self._lifetime.background(way.run(), endpoint)
        self._lifetime.background(self._link.run(self._pass_on), "link of workers")
        self._lifetime.background(self._keep_joined(), "joining")
        self._lifetime.background(self._keep_reporting(), "reports")
        self._say(f"Host {self._spec.name} seeks {', '.join(self._spec.join)} ...")

    # -- joining -------------------------------------------------------------------------------

    async def _keep_joined(self) -> None:
        """Greet while it is not welcome, and end when it can't be, or nobody would end it."""
        while True:
            if self._spec.parent and os.getppid() != self._spec.parent:
                self._orphaned = True
                self._give_up(ClusterError("the process that has started it is gone"))
                return
            if self._joining.is_hello_due(self._clock()):
                self._greet()
            self._say_phase()
            if self._joining.phase is Phase.OVER:
                self._give_up(self._joining.error() or self._late())
                return
            await asyncio.sleep(TICK_S)

    def _greet(self) -> None:
        spec = self._spec
        hello = hosts.HostHello(
            version=hosts.HOST_VERSION,
            package_version=__version__,
            boot_id=self._boot_id,
            workers=spec.workers or cores(),
            max_shards=spec.max_shards,
            labels=spec.labels,
            address=platform.node(),
        )
        if self._joining.phase is not Phase.JOINED:
            for way in self._ways:
                way.send(hosts.encode(hello))

    def _late(self) -> ClusterError:
        """Return why it has not joined within the time that it was given."""
        for way in self._ways:
            if way.trouble is not None:
                return way.trouble
        return NotRunningError(
            f"no coordinator has let host {self._spec.name} join within {self._spec.wait_s:g} s",
            "is it running, as the active one, with [hosts]?",
        )

    def _tell_trouble(self, trouble: ClusterError) -> None:
        log.warning("%s", trouble)
        if self._joining.phase is not Phase.JOINED:
            self._say(f"Not joined yet, tried again: {trouble}")

    def _say_phase(self) -> None:
        phase, before = self._joining.phase, self._said_phase
        self._said_phase = phase
        if phase is before:
            return
        if phase is Phase.JOINED:
            self._say(f"Joined as {self._spec.name} at {self._spec.join[self._number()]}.")
        elif phase is Phase.AWAY:
            keep = "" if self._workers.slots.is_empty else WORKERS_KEEP
            self._say(f"The coordinator is away: it is sought.{keep}")
        elif phase is Phase.PUT_OFF and self._joining.refusal is not None:
            self._say(f"Not let in yet, tried again: {self._joining.refusal.cause}")

    def _number(self) -> int:
        """Return the number of the coordinator that it has joined."""
        assert self._joining.coordinator is not None
        return self._joining.coordinator

    # -- what the coordinator says -------------------------------------------------------------

    def _take(self, number: int, message: hosts.ToHost) -> None:
        """Take what the coordinator of this number says."""
        now = self._clock()
        match message:
            case hosts.HostWelcome():
                self._welcome(number, message, now)
            case hosts.HostRefusal():
                self._joining.refused(number, message, now)
            case _ if self._joining.heard(number, now):
                self._do(message)

    def _welcome(self, number: int, welcome: hosts.HostWelcome, now: float) -> None:
        way = self._ways[number]
        try:
            self._check(welcome, way.endpoint)
        except ClusterError as error:
            self._give_up(error)
            return
        if not self._joining.welcome(number, now):
            return
        outside = Outside(
            tuple(reached(endpoint, way.endpoint) for endpoint in welcome.events),
            reached(welcome.replay, way.endpoint),
        )
        self._relays.open(outside, anew=way.was_refused)
        way.was_refused = False
        self._say_phase()
        if not self._cluster:
            self._cluster = welcome.cluster
            self._serve_replay()
            self._on_joined()
        self._changed.set()

    def _do(self, message: hosts.ToHost) -> None:
        match message:
            case hosts.StartWorker():
                self._workers.start(message)
            case hosts.SignalWorker():
                self._workers.signal(message)
            case hosts.ClearJournal():
                self._workers.clear(message)
            case hosts.TellWorker() if self._link is not None:
                self._link.tell(message.slot, message.data)

    def _check(self, welcome: hosts.HostWelcome, endpoint: str) -> None:
        """ClusterError: the coordinator at this endpoint is none for this agent."""
        if welcome.version != hosts.HOST_VERSION:
            raise ClusterError(
                f"the coordinator at {endpoint} speaks version {welcome.version} to hosts, this "
                f"agent {hosts.HOST_VERSION}",
                "install one version of dcgw-cluster on all hosts",
            )
        if self._cluster not in ("", welcome.cluster):
            raise ClusterError(
                f"{endpoint} is now of another cluster ({welcome.cluster}) than the one that host "
                f"{self._spec.name} has joined ({self._cluster})",
                "start the agent anew if that is meant",
            )

    def _serve_replay(self) -> None:
        """Run the replay server of this host's journals from now on."""
        spec = self._spec
        settings = {
            "process": "replay",
            "log_file": str(spec.paths.log("replay")),
            "log_format": spec.log_format,
            "log_level": spec.log_level,
        }
        self._replay = ReplayProcess.for_cluster(
            spec.paths, self._cluster, self._clock, spec.stop_seconds * REPLAY_SHARE, settings
        )
        self._replay.on_ended = self._replay_ended
        self._lifetime.background(self._replay.run(), "replay server")

    def _replay_ended(self, why: str) -> None:
        log.error("the replay server ended (%s) and is started again", why)
        self._replay_trouble = why
        self._changed.set()

    # -- what the host says --------------------------------------------------------------------

    def _pass_on(self, slot: int, data: bytes) -> None:
        """Pass on what a worker says, or drop it if nobody is there to take it, as the worker's own
        socket would: it says again what matters."""
        if self._workers.slots.is_free(slot):
            self._workers.look(slot)
        if not self._send(hosts.WorkerSaid(slot=slot, data=data)):
            self._lost += 1
            if worth_saying(self._lost):
                log.info("worker %d finds no coordinator (message %d)", slot, self._lost)

    async def _keep_reporting(self) -> None:
        """Report once a second, and at each change."""
        while True:
            try:
                async with asyncio.timeout(hosts.REPORT_S):
                    await self._changed.wait()
            except TimeoutError:
                pass  # a second is over
            self._changed.clear()
            self._send_report()

    def _send_report(self) -> None:
        slots, replay = self._workers.slots, self._replay
        report = hosts.HostReport(
            held=list(slots.held.values()),
            ended=slots.lately_ended(self._clock()),
            journals=self._spec.paths.journal_slots(),
            cpu_percent=self._machine.cpu_percent(),
            memory_percent=self._machine.memory_percent(),
            disk_free_bytes=self._machine.disk_free_bytes(),
            replay=self._replay_trouble if replay is not None and not replay.process else "",
            leaving=slots.leaving,
        )
        self._send(report)

    def _send(self, message: hosts.FromHost) -> bool:
        """Send something to the coordinator that it has joined. False: it has joined none, that one
        takes nothing now, or is not heard: whom nobody can tell anything is not to be taken for
        somebody who is there."""
        number = self._joining.coordinator
        if number is None or self._joining.phase is not Phase.JOINED:
            return False
        return self._ways[number].send(hosts.encode(message))


def reached(endpoint: str, by: str) -> str:
    """Return an endpoint that a coordinator names, as this host reaches it. by: the one by which it
    was reached, whose host counts where the other says "*"."""
    tcp, known = Tcp.read(endpoint), Tcp.read(by)
    if tcp is None or known is None or not tcp.everywhere:
        return endpoint
    return str(Tcp(known.host, tcp.port))
