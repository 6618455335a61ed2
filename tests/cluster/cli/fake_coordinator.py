"""Stands in for ``python -m coordinator``: takes the lock, answers at the control endpoint, stops.

Run as a script with the coordinator's one line of JSON on stdin, and with what it is to do as
arguments: ``KEY=VALUE`` of the class Behaviour.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import zmq

from cluster.config.coordinator_spec import decode_spec
from cluster.endpoints.folders import make_private
from cluster.endpoints.paths import Running
from cluster.wire import control
from cluster.wire.start_outcome import StartOutcome, encode_outcome
from cluster.wire.states import ClusterState, HostState, OperationState, SessionState, WorkerState
from cluster.wire.status import (
    BudgetStatus,
    ClusterStatus,
    HostStatus,
    Operation,
    ShardStatus,
    WorkerStatus,
)

LIFE_S = 300
"""Seconds after which it ends whatever happens: a test that failed leaves none behind."""


class Behaviour(msgspec.Struct):
    """Numbers are of status requests."""

    shards: int = 4
    shard_count: int = 0
    """Shards of the bot, of which it has the first; 0: it has all."""
    ready_after: int = 2
    error: str = ""
    """Kind of the error to answer the start with."""
    errors: int = 1_000_000
    """How many starts are answered so; those that follow are good."""
    retry_after_s: float = 0.0
    """What that error says of the next try."""
    die_after: int = 0
    silent: bool = False
    """Never says that it is ready."""
    signal_after: int = 0
    signal: str = "SIGINT"
    """Sent to the command line after so many."""
    deaf_to_stop: bool = False
    mute_at_stop: bool = False
    """Is gone before anybody has its answer."""
    stop_by_itself_after: int = 0
    fatal: bool = False
    hosts: int = 0
    """Hosts that have joined; the second one is away, those that follow are gone."""
    note: str = ""
    """What it says of its start."""
    seen: str = ""
    """A file that the spec and each request are written to."""


def worker(slot: int, shards: int, ready: int) -> WorkerStatus:
    return WorkerStatus(
        slot=slot,
        pid=4000 + slot,
        state=WorkerState.RUNNING,
        uptime_s=75.0,
        cpu_percent=12.3,
        rss_bytes=52 << 20,
        shards=shards,
        shards_ready=ready,
        events_per_s=249.5,
        journal_bytes=5 << 20,
        journal_seconds=31.0,
        journalling=True,
        unpublished=0,
        restarts=0,
    )


def host(number: int) -> HostStatus:
    name, address = f"host-{number}", f"box{number}.lan"
    if number == 1:
        return HostStatus(
            name=name,
            state=HostState.HERE,
            address=address,
            share=2,
            workers=2,
            shards=4,
            shards_ready=4,
            uptime_s=70.0,
            heard_s=0.4,
            version="0.1.0",
            cpu_percent=12.0,
            memory_percent=34.0,
            disk_free_bytes=5 << 30,
        )
    if number == 2:
        return HostStatus(name=name, state=HostState.AWAY, heard_s=18.0, gone_in_s=12.0)
    return HostStatus(name=name, state=HostState.GONE, heard_s=95.0)


def shard(shard_id: int, state: SessionState, detail: str = "") -> ShardStatus:
    ready = state is SessionState.READY
    return ShardStatus(
        shard_id=shard_id,
        worker=shard_id % 2,
        state=state,
        epoch=int(ready),
        seq=1234 if ready else -1,
        events=1235 if ready else 0,
        events_per_s=124.75 if ready else 0.0,
        session_age_s=75.0 if ready else None,
        heartbeat_ms=0.9 if ready else None,
        guilds=10 if ready else 0,
        reconnects={"op 7": 1} if shard_id == 0 else {},
        detail=detail,
    )


def cluster_status(
    name: str,
    *,
    shards: int,
    ready: int,
    waiting: list[int],
    sandbox: bool,
    fatal: bool = False,
    shard_count: int = 0,
    hosts: int = 0,
) -> ClusterStatus:
    states = [
        shard(n, SessionState.READY if n < ready else SessionState.AWAITING_GRANT)
        for n in range(shards)
    ]
    if fatal:
        detail = "4014 disallowed intents: enable the privileged intents in the developer portal"
        states[-1] = shard(shards - 1, SessionState.FATAL, detail)
    return ClusterStatus(
        name=name,
        store_id="0123456789abcdef",
        pid=os.getpid(),
        version="0.1.0",
        uptime_s=76.5,
        state=ClusterState.READY if ready == shards else ClusterState.STARTING,
        shard_count=shard_count or shards,
        shards_ready=ready,
        events=12_345,
        events_per_s=499.0,
        api_url="https://localhost:40123/api",
        gateway_url="wss://localhost:40123",
        sandbox=sandbox,
        hub_endpoint="ipc:///run/user/1000/dcgw/sandbox-0a1b2c3d/events",
        replay_endpoint="ipc:///run/user/1000/dcgw/sandbox-0a1b2c3d/replay",
        workers=[worker(n, shards // 2, ready // 2) for n in range(2)],
        hosts=[host(n) for n in range(1, hosts + 1)],
        shards=states,
        budget=BudgetStatus(
            total=1000,
            remaining=996,
            reset_after_s=86_000.0,
            max_concurrency=1,
            spent=4,
            waiting=waiting,
            wait_s=5.25 * len(waiting),
        ),
    )


def log(behaviour: Behaviour, entry: dict[str, Any]) -> None:
    if behaviour.seen:
        with Path(behaviour.seen).open("a") as file:
            file.write(json.dumps(entry) + "\n")


def starts(behaviour: Behaviour) -> int:
    """How often it was started, this time among them."""
    lines = Path(behaviour.seen).read_text().splitlines()
    return sum("spec" in json.loads(line) for line in lines)


def main() -> None:
    signal.alarm(LIFE_S)
    behaviour = msgspec.convert(
        dict(a.split("=", 1) for a in sys.argv[1:]), Behaviour, strict=False
    )
    given = sys.stdin.buffer.read()
    log(behaviour, {"spec": json.loads(given), "token_in_env": "DCGW_TOKEN" in os.environ})
    what = decode_spec(given)
    where = what.paths
    print("a line of the log", file=sys.stderr, flush=True)
    if behaviour.silent:
        signal.pause()
    if behaviour.error and starts(behaviour) <= behaviour.errors:
        failure = control.Failure(
            kind=behaviour.error,
            cause="no such luck",
            action="try again",
            retry_after_s=behaviour.retry_after_s,
        )
        say(StartOutcome(error=failure))
        sys.exit(1)
    make_private(where.state_dir)
    make_private(where.runtime_dir)
    lock = os.open(where.lock, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    context: zmq.Context[zmq.Socket[Any]] = zmq.Context()
    endpoint = context.socket(zmq.ROUTER)
    endpoint.bind(where.control)
    running = Running(
        name=what.name,
        pid=os.getpid(),
        started_at=time.time(),
        state_dir=str(where.state_dir),
        control_endpoint=where.control,
        hub_endpoint=where.events,
        replay_endpoint=where.replay,
        sandbox=what.on_sandbox,
    )
    where.running.write_bytes(msgspec.json.encode(running))
    say(StartOutcome(ready=True, notes=[behaviour.note] if behaviour.note else []))
    try:
        serve(endpoint, behaviour, running)
    finally:
        where.running.unlink()
        context.destroy(linger=500)


def say(outcome: StartOutcome) -> None:
    sys.stdout.buffer.write(encode_outcome(outcome) + b"\n")
    sys.stdout.buffer.flush()


def serve(endpoint: zmq.Socket[Any], behaviour: Behaviour, running: Running) -> None:
    asked = 0
    while True:
        identity, frame = endpoint.recv_multipart()
        request = control.decode_request(frame)
        log(behaviour, {"verb": request.verb, "args": request.args})
        answer: object = None
        if request.verb == "status":
            asked += 1
            ready = behaviour.shards if asked >= behaviour.ready_after else 0
            answer = cluster_status(
                running.name,
                shards=behaviour.shards,
                ready=ready - behaviour.fatal if ready else 0,
                waiting=[] if ready else list(range(behaviour.shards)),
                sandbox=running.sandbox,
                fatal=behaviour.fatal,
                shard_count=behaviour.shard_count,
                hosts=behaviour.hosts,
            )
        if request.verb == "drain":
            answer = Operation(
                id="1",
                kind=f"drain of host {request.args['host']}",
                state=OperationState.DONE,
                text="4 shards were moved",
            )
        if request.verb == "refresh":
            answer = Operation(
                id="1",
                kind=f"refresh of shard {request.args['shard']}",
                state=OperationState.DONE,
                text="shard 2 identified anew",
            )
        if request.verb == "stop" and behaviour.mute_at_stop:
            return
        result = msgspec.Raw(msgspec.msgpack.encode(answer))
        endpoint.send_multipart(
            [identity, control.encode(control.Response(id=request.id, ok=True, result=result))]
        )
        if request.verb == "stop" and not behaviour.deaf_to_stop:
            return
        if asked and asked == behaviour.stop_by_itself_after:
            return
        if asked and asked == behaviour.die_after:
            print("the disk is full", file=sys.stderr, flush=True)
            os._exit(7)
        if asked and asked == behaviour.signal_after:
            os.kill(os.getppid(), getattr(signal, behaviour.signal))


if __name__ == "__main__":
    main()
