"""The TCP gate as a process, in front of a hub, a replay server and a control dealer that are
played: who comes in, who does not, and what that costs those who are in."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zmq
from zmq.utils.monitor import parse_monitor_message

from cluster.endpoints.curve_client import connect
from cluster.endpoints.curve_keys import ClientKeys, KeyFolder, pair
from cluster.wire import control
from cluster.wire.status import GateReport
from tests.prepared import prepared

WITHIN_S = 60.0
HANDSHAKE_MS = 250
NAMES = ("events", "replay", "control")


def free_ports(count: int, family: socket.AddressFamily = socket.AF_INET) -> list[int]:
    held = [socket.socket(family, socket.SOCK_STREAM) for _ in range(count)]
    try:
        for one in held:
            one.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in held]
    finally:
        for one in held:
            one.close()


def until(holds: Callable[[], bool]) -> None:
    """Wait for a condition; nothing wakes who waits for it."""
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class Rig:
    """A TCP gate and what is behind it."""

    def __init__(
        self,
        folder: Path,
        prepare: str = "",
        handshake_ms: int = HANDSHAKE_MS,
    ) -> None:
        """prepare: Python statements, done in the process before the TCP gate begins."""
        self.keys = KeyFolder(folder / "keys")
        self.bot = self.keys.add("bot", (), now=0)
        self.deploy = self.keys.add("deploy", ("control",), now=0)
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.outside = {
            name: f"tcp://127.0.0.1:{port}" for name, port in zip(NAMES, free_ports(3), strict=True)
        }
        inside = {name: [f"ipc://{folder}/{name}"] for name in NAMES}
        inside["events"].append(f"ipc://{folder}/events-1")
        self.other_hub = self.context.socket(zmq.XPUB)
        self.other_hub.bind(inside["events"][1])
        self.hub = self.context.socket(zmq.XPUB)
        self.replay = self.context.socket(zmq.ROUTER)
        self.control = self.context.socket(zmq.ROUTER)
        # Else it says nothing when a new connection's subscription is read before the end of the
        # old one's: it is subscribed to all the while.
        self.hub.setsockopt(zmq.XPUB_VERBOSER, 1)
        self._sent = 0
        for name, one in zip(NAMES, (self.hub, self.replay, self.control), strict=True):
            one.bind(inside[name][0])
        self.process = subprocess.Popen(
            prepared(prepare, sys.executable, "-P", "-m", "coordinator.tcp_gate.gate"),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        spec = {
            "keys": str(self.keys.folder), "inside": inside, "outside": self.outside,
            "parent": os.getpid(), "handshake_ms": handshake_ms,
        }  # fmt: skip
        self.process.stdin.write(json.dumps(spec))
        self.process.stdin.close()
        self.process.stdin = None
        assert json.loads(self.process.stdout.readline()) == {"ready": True}
        for hub in (self.hub, self.other_hub):
            assert hub.recv() == b"\x01", "it subscribes to everything"

    def socket(
        self, kind: int, name: str, keys: ClientKeys | None
    ) -> zmq.Socket[bytes]:  # fmt: skip
        one = self.context.socket(kind)
        one.linger = 0
        if kind == zmq.SUB:
            one.subscribe(b"")
        connect(one, self.outside[name], keys)
        return one

    def receives(self, subscriber: zmq.Socket[bytes], tries: int | None = None) -> bool:
        """Whether what the hub sends from now on reaches it: within so many tries of 0.1 s."""
        first = self._sent
        deadline = time.monotonic() + WITHIN_S
        while self._sent < first + tries if tries else time.monotonic() < deadline:
            self.hub.send(b"MESSAGE_CREATE.0.\0%d" % self._sent)
            self._sent += 1
            while subscriber.poll(100):
                if int(subscriber.recv().partition(b"\0")[2]) >= first:
                    return True
        return False

    def made_anew(self) -> bool:
        """The TCP gate's sockets end and others come, whichever the hub notices first."""
        words: list[bytes] = []
        while len(words) < 2 and self.hub.poll(int(WITHIN_S * 1000)):
            words.append(self.hub.recv())
        return sorted(words) == [b"\x00", b"\x01"]

    def requests(self) -> list[tuple[list[bytes], control.Request]]:
        """Return what came to the control endpoint, without the TCP gate's reports."""
        found = []
        while self.control.poll(0):
            sender, data = self.control.recv_multipart()
            request = control.decode_request(data)
            if request.verb != "_gate":
                found.append(([sender], request))
        return found

    def take(self, count: int) -> list[tuple[list[bytes], control.Request]]:
        """Return so many requests, as they come."""
        found: list[tuple[list[bytes], control.Request]] = []
        deadline = time.monotonic() + WITHIN_S
        while len(found) < count:
            assert time.monotonic() < deadline
            self.control.poll(100)
            found += self.requests()
        return found

    def answer(self, asked: tuple[list[bytes], control.Request], result: object) -> None:
        """Answer one of the requests that came."""
        sender, request = asked
        response = control.Response(
            id=request.id, ok=True, result=msgspec.Raw(control.encode(result))
        )
        self.control.send_multipart([*sender, control.encode(response)])

    def round_trip(self, dealer: zmq.Socket[bytes]) -> list[tuple[str, dict[str, Any]]]:
        """A ping goes through the TCP gate and back, which then has taken every answer before it.
        Verbs and arguments of what came to the control endpoint before the ping."""
        dealer.send(control.encode(control.Request(id=2, verb="ping")))
        found = self.take(1)
        while found[-1][1].verb != "ping":
            found += self.take(1)
        self.answer(found.pop(), None)
        assert dealer.poll(int(WITHIN_S * 1000))
        dealer.recv()
        return [(request.verb, request.args) for _, request in found]

    def report(self) -> GateReport:
        """Return the next report of the TCP gate."""
        deadline = time.monotonic() + WITHIN_S
        while time.monotonic() < deadline:
            assert self.control.poll(int(WITHIN_S * 1000))
            request = control.decode_request(self.control.recv_multipart()[1])
            if request.verb == "_gate":
                return msgspec.convert(request.args, GateReport)
        raise AssertionError("no report")

    def close(self) -> str:
        self.process.terminate()
        _, errors = self.process.communicate(timeout=WITHIN_S)
        assert self.process.returncode == 0, errors
        self.context.destroy(0)
        return errors


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with tempfile.TemporaryDirectory(prefix="dcgw-") as folder:
        rig = Rig(Path(folder))
        yield rig
        errors = rig.close()
        assert "Traceback" not in errors


def ask(dealer: zmq.Socket[bytes], verb: str, number: int = 7, **args: Any) -> control.Response:
    dealer.send(control.encode(control.Request(id=number, verb=verb, args=args)))
    assert dealer.poll(int(WITHIN_S * 1000))
    return control.decode_response(dealer.recv())


def closed(raw: socket.socket) -> bool:
    """The other side ends the connection within some seconds."""
    raw.settimeout(WITHIN_S)
    with contextlib.suppress(ConnectionError):
        while raw.recv(4096):
            pass
    return True


def test_a_key_opens_events_and_replay(rig: Rig) -> None:
    subscriber = rig.socket(zmq.SUB, "events", rig.bot)
    assert rig.receives(subscriber)
    reader = rig.socket(zmq.DEALER, "replay", rig.bot)
    reader.send(b"question")
    assert rig.replay.poll(int(WITHIN_S * 1000))
    route, address, question = rig.replay.recv_multipart()
    assert question == b"question"
    rig.replay.send_multipart([route, address, b"answer"])
    assert reader.poll(int(WITHIN_S * 1000))
    assert reader.recv() == b"answer"
    for one in (subscriber, reader):
        one.close()


def test_a_subscribers_key_commands_nothing(rig: Rig) -> None:
    rig.requests()
    dealer = rig.socket(zmq.DEALER, "control", rig.bot)
    for verb in ("stop", "status", "identify", "_gate", "no such verb"):
        answer = ask(dealer, verb)
        assert answer.error is not None
        assert (answer.id, answer.error.kind) == (7, "KeyRefusedError")
    assert rig.requests() == [], "nothing of it reached the coordinator"
    for nonsense in ([b"\xff" * 100], [b""], [b"a", b"b"], [b"\x91" * 5000]):
        dealer.send_multipart(nonsense)
        assert dealer.poll(int(WITHIN_S * 1000))
        assert b"not a control request" in dealer.recv()
    dealer.close()


