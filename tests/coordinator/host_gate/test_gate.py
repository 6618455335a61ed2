"""The host gate as a process: which hosts come in, as what, and what the others cost them."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import zmq
from zmq.utils.monitor import parse_monitor_message

from cluster.endpoints.curve_client import connect
from cluster.endpoints.curve_keys import Client, ClientKeys, pair
from coordinator.host_gate.gate import MAX_CONTROL_BYTES
from tests.coordinator.host_gate.rig import WITHIN_MS, WITHIN_S, Rig, Socket, identity, until

HERE, THERE = identity("here"), identity("there")


def refused_by(rig: Rig, name: str, kind: int, keys: ClientKeys) -> None:
    """The gate tells this key that it does not let it in."""
    one = rig.context.socket(kind)
    one.linger = 0
    monitor = one.get_monitor_socket(zmq.EVENT_HANDSHAKE_FAILED_AUTH)
    connect(one, rig.outside[name], keys)
    assert monitor.poll(WITHIN_MS)
    assert parse_monitor_message(monitor.recv_multipart())["value"] == 400
    one.disable_monitor()
    one.close()


def test_hosts_speak_with_the_coordinator(rig: Rig) -> None:
    here, there = rig.agent("control", rig.here), rig.agent("control", rig.there)
    for agent, own in ((here, HERE), (there, THERE), (here, HERE)):
        rig.speaks(agent, own)
        rig.speaks(agent, own, bytes(6 << 20))
    assert not here.poll(0)
    assert not there.poll(0)
    for agent in (here, there):
        agent.close()


def test_the_replay_door_asks_one_host_and_is_answered(rig: Rig) -> None:
    """A host says nothing there before it is asked; its agent has spoken by the other way."""
    for keys, own in ((rig.here, HERE), (rig.there, THERE)):
        control = rig.agent("control", keys)
        rig.speaks(control, own)
        agent = rig.agent("replay", keys)
        rig.asked(agent, own)
        agent.send_multipart([b"token", bytes(4 << 20)])
        assert rig.door.poll(WITHIN_MS)
        assert rig.door.recv_multipart() == [own, b"token", bytes(4 << 20)]
        for one in (control, agent):
            one.close()


def test_a_key_without_the_right_gets_nowhere(rig: Rig) -> None:
    """Whatever else it may: it is told so, and no hub hears of it."""
    refused_by(rig, "control", zmq.DEALER, rig.bot)
    refused_by(rig, "replay", zmq.DEALER, rig.bot)
    refused_by(rig, "events", zmq.XPUB, rig.bot)
    public, secret = pair()
    stranger = ClientKeys(name="here", server=rig.here.server, public=public, secret=secret)
    imposter = ClientKeys(name="here", server=public, public=rig.here.public, secret=secret)
    thief = msgspec.structs.replace(rig.here, secret=secret)
    outside: list[Socket] = []
    for keys in (rig.bot, stranger, imposter, thief, None):
        outside.append(rig.agent("control", keys, HERE))
        outside[-1].send(b"forged")
        outside.append(rig.agent("replay", keys, HERE))
        outside[-1].send_multipart([b"-", b"forged"])
        outside.append(rig.publisher(keys, xpub=False))
    inside = rig.publisher(rig.here)
    rig.subscribed(inside)
    agent = rig.agent("control", rig.here)
    for number in range(20):
        for one in outside[2::3]:
            one.send(b"FORGED.0.\0")
        inside.send(b"TRUE.0.\0%d" % number)
        rig.speaks(agent, HERE, b"%d" % number)
        assert rig.hubs[0].poll(WITHIN_MS)
        assert rig.hubs[0].recv() == b"TRUE.0.\0%d" % number
    assert not rig.hubs[0].poll(50)
    assert rig.heard_true()
    for one in (inside, agent, *outside):
        one.close(0)


def test_nobody_passes_for_another_host(rig: Rig) -> None:
    before = rig.report().refused
    agent = rig.agent("control", rig.here)
    rig.speaks(agent, HERE)
    forger = rig.agent("control", rig.there, identity("here", 1))
    rival = rig.agent("replay", rig.there, identity("here", 1))
    forger.send(b"forged")
    rival.send_multipart([b"-", b"forged"])
    until(lambda: rig.report().refused >= before + 2)
    rig.tell(identity("here", 1), b"secret")
    rig.speaks(agent, HERE)
    assert not forger.poll(50)
    assert rig.heard_true()
    for one in (agent, forger, rival):
        one.close()


def test_rubbish_is_refused_and_counted(rig: Rig) -> None:
    before = rig.report().refused
    agent = rig.agent("control", rig.here)
    odd = [b"here", b"here/xyz", b"\x01" * 255, identity("here") + b"\n"]
    strange = [rig.agent("control", rig.here, own) for own in odd]
    for one in strange:
        one.send(b"hello")
    for frames in ([b"a", b"b"], [b"", b"", b""], [b""] * 1000):
        agent.send_multipart(frames)
    until(lambda: rig.report().refused >= before + len(odd) + 3)
    rig.speaks(agent, HERE, b"")  # what it means is for the coordinator to say
    rig.speaks(agent, HERE)
    for one in (agent, *strange):
        one.close()


def test_what_is_too_long_ends_its_own_connection(rig: Rig) -> None:
    other = rig.agent("control", rig.there)
    rig.speaks(other, THERE)
    agent = rig.context.socket(zmq.DEALER)
    agent.linger = 0
    agent.setsockopt(zmq.ROUTING_ID, HERE)
    monitor = agent.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    connect(agent, rig.outside["control"], rig.here)
    agent.send(bytes(MAX_CONTROL_BYTES + 1))
    assert monitor.poll(WITHIN_MS)
    agent.disable_monitor()
    agent.close()
    rig.speaks(other, THERE)
    other.close()


def test_who_says_nothing_or_rubbish_at_first_is_dropped(rig: Rig) -> None:
    agent = rig.agent("control", rig.here)
    rig.speaks(agent, HERE)
    before = rig.report().refused
    greeting = b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01"
    sent = [
        b"", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", os.urandom(100_000),
        greeting + b"NULL".ljust(20, b"\0") + bytes(32),
        greeting + b"CURVE".ljust(20, b"\0") + bytes(32) + b"\x04\xc8\x05HELLO" + os.urandom(194),
        greeting + b"CURVE".ljust(20, b"\0") + bytes(32) + b"\x06" + b"\xff" * 8,
    ]  # fmt: skip
    with contextlib.ExitStack() as peers:
        raw = []
        for endpoint in (rig.outside["control"], rig.outside["replay"], *rig.events):
            host, port = endpoint.removeprefix("tcp://").split(":")
            for data in sent:
                one = peers.enter_context(socket.create_connection((host, int(port))))
                raw.append(one)
                with contextlib.suppress(ConnectionError):  # it was dropped while it sent
                    one.sendall(data)
        rig.speaks(agent, HERE)
        for one in raw:
            one.settimeout(WITHIN_S)
            with contextlib.suppress(ConnectionError):
                while one.recv(4096):
                    pass
    until(lambda: rig.report().refused >= before + len(raw))
    rig.speaks(agent, HERE)
    agent.close()


def test_a_host_that_does_not_read_holds_up_nobody(rig: Rig) -> None:
    other = rig.agent("control", rig.there)
    rig.speaks(other, THERE)
    deaf = rig.context.socket(zmq.DEALER)
    deaf.linger, deaf.rcvhwm = 0, 1
    deaf.setsockopt(zmq.RCVBUF, 4096)
    deaf.setsockopt(zmq.ROUTING_ID, HERE)
    connect(deaf, rig.outside["control"], rig.here)
    deaf.send(b"hello")
    assert rig.heard() == (HERE, b"hello")
    before = rig.report().dropped
    for said in range(4000):
        rig.tell(HERE, b"%d " % said + bytes(4000))
        if said % 500 == 0:
            rig.speaks(other, THERE, b"%d" % said)
    until(lambda: rig.report().dropped > before)
    rig.speaks(other, THERE)
    until(lambda: bool(deaf.poll(100)) and deaf.recv().startswith(b"0 "))
    while deaf.poll(300):
        deaf.recv()
    rig.speaks(deaf, HERE, b"again")
    for one in (other, deaf):
        one.close()


def test_a_host_that_comes_back_takes_its_own_place(rig: Rig) -> None:
    """Under the same id, before TCP has noticed that its first connection broke."""
    first = rig.agent("control", rig.here)
    rig.speaks(first, HERE)
    second = rig.agent("control", rig.here)
    rig.speaks(second, HERE)
    rig.answered(second, HERE, b"more")
    assert not first.poll(0)
    for one in (first, second):
        one.close()


def test_what_is_for_nobody_is_counted(rig: Rig) -> None:
    agent = rig.agent("control", rig.here)
    rig.speaks(agent, HERE)
    before = rig.report().dropped
    rig.tell(identity("elsewhere"), b"hello")
    rig.tell(b"", b"hello")
    rig.coordinator.send_multipart([rig._gate_id, HERE])
    until(lambda: rig.report().dropped >= before + 3)
    rig.speaks(agent, HERE)
    agent.close()


def test_what_keeps_hosts_out_is_told(rig: Rig) -> None:
    """Who is in stays: a slip of whoever writes the file by hand ends no sessions."""
    inside = rig.agent("control", rig.here)
    rig.speaks(inside, HERE)
    whole = rig.keys.clients_file.read_bytes()
    draft = rig.keys.clients_file.with_suffix(".draft")
    draft.write_bytes(whole[:-10])
    draft.replace(rig.keys.clients_file)
    until(lambda: "damaged" in rig.report().trouble)
    agent = rig.agent("control", rig.there)
    rig.speaks(inside, HERE, b"still")
    inside.send(b"once")  # to a connection made anew it would have to be said again
    assert rig.heard() == (HERE, b"once")
    draft.write_bytes(whole)
    draft.replace(rig.keys.clients_file)
    until(lambda: not rig.report().trouble)
    rig.speaks(agent, THERE)
    for one in (inside, agent):
        one.close()


def replaced(rig: Rig, clients: list[Client]) -> None:
    """Let the file of keys have these, as whoever changes it does."""
    draft = rig.keys.clients_file.with_suffix(".draft")
    draft.write_bytes(msgspec.json.encode({"clients": clients}))
    draft.replace(rig.keys.clients_file)


@pytest.mark.parametrize("how", ["removed", "may no more"])
def test_a_key_that_is_no_hosts_any_more_is_cut_off(rig: Rig, how: str) -> None:
    """Its workers are told so, and step back; the others come back."""
    lost = rig.keys.add(how[:3], ("host",), now=0)
    own = identity(lost.name)
    before = rig.report().refused
    kept, gone = rig.agent("control", rig.here), rig.agent("control", lost)
    rig.speaks(kept, HERE)
    kept.send_multipart([b"two", b"frames"])
    rig.speaks(gone, own)
    publisher = rig.publisher(lost)
    rig.subscribed(publisher)
    clients = {client.name: client for client in rig.keys.clients()}
    client = clients.pop(lost.name)
    if how == "removed":
        rig.keys.remove(lost.name)
    else:
        replaced(rig, [*clients.values(), msgspec.structs.replace(client, may=("control",))])
    until(lambda: bool(publisher.poll(50)))
    assert publisher.recv() == b"\x00"
    rig.speaks(kept, HERE, b"after")
    with contextlib.suppress(zmq.Again):  # it knows already that nobody takes it
        gone.send(b"forged", zmq.NOBLOCK)
    rig.tell(own, b"secret")
    refused_by(rig, "control", zmq.DEALER, lost)
    assert not publisher.poll(300)
    assert not gone.poll(0)
    assert rig.heard_true()
    assert rig.report().refused > before, "what the sockets before have refused counts, too"
    replaced(rig, list(clients.values()))
    for one in (kept, gone, publisher):
        one.close(0)


def test_a_gate_that_was_killed_and_comes_back_is_found_again(rig: Rig) -> None:
    here, there = rig.agent("control", rig.here), rig.agent("control", rig.there)
    asked = rig.agent("replay", rig.here)
    for agent, own in ((here, HERE), (there, THERE)):
        rig.speaks(agent, own)
    rig.kill()
    rig.start()
    for agent, own in ((here, HERE), (there, THERE)):
        rig.speaks(agent, own, b"again")
    rig.asked(asked, HERE)
    for one in (here, there, asked):
        one.close()


def test_what_holds_too_much_ends_to_be_started_again(
    short_folder: Path, request: pytest.FixtureRequest
) -> None:
    """A message may have any number of frames, each as long as it may be: libzmq keeps them all."""
    most = 128 << 20
    rig = Rig(short_folder, most_memory=most)
    request.addfinalizer(rig.let_go)  # whatever fails here
    agent = rig.agent("control", rig.here)
    rig.speaks(agent, HERE)
    agent.send_multipart([bytes(1 << 20)] * (most >> 20), copy=False)
    _, errors = rig.process.communicate(timeout=WITHIN_S)
    assert rig.process.returncode == 1
    assert "more than 128 MiB are held" in errors
    agent.close()
    rig.start()
    agent = rig.agent("control", rig.here)
    rig.speaks(agent, HERE)
    assert "Traceback" not in rig.close()


def test_a_port_that_is_taken_is_named(tmp_path: Path, rig: Rig) -> None:
    taken = rig.events[0]
    first = taken.replace(taken.rpartition(":")[2], str(int(taken.rpartition(":")[2]) - 1))
    spec = {
        "keys": str(rig.keys.folder), "parent": os.getpid(),
        "outside": {"control": "tcp://203.0.113.1:1", "events": first, "replay": first},
        "hubs": [f"ipc://{tmp_path}/a"], "hosts": f"ipc://{tmp_path}/b",
        "replay": f"ipc://{tmp_path}/c", "control": f"ipc://{tmp_path}/d",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-P", "-m", "coordinator.host_gate.gate"], input=json.dumps(spec),
        capture_output=True, text=True, timeout=WITHIN_S, check=False,
    )  # fmt: skip
    assert done.returncode == 4
    error = json.loads(done.stdout)["error"]
    assert error["kind"] == "AlreadyRunningError"
    assert error["cause"].startswith("hosts.control: tcp://203.0.113.1:1 can't be bound")
