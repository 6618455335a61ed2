"""What is on the screen, for narrow and wide terminals, one shard and two hundred."""

from __future__ import annotations

import asyncio
import io
from types import ModuleType
from typing import Any

import msgspec
import pytest
from rich.console import Console, RenderableType

from cluster.cli.terminal import status_text, tables
from cluster.cli.terminal.live_view import LineView, LiveView, picture
from cluster.wire.proxies import ProxyReport
from cluster.wire.states import ClusterState, OperationState, SessionState, WorkerState
from cluster.wire.status import ClusterStatus, GateReport, Operation, OutsideClaim, SubscriberStatus
from tests.coordinator.http.statuses import traffic


def text(what: RenderableType, width: int) -> str:
    out = io.StringIO()
    Console(file=out, width=width, highlight=False).print(what)
    return out.getvalue()


def made(fake: ModuleType, shards: int, ready: int, **more: object) -> ClusterStatus:
    status: ClusterStatus = fake.cluster_status(
        "big", shards=shards, ready=ready, waiting=list(range(ready, shards)), sandbox=False, **more
    )
    return status


@pytest.mark.parametrize("width", [50, 80, 200])
@pytest.mark.parametrize(("shards", "ready"), [(1, 1), (1, 0), (4, 2), (200, 200), (200, 150)])
class TestFits:
    def test_status(self, shards: int, ready: int, width: int, fake: ModuleType) -> None:
        status = made(fake, shards, ready)
        shown = text(status_text.full(status, width), width)
        assert max(len(line.rstrip()) for line in shown.splitlines()) <= width
        assert "…" not in shown  # nothing was cut off
        assert f"{ready} of {shards} shards ready" in shown
        assert len(shown.splitlines()) < 60

    def test_picture(self, shards: int, ready: int, width: int, fake: ModuleType) -> None:
        shown = text(picture(made(fake, shards, ready), width, {"MESSAGE_CREATE": 99.0}), width)
        assert max(len(line.rstrip()) for line in shown.splitlines()) <= width
        assert "…" not in shown
        assert ("wait" in shown) == (ready < shards)


def test_a_part_of_a_bot_is_measured_by_its_own_shards(fake: ModuleType) -> None:
    half, whole = made(fake, 4, 2, shard_count=8), made(fake, 4, 4, shard_count=8)
    shown = text(status_text.full(half, 80), 80)
    assert "2 of 4 shards ready" in shown
    assert "shards 0-3 of the bot's 8" in shown
    assert "2/4 shards ready" in status_text.line(half)
    bar = next(line for line in text(picture(half, 80), 80).splitlines() if "━" in line)
    assert bar.rstrip().endswith("2 of 4 shards")
    shown = text(picture(whole, 80), 80)
    assert "4 of 4 shards ready" in shown
    assert "━" not in shown, "the bar is gone"
    assert "the bot's" not in text(status_text.full(made(fake, 4, 4), 80), 80)


def restless(status: ClusterStatus, shards: range) -> ClusterStatus:
    """These shards are between two tries; nobody waits for a grant."""
    rows = [
        msgspec.structs.replace(
            s, state=SessionState.WAITING, detail="op 7", next_try_s=s.shard_id + 0.5
        )
        if s.shard_id in shards
        else s
        for s in status.shards
    ]
    budget = msgspec.structs.replace(status.budget, waiting=[])
    return msgspec.structs.replace(status, shards=rows, budget=budget)


def test_of_many_shards_the_ones_that_are_not_ready_are_listed(fake: ModuleType) -> None:
    shown = text(tables.shards(restless(made(fake, 200, 200), range(190, 200)), 80), 80)
    assert "190 ready" in shown
    assert "10 waiting" in shown
    listed = [line for line in shown.splitlines() if line.lstrip()[:1].isdigit()][1:]
    assert [int(line.split()[0]) for line in listed] == list(range(190, 200))
    assert "shards 190-199: op 7; next try in 3 min 10 s\n" in shown, "the first of them"


def test_who_waits_for_a_grant_is_counted_only(fake: ModuleType) -> None:
    """A line on identifies names them: a start of a thousand shards is no table of waiting."""
    shown = text(tables.shards(made(fake, 200, 190), 80), 80)
    assert "10 awaiting grant" in shown
    assert len(shown.splitlines()) == 1


def test_a_long_list_is_cut_and_says_so(fake: ModuleType) -> None:
    status = restless(made(fake, 200, 200), range(100, 200))
    assert "... and 80 more: --shards lists all" in text(tables.shards(status, 80), 80)
    assert "more" not in text(tables.shards(status, 80, every=True), 80)


def test_reconnects_and_heartbeats_of_all_shards(fake: ModuleType) -> None:
    status = made(fake, 3, 3)
    rows = [
        msgspec.structs.replace(
            shard,
            reconnects={"op 7": 1, "zombie": shard.shard_id},
            heartbeat_ms=10.0**shard.shard_id,
        )
        for shard in status.shards
    ]
    assert status_text.reconnects(rows) == "3x op 7, 3x zombie"
    assert status_text.heartbeats(rows) == "median 10 ms, at most 100 ms (shard 2)"
    assert status_text.heartbeats(rows[:1]) == "1 ms"
    assert status_text.heartbeats([]) == status_text.reconnects([]) == ""


def subscriber(name: str, **other: Any) -> SubscriberStatus:
    row: dict[str, Any] = {"lag": 0, "events": 7, "gaps": 0, "replays": 0, "since_s": 5.0} | other
    return SubscriberStatus(name=name, pid=17, **row)


def test_subscribers(fake: ModuleType) -> None:
    status = made(fake, 1, 1)
    assert status_text.subscribers(status) == ["none"]
    rows = [subscriber("bot\x1b[2J.py", lag=1200, gaps=1, replays=2, unfit=3), subscriber("tail")]
    status = msgspec.structs.replace(status, subscribers=rows, subscribers_unknown=3)
    assert status_text.subscribers(status) == [
        "bot [2J.py (pid 17): lag 1,200; 7 events, 1 gap, 2 replays, 3 unfit in 5.0 s",
        "tail (pid 17): lag 0; 7 events in 5.0 s",
        "3 unknown: connected, without a report",
    ]
    misfits = {
        f"READY $.\x1b{number}": 1000 - number for number in range(status_text.MOST_MISFITS + 2)
    }
    rows = [subscriber("bot", unfit=1000, misfits=misfits)]
    assert status_text.subscribers(msgspec.structs.replace(status, subscribers=rows))[:-1] == [
        "bot (pid 17): lag 0; 7 events, 1,000 unfit in 5.0 s",
        "  unfit: READY $. 0 (1,000)",
        *(
            f"  unfit: READY $. {number} ({1000 - number})"
            for number in range(1, status_text.MOST_MISFITS)
        ),
        "  unfit: 2 other places: --json has them",
    ]
    poor = [subscriber("bot", lacks=["message_content", "guild_members"]), subscriber("tail")]
    assert status_text.subscribers(msgspec.structs.replace(status, subscribers=poor)) == [
        "bot (pid 17): lag 0; 7 events in 5.0 s",
        "  without the intent message_content: messages that are not to the bot have no text",
        "  without the intent guild_members: who joins, leaves or changes is not told of",
        "tail (pid 17): lag 0; 7 events in 5.0 s",
        "3 unknown: connected, without a report",
    ]
    for one in (subscriber("x"), poor[0]):
        many = msgspec.structs.replace(status, subscribers=[one] * 20)
        assert status_text.subscribers(many)[-2] == "... and 12 more: --json has them"


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("shards", [1, 4, 200])
def test_no_line_is_wider_than_the_terminal(fake: ModuleType, shards: int, width: int) -> None:
    status = restless(made(fake, shards, shards), range(0, shards, 3))
    rows = [subscriber("a bot with a long name of its own " * 2, lag=10**6)]
    status = msgspec.structs.replace(status, subscribers=rows, troubles=["something " * 30])
    lines = text(status_text.full(status, width), width).splitlines()
    assert max(map(len, lines)) <= width


def changed(status: ClusterStatus, shard_id: int, **fields: Any) -> ClusterStatus:
    rows = list(status.shards)
    rows[shard_id] = msgspec.structs.replace(rows[shard_id], **fields)
    return msgspec.structs.replace(status, shards=rows)


