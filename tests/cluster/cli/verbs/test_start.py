"""start: what it hands over, what it shows, how it ends, and that nothing is left."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from cluster.cli.launch import START_DEADLINE_S
from cluster.cli.terminal.live_view import LineView
from cluster.config.loading import load
from cluster.endpoints.paths import is_held
from tests.notify_socket import NotifySocket

Dcgw = Callable[..., Result]
Play = Callable[..., Callable[[], list[Any]]]
Running = Callable[..., subprocess.Popen[bytes]]


def held() -> bool:
    return is_held(load(on_sandbox=True).paths.lock)


def test_runs_until_ctrl_c_and_stops_in_order(dcgw: Dcgw, play: Play, home: Path) -> None:
    seen = play(signal_after=3)
    result = dcgw("start", "--sandbox")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert "A loopback Discord: no account" in lines[0]
    assert any(
        "0/4 shards ready" in line and "4 shards wait to identify, the last in 21 s: 0-3" in line
        for line in lines
    )
    assert any("ready: 4/4 shards ready, 499 events/s" in line for line in lines)
    assert lines[-3].startswith("Stopped sandbox: 4 sessions closed")
    assert re.fullmatch(rf"It leaves \d+ KiB in {home}/state/sandbox; to remove it:", lines[-2])
    assert re.fullmatch("  .*dcgw-cluster clean --name sandbox", lines[-1])
    assert "\x1b" not in result.output
    assert [one["verb"] for one in seen()[1:]][-1] == "stop"
    assert not held()


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_other_ways_to_ask_for_the_end(name: str, dcgw: Dcgw, play: Play) -> None:
    seen = play(signal_after=2, signal=name)
    assert dcgw("start", "--sandbox").exit_code == 0
    assert seen()[-1]["verb"] == "stop"
    assert not held()


def test_standard_output_is_left_to_the_log(dcgw: Dcgw, play: Play) -> None:
    seen = play(signal_after=1)
    result = dcgw("start", "--sandbox", DCGW_LOG_TO="stdout")
    assert (result.exit_code, result.stdout) == (0, "")
    spec = seen()[0]["spec"]
    assert spec["log_to"] == "stdout"
    assert spec["log_descriptor"] > 2
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(spec["log_descriptor"])


def test_as_a_service_it_passes_sighup_on(dcgw: Dcgw, play: Play) -> None:
    play(signal_after=2, signal="SIGHUP")
    result = dcgw("start", "--sandbox", DCGW_LOG_TO="stdout")
    assert result.exit_code == 1
    assert "was ended by SIGHUP" in result.stderr, "the played one does not know it"
    assert not held()


def test_the_spec_is_what_was_asked_for(dcgw: Dcgw, play: Play) -> None:
    seen = play(signal_after=1)
    words = "start --sandbox --shards 8 --workers 3 --guilds 5 --rate 9.5 --max-concurrency 2"
    dcgw(*words.split(), "--name", "mine")
    spec = seen()[0]["spec"]
    assert (spec["name"], spec["shards"], spec["workers"]) == ("mine", "8", 3)
    assert (spec["sandbox"]["guilds"], spec["sandbox"]["rate"]) == (5, 9.5)
    assert spec["sandbox"]["max_concurrency"] == 2


def test_the_proxy_keeps_what_the_intents_bring_unless_the_file_says_so(
    dcgw: Dcgw, play: Play, tmp_path: Path
) -> None:
    seen = play(signal_after=1)

    def specs() -> list[dict[str, Any]]:
        return [request["spec"] for request in seen() if "spec" in request]

    result = dcgw("start", "--sandbox", "--proxy")
    spec = specs()[-1]
    assert spec["proxy"]["listen"] == "auto"
    assert spec["cache"]["keep"] == ["guilds", "members", "presences"]
    assert "  serenity    *client.ws_url.lock()" in result.output
    file = tmp_path / "own.toml"
    file.write_text(
        'intents = ["guilds", "guild_members"]\n[proxy]\nlisten = "127.0.0.1:7329"\n'
        'url = "ws://bots.example"\n[cache]\nkeep = ["users"]'
    )
    result = dcgw("start", "--sandbox", "--proxy", "--config", str(file))
    spec = specs()[-1]
    assert (spec["proxy"]["listen"], spec["cache"]["keep"]) == ("127.0.0.1:7329", ["users"])
    assert 'URL(\n                  "ws://bots.example")' in result.output
    file.write_text('intents = ["guilds", "guild_members"]')
    dcgw("start", "--sandbox", "--proxy", "--config", str(file))
    assert specs()[-1]["cache"]["keep"] == ["guilds", "members"]


def test_without_the_proxy_no_bot_is_told_anything(dcgw: Dcgw, play: Play) -> None:
    play(signal_after=1)
    assert "discord.py" not in dcgw("start", "--sandbox").output


def test_a_proxy_of_what_discord_does_not_tell_is_refused(dcgw: Dcgw) -> None:
    result = dcgw("start", "--sandbox", "--proxy", DCGW_INTENTS="guild_messages")
    assert result.exit_code == 2
    assert "intents has no guilds" in result.stderr


def test_the_token_goes_through_the_pipe_and_nowhere_else(
    dcgw: Dcgw, play: Play, home: Path
) -> None:
    seen = play(signal_after=1)
    result = dcgw("start", DCGW_TOKEN="a-token-of-a-bot")
    assert seen()[0] == {"spec": seen()[0]["spec"], "token_in_env": False}
    assert seen()[0]["spec"]["token"] == "a-token-of-a-bot"
    assert "a-token-of-a-bot" not in result.output + result.stderr
    for file in (home / "state").rglob("*"):
        assert file.is_dir() or "a-token-of-a-bot" not in file.read_text()


def test_detached_it_stays(dcgw: Dcgw, play: Play) -> None:
    play()
    result = dcgw("start", "--sandbox", "--detach")
    assert result.exit_code == 0
    assert "dcgw-cluster stop --name sandbox" in result.output
    assert held()
    assert dcgw("status").exit_code == 0
    assert dcgw("stop").exit_code == 0
    assert not held()


def test_detached_it_may_wait_until_all_shards_are_ready(dcgw: Dcgw, play: Play) -> None:
    seen = play(ready_after=3)
    result = dcgw("start", "--sandbox", "--detach", "--wait")
    assert result.exit_code == 0
    assert "; all 4 shards are ready, after 1 min 16 s.\n" in result.stdout
    assert "4 shards wait to identify, 1 at a time (0 of 4, about 21 s left) ..." in result.stderr
    assert [one.get("verb") for one in seen()].count("status") == 3
    assert held()
    dcgw("stop")


def test_detached_it_does_not_wait_for_a_shard_that_gave_up(dcgw: Dcgw, play: Play) -> None:
    play(fatal=True)
    result = dcgw("start", "--sandbox", "--detach", "--wait")
    assert result.exit_code == 1
    assert "3 of 4 shards are ready; shard 3 gave up: 4014" in result.stderr
    assert held(), "the others go on"
    dcgw("stop")


def test_detached_and_waiting_it_tells_of_a_death(dcgw: Dcgw, play: Play) -> None:
    play(ready_after=9, die_after=2)
    result = dcgw("start", "--sandbox", "--detach", "--wait")
    assert result.exit_code == 1
    assert (
        "the coordinator ended with code 7: its last line was 'the disk is full'" in result.stderr
    )


def test_ctrl_c_ends_the_waiting_and_not_the_cluster(dcgw: Dcgw, play: Play) -> None:
    play(ready_after=99, signal_after=2)
    result = dcgw("start", "--sandbox", "--detach", "--wait")
    assert result.exit_code == 130
    assert "Not waited for; what was asked goes on" in result.stderr
    assert held()
    dcgw("stop")


def test_what_the_coordinator_says_of_its_start_is_shown(dcgw: Dcgw, play: Play) -> None:
    play(signal_after=1, note="3 shards since `reshard`")
    assert "3 shards since `reshard`" in dcgw("start", "--sandbox").output.splitlines()


def test_the_advice_names_a_command_that_is_on_the_path(dcgw: Dcgw, play: Play, home: Path) -> None:
    command = home / ".venv" / "bin" / "dcgw-cluster"
    command.parent.mkdir(parents=True)
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    play()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", [str(command), "start"])
        result = dcgw("start", "--sandbox", "--detach", PATH="/nowhere")
        assert "\n  .venv/bin/dcgw-cluster stop --name sandbox\n" in result.output
    dcgw("stop")


def test_a_standby_needs_a_store_that_another_can_have(dcgw: Dcgw) -> None:
    result = dcgw("start", "--sandbox", "--standby")
    assert result.exit_code == 2
    assert "store is not set" in result.stderr
    assert not held()


def test_a_second_one_is_refused(dcgw: Dcgw, play: Play, running: Running) -> None:
    first = running()
    seen = play()
    result = dcgw("start", "--sandbox")
    assert result.exit_code == 4
    assert len(result.stderr.splitlines()) == 1
    assert "already running" in result.stderr
    with pytest.raises(FileNotFoundError):
        seen()
    assert first.poll() is None


def test_one_that_stands_by_for_the_one_in_its_folder_is_told_of_another(
    dcgw: Dcgw, running: Running
) -> None:
    pytest.importorskip("psycopg")
    running()
    result = dcgw("start", "--sandbox", "--standby", DCGW_STORE="postgresql://a@localhost/b")
    assert result.exit_code == 4
    assert "whoever stands by has a state folder of its own" in result.stderr


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("TokenRefusedError", 5),
        ("BudgetError", 6),
        ("AlreadyRunningError", 4),
        ("ApiUnavailableError", 8),
        ("RateLimitedError", 8),
        ("Strange", 1),
    ],
)
def test_an_error_of_the_coordinator_is_ours(kind: str, code: int, dcgw: Dcgw, play: Play) -> None:
    play(error=kind)
    result = dcgw("start", "--sandbox")
    assert result.exit_code == code
    assert result.stderr == "Error: no such luck: try again\n"


def test_who_waits_starts_when_the_api_answers(
    dcgw: Dcgw, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cluster.cli.verbs.start.FIRST_WAIT_S", 0.01)
    seen = play(error="RateLimitedError", errors=2, signal_after=2)
    with NotifySocket.bound(f"@dcgw-{os.getpid()}") as notify:
        result = dcgw("start", "--sandbox", "--wait", NOTIFY_SOCKET=notify.address)
        told = notify.heard()
    assert result.exit_code == 0, result.output
    assert [one["STATUS"] for one in told] == [
        "not started: no such luck: try again; asking again in 0.0 s"
    ] * 2
    assert all(int(one["EXTEND_TIMEOUT_USEC"]) > START_DEADLINE_S * 1e6 for one in told)
    said = "Not started: no such luck: try again; asking again in 0.0 s ..."
    assert result.output.splitlines().count(said) == 2
    assert sum("spec" in one for one in seen()) == 3
    assert not held()


def test_who_waits_can_be_stopped(dcgw: Dcgw, play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    note = LineView.note

    def noted(view: LineView, text: str) -> None:
        note(view, text)
        if "asking again" in text:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(LineView, "note", noted)
    seen = play(error="RateLimitedError", retry_after_s=3600.0)
    result = dcgw("start", "--sandbox", "--wait")
    assert result.exit_code == 130
    lines = result.output.splitlines()
    assert lines[-2].endswith("asking again in 1 h 0 min ...")
    assert lines[-1] == "Stopped before it was ready."
    assert len(seen()) == 1


def test_what_no_waiting_mends_ends_a_start_that_waits(dcgw: Dcgw, play: Play) -> None:
    play(error="TokenRefusedError")
    assert dcgw("start", "--sandbox", "--wait").exit_code == 5


def test_a_coordinator_that_dies_is_told_with_its_last_words(dcgw: Dcgw, play: Play) -> None:
    play(die_after=3)
    result = dcgw("start", "--sandbox")
    assert result.exit_code == 1
    assert "ended with code 7" in result.stderr
    assert "the disk is full" in result.stderr


def test_a_coordinator_that_never_gets_up(
    dcgw: Dcgw, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cluster.cli.launch.START_DEADLINE_S", 1.0)
    play(silent=True)
    result = dcgw("start", "--sandbox")
    assert result.exit_code == 1
    assert "was not ready within 1 s" in result.stderr
    assert "a line of the log" in result.stderr


def test_stopped_from_elsewhere(dcgw: Dcgw, play: Play) -> None:
    play(stop_by_itself_after=3)
    result = dcgw("start", "--sandbox")
    assert result.exit_code == 0
    assert result.output.splitlines()[-3] == "The cluster was stopped."


def test_a_fatal_shard_is_shown_once(dcgw: Dcgw, play: Play) -> None:
    play(fatal=True, ready_after=1, signal_after=4)
    result = dcgw("start", "--sandbox")
    lines = [line for line in result.output.splitlines() if "shard 3 gave up: 4014" in line]
    assert len(lines) == 1


@pytest.mark.parametrize("option", ["--rate", "--guilds", "--seed", "--max-concurrency"])
def test_options_of_the_sandbox_need_it(option: str, dcgw: Dcgw) -> None:
    result = dcgw("start", option, "1", DCGW_TOKEN="t")
    assert result.exit_code == 2
    assert "add --sandbox" in result.stderr