def test_no_depth_that_a_key_sends_ends_the_gate(rig: Rig) -> None:
    """Just below 1,000 levels the decoder still reads what is too deep for whoever looks into
    it."""
    rig.requests()
    dealer = rig.socket(zmq.DEALER, "control", rig.bot)
    for depth in range(950, 1000):
        deep = msgspec.Raw(b"\x91" * depth + b"\xc0")
        for args in ({"id": deep, "name": "n"}, {"id": "i", "name": deep}, {"more": deep}):
            answer = ask(dealer, "subscriber", **args)
            assert answer.error is not None
            assert answer.error.cause.startswith(("not a control request", "not the arguments"))
    assert rig.round_trip(dealer) == [], "it lives, and nothing of it was passed on"
    dealer.close()


def test_answers_find_who_asked_and_keep_the_number(rig: Rig) -> None:
    rig.requests()
    dealers = [rig.socket(zmq.DEALER, "control", keys) for keys in (rig.bot, rig.deploy)]
    for dealer, verb in zip(dealers, ("ping", "stop"), strict=True):
        dealer.send(control.encode(control.Request(id=1, verb=verb, args={"of": verb})))
    asked = rig.take(2)
    assert {request.verb for _, request in asked} == {"ping", "stop"}
    assert len({request.id for _, request in asked}) == 2
    for one in reversed(asked):
        rig.answer(one, one[1].args)
    for dealer, verb in zip(dealers, ("ping", "stop"), strict=True):
        assert dealer.poll(int(WITHIN_S * 1000))
        response = control.decode_response(dealer.recv())
        assert response.id == 1
        assert msgspec.msgpack.decode(response.result) == {"of": verb}
        dealer.close()


def test_a_grant_that_nobody_waits_for_any_more_is_given_back(rig: Rig) -> None:
    """libzmq tells nobody when it has learned that a connection is gone: a grant that the TCP gate
    sends before that is lost with it, and another one is tried."""
    rig.requests()
    other = rig.socket(zmq.DEALER, "control", rig.deploy)
    args = {"ticket": "t1", "shard_id": 3}

    def given_back() -> bool:
        dealer = rig.socket(zmq.DEALER, "control", rig.deploy)
        dealer.send(control.encode(control.Request(id=1, verb="identify", args=args)))
        (asked,) = rig.take(1)
        dealer.close()
        assert rig.round_trip(other) == []
        rig.answer(asked, {"granted": True, "good_s": 30.0})
        passed_on = rig.round_trip(other) + rig.round_trip(other)
        assert passed_on in ([], [("identify_unused", args)])
        return passed_on != []

    until(given_back)
    other.close()


def test_who_has_no_key_or_a_wrong_one_gets_nothing(rig: Rig) -> None:
    inside = rig.socket(zmq.SUB, "events", rig.bot)
    assert rig.receives(inside)
    rig.requests()
    public, secret = pair()
    stranger = ClientKeys(name="x", server=rig.bot.server, public=public, secret=secret)
    imposter = ClientKeys(name="x", server=public, public=rig.bot.public, secret=rig.bot.secret)
    thief = msgspec.structs.replace(rig.deploy, secret=secret)
    outside = []
    for keys in (stranger, imposter, thief, None):
        outside += [rig.socket(zmq.SUB, "events", keys), rig.socket(zmq.DEALER, "control", keys)]
        outside[-1].send(control.encode(control.Request(id=1, verb="stop")))
    plain = rig.context.socket(zmq.SUB)
    plain.plain_username, plain.plain_password = b"bot", b"bot"
    plain.subscribe(b"")
    plain.connect(rig.outside["events"])
    outside.append(plain)
    for _ in range(5):
        assert rig.receives(inside)
        assert [one for one in outside if one.poll(10)] == []
    assert rig.requests() == []
    for one in (inside, *outside):
        one.close(0)