@pytest.mark.parametrize("width", [80, 200])
def test_of_a_thousand_the_first_screen_says_what_is_wrong(fake: ModuleType, width: int) -> None:
    status = made(fake, 1000, 1000)
    workers = [msgspec.structs.replace(status.workers[0], slot=n) for n in range(16)]
    status = msgspec.structs.replace(status, workers=workers)
    screen = text(status_text.full(status, width), width).splitlines()
    assert screen[1] == "Nothing is wrong."
    assert len(screen) < 40
    status = changed(
        status, 700, state=SessionState.FATAL, detail="4004 (the token is wrong): mend it"
    )
    status = changed(status, 30, state=SessionState.RESUMING)
    status = changed(status, 900, heartbeat_ms=2500.0)
    status = changed(status, 901, reconnects={"zombie": 4})
    lines = text(status_text.full(status, width), width).splitlines()
    assert lines[1] == "shard 700 gave up: 4004 (the token is wrong): mend it"
    assert lines[2] == "heartbeats of shard 900 take more than a second"
    shown = text(tables.shards(status, width), width).splitlines()
    assert shown[0] == "998 ready  1 fatal  1 resuming  of 1,000 shards"
    assert [line.split()[0] for line in shown[2:6]] == ["700", "30", "900", "901"]
    assert "shard 900: the last heartbeat took 2,500 ms" in shown
    assert "shard 901: 4 reconnects (4x zombie)" in shown


def test_a_reconnect_an_hour_is_nothing_to_tell(fake: ModuleType) -> None:
    shard = msgspec.structs.replace(made(fake, 1, 1).shards[0], reconnects={"op 7": 20})
    assert tables.unrest(shard, 24 * 3600.0) == ""
    assert tables.unrest(shard, 3600.0) == "20 reconnects (20x op 7)"


def test_causes_are_shown_where_they_fit(fake: ModuleType) -> None:
    status = made(fake, 2, 2)
    few = changed(status, 1, reconnects={"closed 4009": 1, "op 7": 2})
    assert "2x op 7, 1x closed 4009" in text(tables.shards(few, 100), 100)
    narrow = text(tables.shards(few, 80), 80)
    assert "2x op 7, 1x closed 4009" in narrow
    assert "worker" not in narrow
    many = changed(
        status, 1, reconnects={"op 7": 2} | {f"closed {n}": 1 for n in range(4000, 4009)}
    )
    shown = text(tables.shards(many, 80), 80).splitlines()
    assert shown[0].split()[-1] == "reconn."
    assert shown[2].split()[-1] == "11"
    assert "closed 4008" in text(tables.shards(many, 200), 200)


def test_the_last_columns_go_first(fake: ModuleType) -> None:
    status = made(fake, 2, 2)
    headings = {
        width: text(tables.workers(status, width), width).splitlines()[0].split()[7:]
        for width in (70, 80, 100, 120)
    }
    assert headings == {
        70: ["reaches", "back"],
        80: ["reaches", "back", "restarts"],
        100: ["reaches", "back", "unpublished", "restarts"],
        120: ["journal", "reaches", "back", "unpublished", "restarts", "up"],
    }


def test_of_many_workers_those_that_are_well_are_counted(fake: ModuleType) -> None:
    status = made(fake, 4, 4)
    workers = [msgspec.structs.replace(status.workers[0], slot=n) for n in range(100)]
    workers[42] = msgspec.structs.replace(workers[42], restarts=1)
    shown = text(tables.workers(msgspec.structs.replace(status, workers=workers), 80), 80)
    lines = shown.splitlines()
    assert lines[0] == "100 running  of 100 workers  CPU 1230 %  memory 5.1 GiB"
    assert [line.split()[0] for line in lines[1:]] == ["worker", "42"]


def test_what_was_ready_and_is_not_is_said_with_its_most_frequent_reason(fake: ModuleType) -> None:
    status = msgspec.structs.replace(
        restless(made(fake, 200, 200), range(90)), state=ClusterState.DEGRADED
    )
    status = changed(status, 4, detail="zombie")
    first = "shards 0-89 not ready: op 7 (most of them)"
    assert [str(one) for one in status_text.verdict(status)] == [first]
    assert first in status_text.line(status)


