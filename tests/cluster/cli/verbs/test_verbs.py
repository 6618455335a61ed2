"""status, stop, config and help against a played coordinator."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from click.testing import Result

from cluster import __version__
from cluster.wire.status import ClusterStatus

Dcgw = Callable[..., Result]
Running = Callable[..., subprocess.Popen[bytes]]


class TestHelp:
    def test_lists_verbs_and_exit_codes(self, dcgw: Dcgw) -> None:
        result = dcgw("--help")
        assert result.exit_code == 0
        for word in ("start", "status", "tail", "stop", "sandbox", "config", "Exit codes", "130"):
            assert word in result.output

    @pytest.mark.parametrize(
        "verb",
        [
            "start",
            "status",
            "tail",
            "stop",
            "sandbox",
            "config check",
            "config show",
            "logs",
            "top",
        ],
    )
    def test_every_verb_has_examples(self, verb: str, dcgw: Dcgw) -> None:
        result = dcgw(*verb.split(), "--help")
        assert "Examples:" in result.output
        assert f"dcgw-cluster {verb}" in result.output
        assert max(map(len, result.output.splitlines())) <= 80

    def test_version(self, dcgw: Dcgw) -> None:
        assert dcgw("--version").output == f"dcgw-cluster, version {__version__}\n"


@pytest.mark.parametrize("verb", ["status", "stop", "tail"])
def test_without_a_cluster(verb: str, dcgw: Dcgw) -> None:
    result = dcgw(verb)
    assert result.exit_code == 3
    assert result.stderr == ("Error: no cluster is running: start one with `dcgw-cluster start`\n")
    assert result.stdout == ""


@pytest.mark.parametrize("verb", ["status", "stop", "tail"])
def test_several_clusters_need_a_name(verb: str, dcgw: Dcgw, running: Running) -> None:
    running("one")
    running("two")
    result = dcgw(verb)
    assert result.exit_code == 1
    assert "give --name, one of: one, two" in result.stderr
    other = dcgw(verb, "--name", "three")
    assert other.exit_code == 3
    assert "running: one, two" in other.stderr
    assert len(other.stderr.splitlines()) == 1


class TestStatus:
    def test_shows_cluster_workers_and_shards(self, dcgw: Dcgw, running: Running) -> None:
        running(ready_after=1)
        result = dcgw("status")
        assert result.exit_code == 0
        for part in ("sandbox", "4 of 4 shards ready", "499 events/s", "996 of 1,000", "52.0 MiB"):
            assert part in result.output

    def test_json_is_the_whole_answer(self, dcgw: Dcgw, running: Running) -> None:
        running(ready_after=1)
        status = msgspec.json.decode(dcgw("status", "--json").output, type=ClusterStatus)
        assert (status.name, status.shards_ready, len(status.shards)) == ("sandbox", 4, 4)

    def test_one_of_several(self, dcgw: Dcgw, running: Running, home: Path) -> None:
        running("one")
        running("two")
        assert json.loads(dcgw("status", "--json", "--name", "two").output)["name"] == "two"
        assert json.loads(dcgw("status", "--json", DCGW_NAME="one").output)["name"] == "one"
        (home / "cluster.toml").write_text('name = "two"\nshards = "nonsense"')
        assert json.loads(dcgw("status", "--json").output)["name"] == "two"

    def test_a_killed_cluster_is_not_running(self, dcgw: Dcgw, running: Running) -> None:
        process = running()
        process.kill()
        process.wait()
        assert dcgw("status").exit_code == 3


class TestStop:
    def test_waits_until_it_is_gone(self, dcgw: Dcgw, running: Running) -> None:
        process = running(ready_after=1)
        result = dcgw("stop")
        assert result.exit_code == 0
        assert result.output == (
            "Stopped sandbox: 4 sessions closed, the sandbox is gone. 12,345 events in all.\n"
        )
        assert process.wait(timeout=60) == 0
        assert dcgw("status").exit_code == 3

    def test_a_part_of_a_bot_counts_its_own_shards(self, dcgw: Dcgw, running: Running) -> None:
        running(ready_after=1, shard_count=8)
        assert "shards had none" not in dcgw("stop").output
        running(ready_after=1, shard_count=8, fatal=True)
        assert "(1 of 4 shards had none)" in dcgw("stop").output

    def test_whoever_goes_may_take_the_answer_along(self, dcgw: Dcgw, running: Running) -> None:
        running(ready_after=1, mute_at_stop=True)
        result = dcgw("stop")
        assert result.exit_code == 0, result.stderr
        assert result.output.startswith("Stopped sandbox: 4 sessions closed")

    def test_logout_is_handed_on(self, dcgw: Dcgw, running: Running, home: Path) -> None:
        running(seen=str(home / "seen"))
        assert dcgw("stop", "--logout").exit_code == 0
        requests = [json.loads(line) for line in (home / "seen").read_text().splitlines()]
        assert {"verb": "stop", "args": {"logout": True, "keep_workers": False}} in requests

    def test_gives_up_after_its_time(self, dcgw: Dcgw, running: Running) -> None:
        running(deaf_to_stop=True)
        result = dcgw("stop", "--timeout", "1")
        assert result.exit_code == 1
        assert "has not stopped within 1 s" in result.stderr
        assert "coordinator.log" in result.stderr


class TestConfig:
    def test_check(self, dcgw: Dcgw, home: Path) -> None:
        (home / "cluster.toml").write_text("shards = 4")
        result = dcgw("config", "check", DCGW_TOKEN="t")
        assert result.exit_code == 0
        assert "is right" in result.output

    def test_check_without_a_token(self, dcgw: Dcgw) -> None:
        result = dcgw("config", "check")
        assert result.exit_code == 2
        assert "no token is set" in result.stderr
        assert dcgw("config", "check", "--sandbox").exit_code == 0

    def test_a_wrong_key_is_one_line(self, dcgw: Dcgw, home: Path) -> None:
        (home / "cluster.toml").write_text("shard = 4")
        for verb in (["config", "check"], ["config", "show"], ["start"]):
            result = dcgw(*verb, DCGW_TOKEN="t")
            assert result.exit_code == 2
            assert result.stderr.startswith("Error: unknown key shard = 4 in cluster.toml")
            assert len(result.stderr.splitlines()) == 1

    def test_show_is_a_file_that_can_be_used(self, dcgw: Dcgw, home: Path) -> None:
        (home / "cluster.toml").write_text(
            'presence = { status = "idle" }\n[identify]\nreserve = 9'
        )
        shown = dcgw("config", "show", DCGW_SHARDS="7", DCGW_TOKEN="secret-token")
        assert shown.exit_code == 0
        assert "secret-token" not in shown.output
        assert 'shards = "7"  # DCGW_SHARDS' in shown.output
        assert "reserve = 9  # cluster.toml" in shown.output
        before = json.loads(dcgw("config", "show", "--json", DCGW_SHARDS="7").output)
        (home / "cluster.toml").write_text(shown.output)
        after = json.loads(dcgw("config", "show", "--json").output)
        assert {k: v["value"] for k, v in after.items()} == {
            k: v["value"] for k, v in before.items()
        }
