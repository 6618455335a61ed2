"""GatewayClient against the sandbox: what comes, in which order, and what ends it."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec
import pytest

from cluster.errors import (
    BudgetError,
    ClientClosedError,
    ClusterError,
    ConnectionLostError,
    GatewayRefusedError,
    RateLimitedError,
    TokenRefusedError,
)
from cluster.events import HeartbeatAck, Ready, Reconnect, Resumed
from cluster.identify.limiter import IdentifyLimiter
from shard_worker import GatewayClient, Skipped
from shard_worker.client import client_session, local_identifies
from shard_worker.client.event_queue import Received
from shard_worker.transport.compression import InflateError, ZstdStream
from shard_worker.transport.connection import SLICE_MESSAGES
from tests.shard_worker.client.client_rig import WAIT_S, ClientRig, client_rig, row, run, take


@pytest.fixture
def short_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let identifies follow each other at once, as far as our own limiter goes."""
    short = partial(IdentifyLimiter, window_s=0.2, margin_s=0.05)
    monkeypatch.setattr(local_identifies, "IdentifyLimiter", short)


SHORT_WINDOW: dict[str, Any] = {"identify_window_s": 0.2}


# -- events ------------------------------------------------------------------------------------


@pytest.mark.parametrize("compress", ["zlib-stream", "zstd-stream", "none"])
def test_every_event_comes_once_and_in_order(compress: str) -> None:
    async def scenario(rig: ClientRig) -> None:
        async with rig.connect(compress=compress) as client:
            assert client.state == "ready"
            await rig.emit(300)
            sent = rig.sent()
            assert sent[0][1] == "READY"
            assert await take(client, sent[-1][0]) == sent

    run(scenario)


def test_a_client_on_asyncio_s_own_loop() -> None:
    async def main() -> None:
        async with client_rig() as rig, rig.connect() as client:
            await rig.emit(20)
            sent = rig.sent()
            assert await take(client, sent[-1][0]) == sent

    asyncio.run(main(), debug=True)


def test_op_7_and_op_11_are_events_among_the_others() -> None:
    async def scenario(rig: ClientRig) -> None:
        async with rig.connect() as client, asyncio.timeout(WAIT_S):
            assert (await client.next_event()).name == "READY"
            await rig.control.fault(kind="op7")
            expected: list[type] = [Reconnect, Resumed, HeartbeatAck]
            # Of a machine that is busy an answer may come late, and a RESUMED before all of this.
            async for event in client:
                if type(event) is expected[0]:
                    expected.pop(0)
                if not expected:
                    break
            assert client.latency is not None

    run(scenario, heartbeat_interval_ms=200, heartbeat_grace_s=5)


def test_several_tasks_share_the_events() -> None:
    async def scenario(rig: ClientRig) -> None:
        async with rig.connect() as client:
            got: list[tuple[int, int]] = []

            async def worker(number: int) -> None:
                while True:
                    item = await client.next_raw()
                    if item.op == 0:
                        got.append((item.seq, number))
                    await asyncio.sleep(0)

            workers = [asyncio.create_task(worker(number)) for number in range(3)]
            for _ in range(20):
                await rig.emit(5)
            last = rig.sent()[-1][0]
            await rig.until(lambda: len(got) >= last)
            for task in workers:
                task.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            assert [seq for seq, _ in got] == list(range(1, last + 1))
            assert len({number for _, number in got}) == 3

    run(scenario)


def test_who_is_cancelled_while_waiting_takes_no_event_with_him() -> None:
    async def scenario(rig: ClientRig) -> None:
        async with rig.connect() as client:
            await rig.control.traffic(rate=500)
            taken: list[Received] = []
            cancelled = 0
            while len(taken) < 100 or cancelled < 50:
                try:
                    async with asyncio.timeout(0.001):
                        taken.append(await client.next_raw())
                except TimeoutError:
                    cancelled += 1
                try:
                    taken.append(await asyncio.wait_for(client.next_raw(), 0.001))
                except TimeoutError:
                    cancelled += 1
            seqs = [item.seq for item in taken if item.op == 0]
            assert seqs == list(range(1, len(seqs) + 1))

    run(scenario)