def test_one_endpoint_stands_for_all_hubs(rig: Rig) -> None:
    bot = rig.socket(zmq.SUB, "events", rig.bot)
    assert rig.receives(bot)
    while bot.poll(0):
        bot.recv()
    rig.other_hub.send(b"A.1.\0of the other hub")
    assert bot.poll(int(WITHIN_S * 1000))
    assert bot.recv() == b"A.1.\0of the other hub"
    bot.close(0)


def test_the_refused_key_is_told_so(rig: Rig) -> None:
    public, secret = pair()
    stranger = ClientKeys(name="x", server=rig.bot.server, public=public, secret=secret)
    dealer = rig.context.socket(zmq.DEALER)
    monitor = dealer.get_monitor_socket(zmq.EVENT_HANDSHAKE_FAILED_AUTH)
    connect(dealer, rig.outside["control"], stranger)
    assert monitor.poll(int(WITHIN_S * 1000))
    assert parse_monitor_message(monitor.recv_multipart())["value"] == 400
    dealer.disable_monitor()
    dealer.close(0)


def test_who_says_nothing_or_rubbish_is_dropped_counted_and_costs_nobody_anything(rig: Rig) -> None:
    inside = rig.socket(zmq.SUB, "events", rig.bot)
    assert rig.receives(inside)
    before = rig.report().refused
    greeting = b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01"
    sent = [
        b"", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", os.urandom(100_000), b"\xff" * 64,
        greeting + b"NULL".ljust(20, b"\0") + bytes(32),
        greeting + b"CURVE".ljust(20, b"\0") + bytes(32) + b"\x04\xc8\x05HELLO" + os.urandom(194),
        greeting + b"CURVE".ljust(20, b"\0") + bytes(32) + b"\x06" + b"\xff" * 8,
    ]  # fmt: skip
    peers = []
    for name in NAMES:
        host, port = rig.outside[name].removeprefix("tcp://").split(":")
        for data in sent:
            raw = socket.create_connection((host, int(port)))
            peers.append(raw)
            with contextlib.suppress(ConnectionError):  # it was dropped while it sent
                raw.sendall(data)
    assert rig.receives(inside)
    assert all(closed(raw) for raw in peers)
    for raw in peers:
        raw.close()
    until(lambda: rig.report().refused >= before + len(peers))
    assert rig.receives(inside)
    inside.close()


def test_what_is_too_large_ends_its_own_connection(rig: Rig) -> None:
    inside = rig.socket(zmq.SUB, "events", rig.bot)
    assert rig.receives(inside)
    dealer = rig.context.socket(zmq.DEALER)
    monitor = dealer.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    dealer.linger = 0
    connect(dealer, rig.outside["replay"], rig.bot)
    dealer.send(bytes(1 << 20))
    assert monitor.poll(int(WITHIN_S * 1000))
    dealer.disable_monitor()
    dealer.close()
    assert rig.receives(inside)
    inside.close()


def test_a_removed_key_is_cut_off_and_the_others_come_back(rig: Rig) -> None:
    other = rig.keys.add("other", (), now=0)
    lost, kept = (rig.socket(zmq.SUB, "events", keys) for keys in (other, rig.bot))
    dealer = rig.socket(zmq.DEALER, "control", other)
    assert rig.receives(lost)
    assert rig.receives(kept)
    rig.requests()
    rig.keys.remove("other")
    assert rig.made_anew()
    assert rig.receives(kept)
    assert not rig.receives(lost, tries=3)
    with contextlib.suppress(zmq.Again):  # it knows already that nobody takes it
        dealer.send(control.encode(control.Request(id=1, verb="ping")), zmq.NOBLOCK)
    assert not dealer.poll(300)
    assert rig.requests() == []
    for one in (lost, kept, dealer):
        one.close()