def test_a_cluster_that_is_still_starting_says_what_keeps_it(fake: ModuleType) -> None:
    status = msgspec.structs.replace(made(fake, 4, 3), state=ClusterState.STARTING)
    assert status_text.verdict(status) == [], "who waits for its first turn has met no failure"
    cause = "zstd-stream: the server ended the stream"
    status = changed(status, 3, state=SessionState.WAITING, detail=cause, next_try_s=50.7)
    lines = [str(one) for one in status_text.verdict(status)]
    assert lines == [f"shard 3 not ready: {cause}; next try in 51 s"]
    status = changed(status, 3, state=SessionState.IDENTIFYING, detail=cause, next_try_s=None)
    lines = [str(one) for one in status_text.verdict(status)]
    assert lines == [f"shard 3 not ready: {cause}"], "no wait is told of that is over"
    stopping = msgspec.structs.replace(status, state=ClusterState.STOPPING)
    assert not any("not ready" in str(one) for one in status_text.verdict(stopping)), "nor wanted"
    status = changed(status, 3, state=SessionState.DOWN, detail="worker 0 is restarting")
    assert status_text.verdict(status) == [], "the worker's own line tells of it"


def test_a_shard_that_is_silent_while_others_are_not(fake: ModuleType) -> None:
    status = changed(made(fake, 200, 200), 7, too_silent=True, silent_s=812.0)
    (line,) = (str(one) for one in status_text.verdict(status))
    assert line.startswith(
        "shard 7 is silent: it brought nothing for 13 min 32 s while others did: `dcgw-cluster"
    )
    assert "13 min 32 s" in text(tables.shards(status, 140), 140), "it is among those to look at"
    status = changed(status, 9, too_silent=True, silent_s=90.0)
    (line,) = (str(one) for one in status_text.verdict(status))
    assert line.startswith(
        "shards 7, 9 are silent: they brought nothing for 1 min 30 s or longer while others did"
    )


def test_frames_that_had_no_place_are_told_of(fake: ModuleType) -> None:
    status = changed(changed(made(fake, 4, 4), 1, unplaced=1), 3, unplaced=2)
    (line,) = (str(one) for one in status_text.verdict(status))
    assert line.startswith("3 frames of shards 1, 3 had no place in the order and were left out")


def test_the_picture_fits_a_small_terminal(fake: ModuleType) -> None:
    status = made(fake, 1000, 900)
    workers = [msgspec.structs.replace(status.workers[0], slot=n) for n in range(16)]
    status = msgspec.structs.replace(status, workers=workers)
    names = {f"EVENT_{n}": 9.0 for n in range(8)}
    assert len(text(picture(status, 80, names, 24), 80).splitlines()) < 24
    assert "100 awaiting grant" in text(picture(status, 80, names, 24), 80)


def test_a_restart_is_news_for_an_hour(fake: ModuleType) -> None:
    status = made(fake, 4, 4)
    worker = msgspec.structs.replace(status.workers[0], restarts=2, uptime_s=90.0)
    status = msgspec.structs.replace(status, workers=[worker])
    assert [str(one) for one in status_text.verdict(status)] == [
        "worker 0 was restarted 2 times, the last 1 min 30 s ago"
    ]
    old = msgspec.structs.replace(worker, uptime_s=4000.0)
    status = msgspec.structs.replace(status, workers=[old])
    assert [str(one) for one in status_text.verdict(status)] == ["Nothing is wrong."]


def test_complaints_come_first(fake: ModuleType) -> None:
    status = made(fake, 4, 3, fatal=True)
    worker = msgspec.structs.replace(
        status.workers[0], state=WorkerState.RESTARTING, detail="crashed 3 times: exit code 1"
    )
    mute = msgspec.structs.replace(status.workers[1], journalling=False)
    status = msgspec.structs.replace(status, workers=[worker, mute])
    lines = text(status_text.full(status, 200), 200).splitlines()
    assert lines[1].startswith("shard 3 gave up: 4014 disallowed intents: enable")
    assert lines[2] == "worker 0 restarting: crashed 3 times: exit code 1"
    assert lines[3].startswith("worker 1 can't write its journal")
    assert "suspended" in "\n".join(lines)


def test_limits_that_are_near_are_worth_a_look(fake: ModuleType) -> None:
    status = msgspec.structs.replace(made(fake, 4, 4), warnings=["it is \x1bnear"])
    (line,) = status_text.verdict(status)
    assert (line.plain, str(line.style)) == ("it is  near", "yellow")
    assert status_text.line(status).endswith("; it is  near")


def test_the_live_view_has_rates_by_type(fake: ModuleType) -> None:
    out, now = io.StringIO(), 0.0

    async def main() -> None:
        nonlocal now
        console = Console(file=out, width=80, height=40, force_terminal=True, color_system=None)
        view = LiveView(console, command="dcgw", state_line=str, clock=lambda: now)
        for count in (10, 70):
            counted = traffic(0, events={"MESSAGE_CREATE": count, "READY": 4})
            view.show(msgspec.structs.replace(made(fake, 4, 4), traffic=[counted]))
            now += 2.0
        view.close()

    asyncio.run(main())
    last = out.getvalue().rpartition("big  ready")[2]
    assert "30  MESSAGE_CREATE" in last
    assert "READY" not in last, "none came meanwhile"


def test_lines_come_when_something_changed_or_time_passed(
    fake: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 0.0
    view = LineView(clock=lambda: now)
    printed = []
    for time_s, ready in [(0.0, 0), (0.2, 0), (0.5, 1), (1.0, 2), (2.0, 2), (6.0, 2), (6.2, 4)]:
        now = time_s
        view.show(made(fake, 4, ready))
        printed.append(bool(capsys.readouterr().out))
    assert printed == [True, False, False, True, False, True, True]


def test_a_time_that_passes_is_no_news(
    fake: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 0.0
    view = LineView(clock=lambda: now)
    status = made(fake, 4, 4)
    for uptime_s in range(4):
        worker = msgspec.structs.replace(status.workers[0], restarts=1, uptime_s=float(uptime_s))
        view.show(msgspec.structs.replace(status, workers=[worker]))
    assert capsys.readouterr().out.count("worker 0 was restarted 1 time") == 1
    for silent_s in (90.0, 91.0, 92.0):
        view.show(changed(status, 2, too_silent=True, silent_s=silent_s))
    assert capsys.readouterr().out.count("shard 2 is silent: it brought nothing") == 1


def test_identifies_by_a_broker_and_for_others(fake: ModuleType) -> None:
    status = made(fake, 4, 2)
    west = [
        OutsideClaim(shard_id=shard, shard_count=8, who="west (4-7/8)") for shard in (7, 4, 5, 6)
    ]
    granting = msgspec.structs.replace(
        status, budget=msgspec.structs.replace(status.budget, outside=west)
    )
    shown = text(status_text.full(granting, 80), 80)
    assert "2 shards wait to identify, the last in 10 s: 2-3" in shown
    assert "west (4-7/8) waits here for shards 4-7" in shown
    trouble = "the broker ipc:///run/dcgw/main/control does not answer"
    asking = msgspec.structs.replace(
        status,
        budget=msgspec.structs.replace(
            status.budget, broker="ipc:///run/dcgw/main/control", trouble=trouble
        ),
    )
    shown = text(status_text.full(asking, 80), 80)
    assert "granted by ipc:///run/dcgw/main/control" in shown
    assert trouble in shown
    assert "2 shards wait to identify: 2-3" in shown, "nobody knows for how long"
    assert trouble in status_text.line(asking)


def test_identifies_that_wait_for_discords_api(
    fake: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    def held(again: float | None) -> ClusterStatus:
        status = made(fake, 4, 2)
        trouble = "no shard can identify before Discord's API answers (HTTP 503)"
        budget = msgspec.structs.replace(
            status.budget, known=False, total=0, remaining=0, trouble=trouble, asked_again_s=again
        )
        return msgspec.structs.replace(status, budget=budget)

    shown = text(status_text.full(held(3500.0), 100), 100)
    assert "not known how many are left" in shown
    assert " of 0 left" not in shown
    assert "API answers (HTTP 503); it is asked again in 58 min" in " ".join(shown.split())
    assert "asked again in 42 s" in status_text.line(held(41.6))
    assert "asked again" not in status_text.line(held(None))
    view = LineView(clock=lambda: 5.0)
    for seconds in (42.0, 41.0, 40.0):
        view.show(held(seconds))
    assert len(capsys.readouterr().out.splitlines()) == 1, "a countdown is no change"


@pytest.mark.parametrize("width", [50, 100])
def test_what_is_offered_over_tcp_is_told(width: int, fake: ModuleType) -> None:
    status = made(fake, 1, 1)
    assert "tcp" not in text(status_text.full(status, width), width)
    gate = GateReport(
        pid=7, events="tcp://0.0.0.0:7311", control="tcp://[::]:7313", keys=1, subscribers=2,
        refused=1_234,
    )  # fmt: skip
    shown = text(status_text.full(msgspec.structs.replace(status, gate=gate), width), width)
    flat = " ".join(shown.split())
    assert "tcp events tcp://0.0.0.0:7311, control tcp://[::]:7313" in flat
    assert "1 key, 2 subscribers, 1,234 connections not let in" in flat
    assert max(len(line.rstrip()) for line in shown.splitlines()) <= width


def test_what_is_under_way_and_what_failed(fake: ModuleType) -> None:
    now = Operation(
        id="1", kind="rolling restart", text="worker 1 is back", done=2, total=4, seconds=12.0
    )
    status = msgspec.structs.replace(made(fake, 4, 4), operation=now)
    assert "rolling restart for 12 s: worker 1 is back (2 of 4 done)" in text(
        status_text.full(status, 100), 100
    )
    assert "rolling restart for 12 s: worker 1 is back" in text(picture(status, 100), 100)
    begun = msgspec.structs.replace(now, text="", done=0, total=0)
    assert status_text.operation(msgspec.structs.replace(status, operation=begun)) == (
        "rolling restart for 12 s"
    )
    failed = msgspec.structs.replace(now, state=OperationState.FAILED, text="worker 2 is not back")
    status = msgspec.structs.replace(status, operation=failed)
    shown = text(status_text.full(status, 100), 100)
    assert "rolling restart failed: worker 2 is not back" in shown
    assert "under way" not in shown
    assert "rolling restart for" not in text(picture(status, 100), 100)


def test_workers_of_another_version_are_named(fake: ModuleType) -> None:
    status = made(fake, 8, 8)
    old = [msgspec.structs.replace(w, version="0.0.9") for w in status.workers[:1]]
    status = msgspec.structs.replace(status, workers=[*old, *status.workers[1:]])
    assert "worker 0 run another version" not in text(status_text.full(status, 100), 100)
    assert "worker 0 runs another version" in text(status_text.full(status, 100), 100)


def test_a_user_account_is_shown_as_one(fake: ModuleType) -> None:
    status = msgspec.structs.replace(made(fake, 1, 1), account="user")
    shown = text(status_text.full(status, 120), 120)
    assert "https://localhost:40123/api, as a user account" in shown
    assert "a limit of our own" in shown


def test_the_proxy_has_a_line_for_where_it_is_and_one_a_process(fake: ModuleType) -> None:
    assert status_text.proxy(made(fake, 1, 1)) == []
    rows = [
        ProxyReport(id="a", pid=7, clients=1, events=12345),
        ProxyReport(
            id="b", pid=8, number=1, clients=2, detached=3, catching_up=1, gaps=1, lost=2,
            refused=4, lag=5,
        ),
        ProxyReport(id="c", pid=9, key="host-2", listens="wss://10.0.0.5:443"),
    ]  # fmt: skip
    status = msgspec.structs.replace(made(fake, 1, 1), proxy="ws://127.0.0.1:7320", proxies=rows)
    assert status_text.proxy(status) == [
        "ws://127.0.0.1:7320",
        "0 (pid 7): 1 bot; 12,345 events sent",
        "1 (pid 8): 2 bots, 3 away, 1 catching up; 0 events sent, lag 5, 1 gap, 2 sessions lost, "
        "4 connections closed",
        "of host-2, wss://10.0.0.5:443 (pid 9): 0 bots; 0 events sent",
    ]
    many = [ProxyReport(id=str(n), pid=n, number=n) for n in range(status_text.MOST_PROXIES + 2)]
    status = msgspec.structs.replace(made(fake, 1, 1), proxies=many)
    assert status_text.proxy(status)[-1] == "... and 2 more: --json has them"
    shown = text(status_text.full(status, 80), 80)
    assert "0 (pid 0): 0 bots; 0 events sent" in shown
