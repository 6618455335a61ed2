"""A host gate as a process, between a coordinator, a hub and a replay door that are played, and
agents that are played too."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import zmq

from cluster.endpoints.curve_client import connect
from cluster.endpoints.curve_keys import ClientKeys, KeyFolder
from cluster.wire import control
from cluster.wire.hosts import host_id
from cluster.wire.status import HostGateReport
from tests.coordinator.tcp_gate.test_gate import free_ports

WITHIN_S = 60.0
WITHIN_MS = int(WITHIN_S * 1000)
HANDSHAKE_MS = 2000
"""On a busy machine a handshake may take a second; who was dropped comes back later and later."""
Socket = zmq.Socket[bytes]


def until(holds: Callable[[], bool]) -> None:
    """Wait for a condition; nothing wakes who waits for it."""
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def identity(name: str, number: int = 0) -> bytes:
    return host_id(name, f"{number:016x}")


class Rig:
    """A host gate, and what is at both of its sides."""

    def __init__(self, folder: Path, *, hubs: int = 1, **more: int) -> None:
        """more: of the spec."""
        self.folder = folder
        self.keys = KeyFolder(folder / "keys")
        self.here = self.keys.add("here", ("host",), now=0)
        self.there = self.keys.add("there", ("host", "status"), now=0)
        self.bot = self.keys.add("bot", ("status", "identify", "send", "control"), now=0)
        self.context: zmq.Context[Socket] = zmq.Context()
        first, *others = free_run(hubs)
        control_port, replay_port = free_ports(2)
        self.outside = {
            "control": f"tcp://127.0.0.1:{control_port}",
            "events": f"tcp://127.0.0.1:{first}",
            "replay": f"tcp://127.0.0.1:{replay_port}",
        }
        self.events = [f"tcp://127.0.0.1:{port}" for port in (first, *others)]
        self.hub_endpoints = [f"ipc://{folder}/hub-{number}" for number in range(hubs)]
        self.coordinator = self.bound(zmq.ROUTER, "hosts")
        self.verbs = self.bound(zmq.ROUTER, "control")
        self.hubs = [self.hub(number) for number in range(hubs)]
        self.door = self.context.socket(zmq.DEALER)
        self.door.linger = 0
        self.door.connect(f"ipc://{folder}/replay")
        self._gate_id = b""
        self._more = more
        self.start()

    def start(self) -> None:
        """Start the process, and wait until it listens."""
        spec = {
            "keys": str(self.keys.folder), "outside": self.outside, "hubs": self.hub_endpoints,
            "hosts": f"ipc://{self.folder}/hosts", "replay": f"ipc://{self.folder}/replay",
            "control": f"ipc://{self.folder}/control", "parent": os.getpid(),
            "handshake_ms": HANDSHAKE_MS, **self._more,
        }  # fmt: skip
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "coordinator.host_gate.gate"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(spec))
        self.process.stdin.close()
        self.process.stdin = None
        assert json.loads(self.process.stdout.readline()) == {"ready": True}

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=WITHIN_S)

    def bound(self, kind: int, name: str) -> Socket:
        one = self.context.socket(kind)
        one.linger = 0
        one.bind(f"ipc://{self.folder}/{name}")
        return one

    def hub(self, number: int = 0, hwm: int = 1000) -> Socket:
        """Bind the side of a hub to which workers publish."""
        one = self.context.socket(zmq.SUB)
        one.linger = 0
        one.setsockopt(zmq.RCVHWM, hwm)
        one.subscribe(b"")
        one.bind(self.hub_endpoints[number])
        return one

    def agent(self, name: str, keys: ClientKeys | None, own: bytes = b"") -> Socket:
        """Connect an agent's DEALER to "control" or "replay". own: its id; empty: of its key."""
        one = self.context.socket(zmq.DEALER)
        one.linger = 0
        assert keys is not None or own
        one.setsockopt(zmq.ROUTING_ID, own or identity(keys.name if keys else ""))
        connect(one, self.outside[name], keys)
        return one

    def publisher(
        self, keys: ClientKeys | None, hub: int = 0, *, hwm: int = 100, xpub: bool = True
    ) -> Socket:
        """Connect an agent's XPUB to where events of a hub come in."""
        one = self.context.socket(zmq.XPUB if xpub else zmq.PUB)
        one.linger = 0
        one.setsockopt(zmq.SNDHWM, hwm)
        one.setsockopt(zmq.IMMEDIATE, 1)
        if xpub:
            one.setsockopt(zmq.XPUB_NODROP, 1)
        connect(one, self.events[hub], keys)
        return one

    def subscribed(self, publisher: Socket, hub: int = 0) -> None:
        """Wait until an agent's publisher is told to send, and how things stand is plain. A socket
        that is played takes part only when it is asked for something."""
        until(lambda: bool(self.hubs[hub].poll(0)) or bool(publisher.poll(10)))
        assert publisher.recv() == b"\x01"

    def heard(self) -> tuple[bytes, bytes]:
        """Return the next message that comes to the coordinator: host id, and what it says."""
        assert self.coordinator.poll(WITHIN_MS)
        self._gate_id, host, data = self.coordinator.recv_multipart()
        return host, data

    def tell(self, host: bytes, data: bytes) -> None:
        """Say something to a host, through the gate of which something came last."""
        self.coordinator.send_multipart([self._gate_id, host, data])

    def speaks(self, agent: Socket, own: bytes, data: bytes = b"hello") -> None:
        """What the agent says comes to the coordinator, and an answer gets back. It says it again
        while it is not heard: what was on its way when a connection ended is lost."""
        agent.send(data)
        deadline = time.monotonic() + WITHIN_S
        while True:
            if not self.coordinator.poll(1000):
                assert time.monotonic() < deadline
                agent.send(data)
            elif (found := self.heard()) == (own, data):
                break
            else:
                assert found[1] != b"forged"
        self.answered(agent, own, data)

    def answered(self, agent: Socket, own: bytes, data: bytes) -> None:
        """What the coordinator says next comes to the agent."""
        self.tell(own, b"to " + data)
        assert agent.poll(WITHIN_MS)
        while agent.recv() != b"to " + data:
            assert agent.poll(WITHIN_MS)

    def asked(self, agent: Socket, own: bytes) -> None:
        """A question of the replay door comes to the agent: it asks until both are connected."""
        deadline = time.monotonic() + WITHIN_S
        self.door.send_multipart([own, b"token", b"question"])
        while not agent.poll(200):
            assert time.monotonic() < deadline
            self.door.send_multipart([own, b"token", b"question"])
        while agent.poll(100):
            assert agent.recv_multipart() == [b"token", b"question"]

    def heard_true(self) -> bool:
        """Whether nothing of what waits for the coordinator or the replay door was forged."""
        while self.coordinator.poll(0):
            if self.heard()[1] == b"forged":
                return False
        return not self.door.poll(0)

    def report(self) -> HostGateReport:
        """Return the next report of the host gate; it is answered as the coordinator does."""
        while True:
            assert self.verbs.poll(WITHIN_MS)
            sender, data = self.verbs.recv_multipart()
            request = control.decode_request(data)
            answer = control.Response(id=request.id, ok=True)
            self.verbs.send_multipart([sender, control.encode(answer)])
            assert request.verb == "_host_gate"
            if not self.verbs.poll(0):
                return msgspec.convert(request.args, HostGateReport)

    def let_go(self) -> None:
        """End all that is left, whatever it is: a socket that is left would hold up whoever ends
        the context."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate(timeout=WITHIN_S)
        self.context.destroy(0)

    def close(self) -> str:
        self.process.terminate()
        _, errors = self.process.communicate(timeout=WITHIN_S)
        assert self.process.returncode == 0, errors
        self.context.destroy(0)
        return errors


def free_run(count: int) -> list[int]:
    """Return so many ports in a row that are free."""
    while True:
        (first,) = free_ports(1)
        if count == 1:
            return [first]
        if first + count < 65536 and all(_is_free(first + n) for n in range(1, count)):
            return [first + n for n in range(count)]


def _is_free(port: int) -> bool:
    with zmq.Context() as context, context.socket(zmq.ROUTER) as one:
        try:
            one.bind(f"tcp://127.0.0.1:{port}")
        except zmq.ZMQError:
            return False
    return True