def test_new_server_keys_shut_the_old_ones_out(rig: Rig) -> None:
    old = rig.socket(zmq.SUB, "events", rig.bot)
    assert rig.receives(old)
    server = rig.keys.renew()
    assert rig.made_anew()
    rig.bot = msgspec.structs.replace(rig.bot, server=server.public)
    rig.deploy = msgspec.structs.replace(rig.deploy, server=server.public)
    new = rig.socket(zmq.SUB, "events", rig.bot)
    assert rig.receives(new)
    assert not rig.receives(old, tries=3)
    for one in (old, new):
        one.close()


def test_a_port_that_is_taken_and_a_parent_that_is_gone(tmp_path: Path, rig: Rig) -> None:
    """One line, an exit code, and nothing that listens."""
    spec = {
        "keys": str(rig.keys.folder), "inside": {name: [f"ipc://{tmp_path}/x"] for name in NAMES},
        "outside": {"control": "tcp://203.0.113.1:1"}, "parent": os.getpid(),
    }  # fmt: skip
    command = [sys.executable, "-P", "-m", "coordinator.tcp_gate.gate"]
    done = subprocess.run(
        command, input=json.dumps(spec), capture_output=True, text=True, timeout=WITHIN_S,
        check=False,
    )  # fmt: skip
    assert done.returncode == 4
    error = json.loads(done.stdout)["error"]
    assert error["kind"] == "AlreadyRunningError"
    assert error["cause"].startswith("tcp.control: tcp://203.0.113.1:1 can't be bound")
    spec |= {"outside": {}, "parent": 1}
    done = subprocess.run(
        command, input=json.dumps(spec), capture_output=True, text=True, timeout=WITHIN_S,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, '{"ready":true}\n')


def test_ipv6(short_folder: Path) -> None:
    keys = KeyFolder(short_folder / "keys")
    bot = keys.add("bot", (), now=0)
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    hub = context.socket(zmq.XPUB)
    hub.bind(f"ipc://{short_folder}/events")
    endpoint = f"tcp://[::1]:{free_ports(1, socket.AF_INET6)[0]}"
    spec = {
        "keys": str(keys.folder),
        "inside": {name: [f"ipc://{short_folder}/{name}"] for name in NAMES},
        "outside": {"events": endpoint}, "parent": os.getpid(),
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "coordinator.tcp_gate.gate"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(spec))
    process.stdin.close()
    assert "ready" in process.stdout.readline()
    assert hub.recv() == b"\x01"
    subscriber = context.socket(zmq.SUB)
    subscriber.subscribe(b"")
    connect(subscriber, endpoint, bot)
    until(lambda: hub.send(b"A.0.\0") is None and bool(subscriber.poll(50)))
    context.destroy(0)
    process.send_signal(signal.SIGINT)
    assert process.wait(WITHIN_S) == 0
    process.stdout.close()


def test_a_crowd_takes_all_descriptors_and_ends_nothing(
    short_folder: Path, request: pytest.FixtureRequest
) -> None:
    """Who is in hears on; that nobody else gets in is in the report, until they leave."""
    few = "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (80, 80))"
    crowded = Rig(short_folder, few, 5_000)
    request.addfinalizer(crowded.process.kill)
    subscriber = crowded.socket(zmq.SUB, "events", crowded.bot)
    assert crowded.receives(subscriber)
    assert not crowded.report().full
    port = int(crowded.outside["replay"].rpartition(":")[2])
    with contextlib.ExitStack() as crowd:
        # They show no key, and are dropped in a while; who finds no room waits in the port's queue.
        for _ in range(100):
            crowd.enter_context(socket.create_connection(("127.0.0.1", port)))
        until(lambda: crowded.report().full)
        assert crowded.receives(subscriber)
    until(lambda: not crowded.report().full)
    late = crowded.socket(zmq.SUB, "events", crowded.bot)
    assert crowded.receives(late)
    assert "Traceback" not in crowded.close()
