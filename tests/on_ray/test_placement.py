"""Host agents on a Ray cluster, with another program in the agents' place."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="Ray is not installed: pip install 'dcgw-cluster[ray]'")

from tests.on_ray.nodes import Nodes, ray_nodes
from tests.on_ray.placed import Placed, is_alive, until

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the agents' states, which nodes get from their environment."""
    with pytest.MonkeyPatch.context() as env:
        folder = tmp_path_factory.mktemp("ray")
        env.setenv("DCGW_STATE_DIR", str(folder))
        env.setenv("RAY_USAGE_STATS_ENABLED", "0")
        yield folder


@pytest.fixture(scope="module")
def nodes(state: Path) -> Iterator[Nodes]:
    with ray_nodes() as nodes:
        nodes.add(pool="a")
        yield nodes


def test_a_ray_that_is_not_there_is_named(state: Path) -> None:
    placed = Placed(state, "dcgw-nobody-0", address="127.0.0.1:1")
    outcome = placed.start()
    assert outcome.error is not None
    assert "127.0.0.1:1" in outcome.error.cause
    assert "ray start" in outcome.error.action
    assert placed.wait() == 1


def test_each_node_has_an_agent_that_outlives_who_placed_it(nodes: Nodes, state: Path) -> None:
    placed = Placed(state, "dcgw-all-1", address=nodes.address)
    assert placed.start().ready
    placed.until_run("ray-0")
    lost = nodes.add(pool="a")
    before = placed.until_run("ray-0", "ray-1")
    assert before["ray-0"].parent != before["ray-1"].parent

    # What placed them is killed, and the next one finds them, and lets them be.
    placed.send(signal.SIGKILL)
    assert placed.alive == before
    assert placed.start(log_level="debug").ready
    until(lambda: placed.words().count("ray-1 has answered") == 3)
    assert placed.alive == before

    # The coordinator is another one, as a standby is: agents are told by the actors that there are.
    placed.send(signal.SIGTERM)
    assert placed.start(join="tcp://127.0.0.1:10").ready
    until(lambda: {runs.join for runs in placed.alive.values()} == {"tcp://127.0.0.1:10"})
    anew = placed.until_run("ray-0", "ray-1")
    assert [runs.parent for runs in anew.values()] == [before[name].parent for name in anew]
    assert not {runs.pid for runs in anew.values()} & {runs.pid for runs in before.values()}
    before = anew

    # An actor is killed: its agent ends with it, and Ray starts both again, with another key.
    os.kill(before["ray-0"].parent, signal.SIGKILL)
    until(lambda: not is_alive(before["ray-0"].pid))
    again = placed.until_run("ray-0", "ray-1")
    assert again["ray-1"] == before["ray-1"]
    assert again["ray-0"].keys.public != before["ray-0"].keys.public

    # A node is lost: its agent's key is, too.
    nodes.lose(lost)
    assert placed.until_run("ray-0") == {"ray-0": again["ray-0"]}

    for runs in {*before.values(), *again.values()}:
        assert _files_with(runs.keys.secret, nodes.session, str(placed.log)) == ""
    assert placed.send(signal.SIGUSR1, signal.SIGTERM) == 0
    assert not placed.alive
    assert not placed.let_in


def test_so_many_agents_wait_for_so_many_nodes_and_clusters_are_apart(
    nodes: Nodes, state: Path
) -> None:
    one = Placed(
        state, "dcgw-one-1", address=nodes.address, hosts=2, cpus=0.5, labels={"pool": "b"}
    )
    other = Placed(state, "dcgw-two-1", address=nodes.address, cpus=0.5, labels={"pool": "b"})
    assert one.start().ready
    nodes.add(pool="b")
    assert other.start().ready
    others = other.until_run("ray-0")
    assert "no places yet for ray-0, ray-1" in one.words()
    nodes.add(pool="b")
    ones = one.until_run("ray-0", "ray-1")
    others |= other.until_run("ray-0", "ray-1")
    assert len({runs.parent for runs in [*ones.values(), *others.values()]}) == 4
    assert one.send(signal.SIGUSR1, signal.SIGTERM) == 0
    assert one.alive == {}
    assert other.alive == others
    assert other.send(signal.SIGUSR1, signal.SIGTERM) == 0


def test_agents_end_with_their_actors_a_while_after_the_head_is_lost(state: Path) -> None:
    with ray_nodes() as nodes:
        nodes.add()
        placed = Placed(state, "dcgw-head-1", address=nodes.address)
        assert placed.start().ready
        (runs,) = placed.until_run("ray-0").values()
        nodes.lose_head()
        assert is_alive(runs.pid)
        assert placed.wait() != 0
        until(lambda: not is_alive(runs.pid))


def _files_with(secret: str, *places: str) -> str:
    """Return the names of the files at these places that hold a secret, a line each."""
    words = ["grep", "-rlF", "--", secret, *places]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout
