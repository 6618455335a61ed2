"""A client that only reconnects and resumes gets everything through a storm of faults."""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from typing import Any

import aiohttp
import pytest

from cluster.sandbox.faults.schedule import Schedule
from cluster.sandbox.sessions.session import Session
from tests.cluster.sandbox.gateway_probe import Bench, Closed, Probe, bench, eventually

BROKEN = (Closed, zlib.error, ValueError, aiohttp.ClientError, ConnectionError, TimeoutError)
SILENCE_S = 0.4
BEYOND_RESUME = ("replay_skips", "resumed_seq")
"""What this client can't mend: events that a replay leaves out, an s that stands twice."""
Row = tuple[int, str, str]


class Stubborn:
    """One shard's rows, by session, over as many connections as it takes."""

    def __init__(self, b: Bench, shard: int, shards: int) -> None:
        self._bench = b
        self._shard = [shard, shards]
        self._session: Probe | None = None
        self.rows: dict[str, list[Row]] = {}
        self.failures = 0
        self.stopped = False

    async def run(self) -> None:
        # Not for ever: a cancellation that meets wait_for at its end is lost (Python 3.11).
        while not self.stopped:
            probe: Probe | None = None
            try:
                probe = await self._connect()
                await self._read(probe)
            except BROKEN:
                self.failures += 1
            finally:
                if probe is not None:
                    # Not a goodbye: with 1000 the session would be over.
                    with contextlib.suppress(*BROKEN):
                        await asyncio.wait_for(probe.websocket.close(code=4000), 0.2)
            await asyncio.sleep(0.01)

    async def _connect(self) -> Probe:
        old = self._session
        url = old.resume_url if old is not None and self.failures % 2 else ""
        probe = await asyncio.wait_for(self._bench.connect(url, compress="zlib-stream"), 1.0)
        await asyncio.wait_for(probe.until(10), SILENCE_S)
        if old is None:
            await probe.send(2, self._bench.identify(shard=self._shard))
        else:
            probe.session_id, probe.resume_url, probe.seq = old.session_id, old.resume_url, old.seq
            asked = {"token": self._bench.token, "session_id": old.session_id, "seq": old.seq}
            await probe.send(6, asked)
        return probe

    async def _read(self, probe: Probe) -> None:
        while True:
            payload: dict[str, Any] = await asyncio.wait_for(probe.receive(), SILENCE_S)
            if payload["op"] == 0:
                self.rows.setdefault(probe.session_id, []).append(probe.rows[-1])
                self._session = probe
            elif payload["op"] == 1:
                await probe.send(1, probe.seq)
            elif payload["op"] == 7:
                return
            elif payload["op"] == 9:
                if payload["d"] is False:
                    self._session = None
                return

    def has_all(self, sessions: dict[str, Session]) -> bool:
        """Whether it is connected to a session that lives, and has read all of it."""
        probe = self._session
        session = sessions.get(probe.session_id) if probe is not None else None
        return probe is not None and session is not None and session.seq == probe.seq


async def more_traffic(b: Bench, events: int) -> None:
    traffic = b.sandbox.state.ticker
    wanted = traffic.generated + events
    await eventually(lambda: traffic.generated >= wanted)


@pytest.mark.parametrize("seed", [1, 2])
def test_every_dispatch_arrives_once_and_in_order(seed: int) -> None:
    async def scenario() -> None:
        async with bench(rate=400) as b:
            clients = [Stubborn(b, shard, 2) for shard in range(2)]
            tasks = [asyncio.ensure_future(client.run()) for client in clients]
            for count, (_, fault) in enumerate(Schedule(seed)):
                if fault["kind"] in BEYOND_RESUME:
                    continue
                for limited in ("seconds", "retry_after"):
                    if limited in fault:
                        fault[limited] = min(fault[limited], 0.2)
                await b.control.fault(**fault)
                await more_traffic(b, 20)
                if count >= 60:
                    break
            await b.control.clear_faults()
            await b.control.traffic(rate=0)
            sessions = b.sandbox.state.dispatcher.sessions
            await eventually(lambda: all(client.has_all(sessions) for client in clients))
            for client, task in zip(clients, tasks, strict=True):
                client.stopped = True
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            ledger: dict[str, list[Row]] = {}
            async for row in b.control.all_dispatches():
                if "replayed" not in row:
                    ledger.setdefault(row["session"], []).append(
                        (row["s"], row["name"], row["hash"])
                    )
            for client in clients:
                assert client.failures > 5
                for session, rows in client.rows.items():
                    # A session that op 9 ended may have had more than its client could read.
                    assert rows == ledger[session][: len(rows)]

    asyncio.run(scenario())
