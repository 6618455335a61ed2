"""The host gate as a child: what it is told, and that it listens once it has started."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import msgspec
import pytest
import zmq

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.config.keys import HostsConfig
from cluster.endpoints.curve_client import connect
from cluster.endpoints.curve_keys import KeyFolder
from cluster.endpoints.tcp import port_after
from cluster.errors import ConfigError
from cluster.wire.status import GateReport, HostGateReport
from coordinator.children.host_gate import HostGateProcess, host_gate_spec
from coordinator.control.status import gate_troubles
from coordinator.host_gate.gate import HostGateSpec
from tests.coordinator.host_gate.rig import free_run
from tests.coordinator.tcp_gate.test_gate import free_ports

STOP_S = 10.0
WITHIN_S = 60.0


@pytest.fixture
def spec(short_folder: Path) -> CoordinatorSpec:
    (short_folder / "logs").mkdir()
    control, replay = (f"tcp://127.0.0.1:{port}" for port in free_ports(2))
    events = f"tcp://127.0.0.1:{free_run(2)[0]}"
    return CoordinatorSpec(
        name="t", state_dir=str(short_folder), runtime_dir=str(short_folder), token="very secret",
        engine="join", hubs=2, hosts=HostsConfig(control=control, events=events, replay=replay),
    )  # fmt: skip


def test_it_is_told_all_but_secrets(spec: CoordinatorSpec) -> None:
    data = host_gate_spec(spec)
    assert b"secret" not in data
    told = msgspec.json.decode(data, type=HostGateSpec)
    paths = spec.paths
    assert told.outside == spec.hosts.offered
    assert (told.hosts, told.replay, told.control) == (
        paths.hosts, paths.host_replay, paths.control,
    )  # fmt: skip
    assert told.hubs == [paths.hub_of(0), paths.hub_of(1)]


def test_it_listens_once_it_has_started(spec: CoordinatorSpec) -> None:
    keys = KeyFolder(spec.paths.keys).add("here", ("host",), now=0)

    async def scenario() -> None:
        gate = HostGateProcess(spec, time.monotonic, STOP_S)
        async with asyncio.timeout(WITHIN_S):
            await gate.start()
        places = [*spec.hosts.offered.values(), port_after(spec.hosts.events, 1)]
        with zmq.Context() as context:
            for place in places:
                one = context.socket(zmq.DEALER)
                one.linger = 0
                monitor = one.get_monitor_socket(zmq.EVENT_CONNECTED)
                connect(one, place, keys)
                assert monitor.poll(int(WITHIN_S * 1000))
                one.disable_monitor()
                one.close()
        await gate.close()
        assert gate._first is not None
        assert await gate._first.wait() == 0

    asyncio.run(scenario())


def test_without_keys_it_says_what_to_do(spec: CoordinatorSpec) -> None:
    async def scenario() -> None:
        gate = HostGateProcess(spec, time.monotonic, STOP_S)
        with pytest.raises(ConfigError, match=r"there are no keys.*keys add"):
            await gate.start()

    asyncio.run(scenario())


def test_what_is_wrong_with_a_gate_is_among_the_troubles() -> None:
    gate = GateReport(pid=1, keys=1, subscribers=0, refused=0)
    hosts = HostGateReport(pid=1, connections=1, refused=0)
    replace = msgspec.structs.replace
    assert gate_troubles(None, None) == gate_troubles(gate, hosts) == []
    (said,) = gate_troubles(replace(gate, full=True), hosts)
    assert said.startswith("no more connections are let in over TCP")
    (said,) = gate_troubles(None, replace(hosts, full=True))
    assert said.startswith("no more hosts are let in over TCP: the host gate")
    said = gate_troubles(replace(gate, trouble="clients.json is damaged"), hosts)[0]
    assert said == "the TCP gate lets nobody in: clients.json is damaged"
    said = gate_troubles(gate, replace(hosts, trouble="clients.json is damaged"))[0]
    assert said == "the host gate lets nobody in: clients.json is damaged"