# -- connections that are lost -------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "cut", "how": "rst"},
        {"kind": "cut", "how": "mid_frame"},
        {"kind": "op9", "resumable": True},
        {"kind": "close", "code": 4000},
        {"kind": "corrupt"},
    ],
    ids=lambda fault: "-".join(map(str, fault.values())),
)
def test_a_lost_connection_is_followed_by_another_and_nothing_is_missed(
    fault: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shard_worker.protocol.session.invalid_session_wait", lambda _: 0.05)

    async def scenario(rig: ClientRig) -> None:
        async with rig.connect() as client:
            await rig.emit(30)
            await rig.control.fault(**fault)
            await rig.emit(30)
            await rig.until(lambda: bool(rig.sandbox.state.counters["resumed"]))
            await rig.emit(30)
            sent = rig.sent()
            assert await take(client, sent[-1][0]) == sent
            assert "RESUMED" in [name for _, name, _ in sent]

    run(scenario)


def test_what_a_replay_leaves_out_is_told() -> None:
    async def scenario(rig: ClientRig) -> None:
        async with rig.connect(reconnect=False) as client:
            before = rig.sent()
            assert await take(client, before[-1][0]) == before
            await rig.control.fault(kind="cut", how="rst")
            with pytest.raises(ConnectionLostError):
                await client.next_event()
            await rig.emit(10)
            await rig.control.fault(kind="replay_skips", count=3)
            await client.resume()
            seen: list[int] = []
            skipped: list[int] = []
            async for event in client:
                if isinstance(event, Skipped):
                    skipped += range(event.first, event.last + 1)
                elif event.name == "RESUMED":
                    break
                else:
                    seen.append(1)
            assert len(skipped) == 3
            assert len(seen) == 7
            (session,) = rig.sandbox.state.dispatcher.sessions.values()
            assert skipped == session.skipped

    run(scenario)


def test_what_was_not_given_out_is_not_acknowledged() -> None:
    """Discord may forget what is acknowledged: whoever resumed the session would get op 9."""

    async def scenario(rig: ClientRig) -> None:
        await rig.control.fault(kind="trim_on_heartbeat")
        client = await rig.connect()
        await rig.emit(50)
        before = rig.sent()
        assert await take(client, 10) == before[:10]
        (known,) = rig.sandbox.state.dispatcher.sessions.values()
        await rig.until(lambda: known.acknowledged >= 10)
        assert known.acknowledged == 10
        session = await client.graceful_shutdown()
        async with rig.connect(session=session) as client:
            rest = await take(client, before[-1][0], after=10)
            assert before[10:] == rest

    run(scenario, heartbeat_interval_ms=150, heartbeat_grace_s=5)


@pytest.mark.usefixtures("short_window")
def test_a_session_that_can_t_be_resumed_is_followed_by_another_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shard_worker.protocol.session.invalid_session_wait", lambda _: 0.05)

    async def scenario(rig: ClientRig) -> None:
        async with rig.connect() as client:
            await rig.emit(10)
            first = rig.sent()
            request = asyncio.create_task(client.request_guild_members(5, query="a"))
            await rig.until(lambda: any(one["op"] == 8 for one in rig.sandbox.state.commands))
            await rig.control.fault(kind="op9", resumable=False)
            assert await take(client, first[-1][0]) == first
            assert client.session is None or client.session.epoch == 1
            second = await take(client, 1)
            assert [name for _, name, _ in second] == ["READY"]
            session = client.session
            assert session is not None
            assert session.epoch == 2
            with pytest.raises(ClusterError, match="asked for members is lost: ask again"):
                await request

    run(scenario, **SHORT_WINDOW)


def test_without_automatic_reconnect_a_loss_is_an_error_and_resume_goes_on() -> None:
    async def scenario(rig: ClientRig) -> None:
        async with rig.connect(reconnect=False) as client:
            await rig.emit(10)
            before = rig.sent()
            await rig.control.fault(kind="cut", how="rst")
            assert await take(client, before[-1][0]) == before
            errors: list[ConnectionLostError] = []
            for _ in range(2):
                with pytest.raises(ConnectionLostError, match=r"resume\(\)") as raised:
                    await client.next_event()
                errors.append(raised.value)
            assert errors[0] is not errors[1]
            await rig.emit(10)
            await client.resume()
            sent = rig.sent()
            rest = await take(client, sent[-1][0], after=before[-1][0])
            assert before + rest == sent

    run(scenario)


def test_the_way_out_of_a_loss_is_one_that_there_is() -> None:
    async def scenario(rig: ClientRig) -> None:
        async with rig.connect(reconnect=False) as client, asyncio.timeout(WAIT_S):
            await rig.control.fault(kind="close", code=4009)
            with pytest.raises(ConnectionLostError, match=r"the session with it: reconnect\(\)"):
                await take(client, 10**9)
        with pytest.raises(ConnectionLostError, match="connect again"):
            await rig.connect(reconnect=False, gateway_url="wss://localhost:9")

    run(scenario)


@pytest.mark.parametrize("reconnect", [True, False])
def test_resume_by_hand_loses_nothing(reconnect: bool) -> None:
    async def scenario(rig: ClientRig) -> None:
        async with rig.connect(reconnect=reconnect) as client:
            await rig.control.traffic(rate=300)
            for _ in range(3):
                await client.resume()
            await rig.control.quiesce()
            sent = rig.sent()
            assert [name for _, name, _ in sent].count("RESUMED") == 3
            assert await take(client, sent[-1][0]) == sent

    run(scenario)


@pytest.mark.usefixtures("short_window")
def test_reconnect_by_hand_begins_another_session() -> None:
    async def scenario(rig: ClientRig) -> None:
        async with rig.connect() as client:
            await rig.emit(5)
            first = rig.sent()
            assert await take(client, first[-1][0]) == first
            await client.reconnect()
            await rig.emit(5)
            assert [name for _, name, _ in await take(client, 1)] == ["READY"]
            sessions = await rig.control.state()
            assert len(sessions["sessions"]) == 1

    run(scenario, **SHORT_WINDOW)


def test_nothing_to_resume_is_said() -> None:
    async def scenario(rig: ClientRig) -> None:
        async with rig.connect(reconnect=False) as client:
            await rig.control.fault(kind="op9", resumable=False)
            with pytest.raises(ConnectionLostError):
                async for _ in client:
                    pass
            with pytest.raises(ClusterError, match=r"no session to resume.*reconnect\(\)"):
                await client.resume()

    run(scenario)


# -- the end -----------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [4004, 4010, 4014, 4015])
def test_a_fatal_close_is_an_error_after_the_last_event(code: int) -> None:
    async def scenario(rig: ClientRig) -> None:
        async with rig.connect() as client:
            await rig.emit(10)
            before = rig.sent()
            await rig.control.fault(kind="close", code=code)
            await rig.until(lambda: client.state == "fatal")
            assert await take(client, before[-1][0]) == before
            errors: list[ClusterError] = []
            for _ in range(2):
                with pytest.raises(ClusterError, match=f"closed with {code}") as raised:
                    await client.next_event()
                errors.append(raised.value)
            assert errors[0] is not errors[1]
            assert all(error.action for error in errors)
            with pytest.raises(ClusterError, match=str(code)):
                async for _ in client:
                    pass
            if code == 4004:
                assert isinstance(errors[0], TokenRefusedError)
            else:
                assert isinstance(errors[0], GatewayRefusedError)
                assert errors[0].code == code

    run(scenario)


def test_intents_that_the_bot_lacks_are_an_error_of_connect() -> None:
    async def scenario(rig: ClientRig) -> None:
        with pytest.raises(GatewayRefusedError, match="GUILD_PRESENCES") as raised:
            await rig.connect(intents=["guilds", "guild_presences"])
        assert raised.value.code == 4014
        await rig.until(lambda: not rig.sandbox.state.peers)

    run(scenario, privileged_intents=0)


def test_a_bot_s_token_with_a_user_s_arguments_is_said_to_be_that() -> None:
    async def scenario(rig: ClientRig) -> None:
        with pytest.raises(GatewayRefusedError, match=r"4013 .*: the token is a bot's"):
            await rig.connect(capabilities="default", client_build_number=1)

    run(scenario)


def test_a_wrong_token_is_an_error_of_connect() -> None:
    async def scenario(rig: ClientRig) -> None:
        with pytest.raises(TokenRefusedError, match=r"401.*give the current token") as raised:
            await rig.connect(token="wrong.token.here")
        assert "wrong.token.here" not in str(raised.value)
        with pytest.raises(TokenRefusedError, match="4004"):
            await rig.connect(token="wrong.token.here", gateway_url=rig.sandbox.info.gateway_url)

    run(scenario)


def test_no_identifies_left_is_an_error_of_connect() -> None:
    async def scenario(rig: ClientRig) -> None:
        with pytest.raises(BudgetError, match="0 of 1000 are left"):
            await rig.connect()
        assert not rig.sandbox.state.identify_limit.admitted

    run(scenario, session_start_remaining=0)


def test_a_gateway_that_is_not_there_is_an_error_of_connect(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client_session, "UNREACHED_S", 0.1)

    async def scenario(rig: ClientRig) -> None:
        with pytest.raises(ConnectionLostError, match=r"gave no HELLO for \d+ s .*network"):
            await rig.connect(gateway_url="wss://localhost:1")
        with pytest.raises(ConnectionLostError, match="is lost"):
            await rig.connect(gateway_url="wss://localhost:1", reconnect=False)

    run(scenario)


def test_a_stream_that_can_t_be_read_is_told_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway was reached: the network is not what there is to look at."""
    monkeypatch.setattr(client_session, "UNREACHED_S", 0.1)

    def ended(inflater: ZstdStream, payloads: Sequence[bytes]) -> list[bytes]:
        raise InflateError("zstd-stream: the server ended the stream")

    monkeypatch.setattr(ZstdStream, "inflate_each", ended)

    async def scenario(rig: ClientRig) -> None:
        told = r"gave no HELLO for \d+ s .zstd-stream: the server ended .*give another compress="
        with pytest.raises(ConnectionLostError, match=told):
            await rig.connect(compress="zstd-stream")

    run(scenario)


def test_the_end_of_the_block_leaves_the_session_resumable() -> None:
    async def scenario(rig: ClientRig) -> None:
        kept: list[GatewayClient] = []

        async def failing() -> None:
            async with rig.connect() as made:
                kept.append(made)
                await made.next_event()
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await failing()
        client = kept[0]
        await rig.until(lambda: not rig.sandbox.state.peers)
        assert len(rig.sandbox.state.dispatcher.sessions) == 1
        for _ in range(2):
            with pytest.raises(ClientClosedError):
                await client.next_event()
        assert [event async for event in client] == []
        with pytest.raises(ClientClosedError):
            await client.resume()
        with pytest.raises(ClientClosedError):
            await client.update_presence()
        with pytest.raises(ClientClosedError):
            async with client:
                pass

    run(scenario)


def test_what_was_sent_before_the_end_arrives() -> None:
    async def scenario(rig: ClientRig) -> None:
        client = await rig.connect()
        await client.update_presence("idle")
        await client.graceful_shutdown()
        await rig.until(lambda: not rig.sandbox.state.peers)
        assert [one["op"] for one in rig.sandbox.state.commands] == [2, 3]

    run(scenario)


def test_who_waits_for_an_event_is_told_of_the_end() -> None:
    async def scenario(rig: ClientRig) -> None:
        client = await rig.connect()
        await take(client, rig.sent()[-1][0])

        async def read() -> list[str]:
            return [event.name async for event in client if event.name != "HEARTBEAT_ACK"]

        reading = asyncio.create_task(read())
        await asyncio.sleep(0)
        await client.graceful_shutdown()
        assert await asyncio.wait_for(reading, WAIT_S) == []

    run(scenario)


def test_a_logout_ends_the_session_and_what_came_before_can_be_taken() -> None:
    async def scenario(rig: ClientRig) -> None:
        client = await rig.connect()
        await rig.emit(10)
        sent = rig.sent()
        await rig.until(lambda: client.queued >= len(sent))
        assert await client.graceful_shutdown(logout=True) is None
        assert await take(client, sent[-1][0]) == sent
        assert client.session is None
        with pytest.raises(ClientClosedError):
            await client.next_event()
        await rig.until(lambda: not rig.sandbox.state.dispatcher.sessions)

    run(scenario)


def test_a_connect_that_is_cancelled_leaves_nothing() -> None:
    async def scenario(rig: ClientRig) -> None:
        rig.sandbox.state.identify_limit.arrival_delay = lambda: 60.0  # type: ignore[method-assign]
        before = asyncio.all_tasks()
        for delay in (0.0, 0.01, 0.05, 0.1):
            connecting = asyncio.ensure_future(rig.connect())
            await asyncio.sleep(delay)
            connecting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await connecting
        await rig.until(lambda: not rig.sandbox.state.peers)
        await rig.until(lambda: asyncio.all_tasks() <= before)

    run(scenario)


def test_a_client_that_was_forgotten_is_named_and_its_connection_goes() -> None:
    async def scenario(rig: ClientRig) -> None:
        client: GatewayClient | None = await rig.connect()
        assert client is not None
        await client.next_event()
        connection = client._session.shard._connection
        assert connection is not None
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            del client
            gc.collect()
            assert any("was not shut down" in str(one.message) for one in caught)
        await asyncio.sleep(0)
        assert connection.ended.done(), "a loop that ends may have no other turn"
        await rig.until(lambda: not rig.sandbox.state.peers)
        assert rig.sandbox.state.dispatcher.sessions

    run(scenario)


def test_one_that_outlives_its_loop_is_named_too() -> None:
    kept: list[GatewayClient] = []

    async def scenario(rig: ClientRig) -> None:
        kept.append(await rig.connect(reconnect=False))

    run(scenario)
    with pytest.warns(ResourceWarning, match="was not shut down"):
        kept.clear()


# -- a session that is handed on ------------------------------------------------------------------


def test_a_saved_session_goes_on_after_the_last_event_that_was_given_out() -> None:
    """What was received and not taken comes again, what was taken does not."""

    async def scenario(rig: ClientRig) -> None:
        client = await rig.connect()
        assert client.session is None  # its READY would be lost
        await rig.emit(40)
        got = await take(client, 25)
        assert client.queued
        session = await client.graceful_shutdown()
        assert session is not None
        assert session.seq == 25
        assert session.session_id not in repr(session)
        await rig.emit(10)
        for form in (session, msgspec.json.encode(session)):
            async with rig.connect(session=form) as later:
                sent = rig.sent()
                assert got + await take(later, sent[-1][0], after=25) == sent
        assert rig.sandbox.state.identify_limit.admitted == 1

    run(scenario)


def test_a_saved_session_is_resumed_though_the_api_refuses() -> None:
    async def scenario(rig: ClientRig) -> None:
        async with rig.connect() as client:
            await client.next_event()
            session = client.session
        await rig.emit(10)
        await rig.control.fault(kind="rest_429", count=1000, retry_after=3600.0)
        with pytest.raises(RateLimitedError, match="3600 s"):
            await rig.connect()
        asked = rig.sandbox.state.counters["rest_requests"]
        async with rig.connect(session=session) as later:
            sent = rig.sent()
            assert await take(later, sent[-1][0], after=1) == sent[1:]
        assert rig.sandbox.state.counters["rest_requests"] == asked + 1
        assert rig.sandbox.state.identify_limit.admitted == 1

    run(scenario)


@pytest.mark.usefixtures("short_window")
def test_a_saved_session_that_is_gone_is_followed_by_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shard_worker.protocol.session.invalid_session_wait", lambda _: 0.05)

    async def scenario(rig: ClientRig) -> None:
        async with rig.connect() as client:
            await client.next_event()
            session = client.session
            await rig.control.fault(kind="forget")
        async with rig.connect(session=session) as later:
            assert (await later.next_event()).name == "READY"

    run(scenario, **SHORT_WINDOW)


# -- a user account --------------------------------------------------------------------------------

USER: dict[str, Any] = {"capabilities": 53607934, "client_build_number": 369195}


def test_a_user_account_subscribes_and_resumes() -> None:
    async def scenario(rig: ClientRig) -> None:
        token = rig.sandbox.info.user_token
        async with rig.connect(token=token, **USER) as client, asyncio.timeout(WAIT_S):
            ready = await client.next_event()
            assert isinstance(ready, Ready)
            await client.bulk_guild_subscribe([guild.id for guild in ready.guilds])
            await rig.emit(10)
            await client.resume()
            await rig.emit(10)
            sent = rig.sent()
            assert len([name for _, name, _ in sent if name == "MESSAGE_CREATE"]) >= 10
            assert await take(client, sent[-1][0], after=1) == sent[1:]

    run(scenario)


@pytest.mark.usefixtures("short_window")
def test_a_token_that_ready_brings_is_used_from_then_on_and_in_no_event() -> None:
    async def scenario(rig: ClientRig) -> None:
        state = rig.sandbox.state
        user_ready = state.world.user_ready

        def renewing(**given: Any) -> Any:
            state.user_token = "second.token"
            made = user_ready(**given)
            return made._replace(ready=made.ready[:-1] + b',"auth_token":"second.token"}')

        state.world.user_ready = renewing  # type: ignore[method-assign]
        async with rig.connect(token=state.user_token, **USER) as client:
            assert client.token == "second.token"
            ready = await client.next_event()
            assert b"second.token" not in ready.data
            await client.resume()
            await client.reconnect()
            assert client.state == "ready"

    run(scenario, **SHORT_WINDOW)


# -- back-pressure -------------------------------------------------------------------------------


def test_a_reader_that_rests_holds_the_socket_and_keeps_the_session() -> None:
    """Heartbeats go on for many intervals although no answer to them is read."""

    async def scenario(rig: ClientRig) -> None:
        async with rig.connect(queue_events=50) as client:
            await rig.emit(9000)
            await rig.until(lambda: client.queued >= 50)
            (peer,) = rig.sandbox.state.peers.values()
            before = peer.heartbeats
            await rig.until(lambda: peer.heartbeats >= before + 8)
            assert client.queued <= 50 + SLICE_MESSAGES
            assert client.state == "ready"
            sent = rig.sent()
            assert await take(client, sent[-1][0]) == sent
            assert len(rig.sandbox.state.dispatcher.sessions) == 1
            assert not rig.sandbox.state.counters["resumed"]

    run(scenario, heartbeat_interval_ms=100, heartbeat_grace_s=10)


def test_another_connection_gets_ready_though_the_queue_is_full() -> None:
    """A connection is held only where events come: taking one meanwhile does not hold it before
    HELLO."""

    async def scenario(rig: ClientRig) -> None:
        async with rig.connect(queue_events=5) as client, asyncio.timeout(WAIT_S):
            await rig.emit(100)
            await rig.until(lambda: client.queued > 20)
            resuming = asyncio.create_task(client.resume())
            rows = []
            for _ in range(10):
                await asyncio.sleep(0)
                rows.append(row(await client.next_raw()))
            await resuming
            assert client.queued > 5
            sent = rig.sent()
            assert rows + await take(client, sent[-1][0], after=10) == sent

    run(scenario)


def test_a_reader_that_rests_can_shut_down_and_go_on_later() -> None:
    async def scenario(rig: ClientRig) -> None:
        client = await rig.connect(queue_events=1)
        await rig.emit(3000)
        got = await take(client, 10)
        session = await client.graceful_shutdown()
        async with rig.connect(session=session) as later:
            sent = rig.sent()
            assert got + await take(later, sent[-1][0], after=10) == sent

    run(scenario)


# -- identifies ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("short_window")
def test_clients_of_one_account_identify_one_after_the_other() -> None:
    async def scenario(rig: ClientRig) -> None:
        clients = await asyncio.gather(
            *(rig.connect(shard=(number, 3)) for number in range(3)),
        )
        for client in clients:
            await client.graceful_shutdown()
        assert (
            rig.sandbox.state.identify_limit.admitted,
            rig.sandbox.state.identify_limit.early,
        ) == (3, 0)

    run(scenario, shards=3, guilds=6, **SHORT_WINDOW)


# -- what is used where it can't be ------------------------------------------------------------


def test_another_event_loop_and_a_second_entry_are_refused() -> None:
    async def scenario(rig: ClientRig) -> None:
        connecting = rig.connect()
        async with connecting as client:

            def elsewhere() -> None:
                for use in (
                    client.update_presence, client.resume, client.reconnect,
                    client.graceful_shutdown,
                ):  # fmt: skip
                    with pytest.raises(ClusterError, match="began on another event loop"):
                        asyncio.run(asyncio.wait_for(use(), WAIT_S))

            await asyncio.get_running_loop().run_in_executor(None, elsewhere)
            assert (await client.next_event()).name == "READY"
            with pytest.raises(ClusterError, match="entered before"):
                await connecting.__aenter__()
            with pytest.raises(ClusterError, match="entered before"):
                await rig.sandbox.__aenter__()
            await rig.emit(1)

    run(scenario)
