"""The way of events, from an agent's XPUB through the gate to a hub: nothing is dropped on it while
the agent is told to send, and the agent is told when it breaks."""

from __future__ import annotations

import zmq

from tests.coordinator.host_gate.rig import WITHIN_MS, WITHIN_S, Rig, Socket, identity, until

THERE, GONE = b"\x01", b"\x00"


def told(publisher: Socket, hub: Socket | None = None) -> bytes:
    """Return what the agent is told next. hub: is played on meanwhile."""
    until(lambda: (hub is not None and bool(hub.poll(0))) or bool(publisher.poll(10)))
    return publisher.recv()


def arrives(rig: Rig, publisher: Socket, data: bytes, hub: int = 0) -> bool:
    """Whether what the agent sends comes out at the hub next."""
    publisher.send(data)
    assert rig.hubs[hub].poll(WITHIN_MS)
    return rig.hubs[hub].recv() == data


class Agent:
    """Sends messages with numbers, and knows how many its socket has taken."""

    def __init__(self, publisher: Socket, number: int) -> None:
        self.publisher = publisher
        self.sent = 0
        self._head = b"E.%d.\0" % number

    def send(self, flags: int = 0) -> bool:
        """Send the next one. False: there is no room."""
        try:
            self.publisher.send(self._head + b"%08d" % self.sent + bytes(20_000), flags)
        except zmq.Again:
            return False
        self.sent += 1
        return True

    def fill(self) -> None:
        """Send until there is no room for any more, and none comes."""
        self.publisher.sndtimeo = 300
        while self.send():
            pass


def test_each_hub_has_its_own_way(rig: Rig) -> None:
    for hub in (0, 1):
        publisher = rig.publisher(rig.here, hub)
        rig.subscribed(publisher, hub)
        assert arrives(rig, publisher, b"E.0.\0%d" % hub, hub)
        publisher.close()
    assert not rig.hubs[0].poll(0)


def test_a_hub_that_goes_and_comes_back_is_told_to_the_agent(rig: Rig) -> None:
    publishers = [rig.publisher(keys) for keys in (rig.here, rig.there)]
    for publisher in publishers:
        rig.subscribed(publisher)
    rig.hubs[0].close()
    for publisher in publishers:
        assert told(publisher) == GONE
    for publisher in publishers:
        publisher.send(b"E.0.\0nobody takes it")
    rig.hubs[0] = rig.hub(0)
    for publisher in publishers:
        assert told(publisher, rig.hubs[0]) == THERE
        assert arrives(rig, publisher, b"E.0.\0again")
        publisher.close()


def test_a_gate_that_is_killed_is_told_to_the_agent_too(rig: Rig) -> None:
    publisher = rig.publisher(rig.here)
    rig.subscribed(publisher)
    rig.kill()
    assert told(publisher) == GONE
    rig.start()
    assert told(publisher, rig.hubs[0]) == THERE
    assert arrives(rig, publisher, b"E.0.\0again")
    publisher.close()


def test_nothing_is_dropped_where_a_hub_is_slow(rig: Rig) -> None:
    """It waits, and so do both agents, without end; the other hub's events pass. When it reads
    again, all comes that an agent's socket had taken, in order."""
    rig.hubs[0].close()
    rig.hubs[0] = rig.hub(0, hwm=10)
    publishers = [rig.publisher(keys, hwm=10) for keys in (rig.here, rig.there)]
    for publisher in publishers:
        rig.subscribed(publisher)
    agents = [Agent(publisher, number) for number, publisher in enumerate(publishers)]
    for agent in agents:
        agent.fill()
    other = rig.publisher(rig.here, 1)
    rig.subscribed(other, 1)
    assert arrives(rig, other, b"E.0.\0passes", 1)
    for agent in agents:
        agent.fill()
        assert agent.sent > 100
    come: list[list[int]] = [[], []]
    while sum(map(len, come)) < sum(agent.sent for agent in agents):
        assert rig.hubs[0].poll(WITHIN_MS), (list(map(len, come)), [a.sent for a in agents])
        message = rig.hubs[0].recv()
        come[int(message[2:3])].append(int(message[5:13]))
        for agent in agents:
            if agent.sent < 3000:  # they go on meanwhile
                agent.send(zmq.NOBLOCK)
    assert come == [list(range(agent.sent)) for agent in agents]
    assert not rig.hubs[0].poll(50)
    for one in (*publishers, other):
        one.close()
    rig.hubs[0].close()
    rig.hubs[0] = rig.hub(0)


def test_of_one_agent_all_comes_in_order(rig: Rig) -> None:
    publisher = rig.publisher(rig.here)
    rig.subscribed(publisher)
    publisher.sndtimeo = WITHIN_MS
    for first in range(0, 20_000, 50):
        for number in range(first, first + 50):
            publisher.send(b"E.0.\0%08d" % number)
        for number in range(first, first + 50):
            assert rig.hubs[0].poll(WITHIN_MS)
            assert int(rig.hubs[0].recv()[5:13]) == number
    publisher.close()


def test_a_hub_that_does_not_read_holds_up_no_end(rig: Rig) -> None:
    """Neither the gate's own, nor that of connections whose key was removed."""
    lost = rig.keys.add("lost", ("host",), now=0)
    publisher = rig.publisher(lost, hwm=10)
    rig.subscribed(publisher)
    agent = Agent(publisher, 0)
    agent.fill()
    control = rig.agent("control", rig.here)
    rig.speaks(control, identity("here"))
    before = rig.report().pid
    rig.keys.remove("lost")
    assert told(publisher) == GONE
    rig.speaks(control, identity("here"), b"after")
    assert rig.report().pid == before
    for one in (publisher, control):
        one.close()
    rig.hubs[0].close()
    rig.hubs[0] = rig.hub(0)
    second = rig.publisher(rig.here, hwm=10)
    rig.subscribed(second)

    def passes() -> bool:
        """Whether the new hub has subscribed: what was told before may be the old one's word, and
        the end of that comes later."""
        second.send(b"E.1.\0first", zmq.NOBLOCK)
        return bool(rig.hubs[0].poll(50))

    until(passes)
    Agent(second, 1).fill()
    rig.process.terminate()
    _, errors = rig.process.communicate(timeout=WITHIN_S)
    assert rig.process.returncode == 0
    assert "did not end" not in errors
    second.close()
    rig.start()
