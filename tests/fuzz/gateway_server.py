"""The proxy's server under a fuzzer: connections without a socket."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Final

from cluster.proxy.server import peer, server
from cluster.proxy.server.connection import Connection
from cluster.proxy.server.server import ProxyServer
from tests.cluster.proxy.server.played_transport import PlayedTransport
from tests.cluster.proxy.server.rig import (
    FACTS,
    HANDSHAKE,
    TOKEN,
    PlayedClock,
    PlayedCommands,
    PlayedSessions,
    credentials,
    identify_payload,
)

TURNS: Final = 4
"""Turns of the loop in which a session begins, and more."""
CUT: Final = b"\x7f\x80"


def masked(opcode: int, data: bytes, *, fin: bool = True) -> bytes:
    """Make a client's frame, masked with zeros."""
    size = bytes((0x80 | len(data),)) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2, "big")
    return bytes((opcode | fin << 7,)) + size + bytes(4) + data


def said(*payloads: object) -> bytes:
    """Make the frames of payloads."""
    return b"".join(masked(1, json.dumps(payload).encode()) for payload in payloads)


_SHAKEN: Final = HANDSHAKE % b"&compress=zlib-stream"
_RESUME: Final = {"op": 6, "d": {"token": TOKEN, "session_id": "s1", "seq": 1}}
_COMMAND: Final = {"op": 8, "d": {"guild_id": "1", "query": "", "limit": 0}}
GATEWAY_SEEDS: Final = [
    b"GET /api/v10/gateway/bot HTTP/1.1\r\nHost: a\r\nAuthorization: Bot x\r\n\r\nGET / HTTP/1.1",
    b"POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc",
    _SHAKEN + said({"op": 1, "d": None}, identify_payload(shard=[0, 2]), {"op": 1, "d": 1}),
    CUT.join([_SHAKEN, said(identify_payload(compress=True)), said(_COMMAND)])
    + masked(8, b"\3\xe8"),
    CUT.join([_SHAKEN, said(_RESUME), said(_RESUME)]),
    _SHAKEN + masked(1, b'{"op":', fin=False) + masked(9, b"x") + masked(0, b"2}"),
]


class GatewayServer:
    """One server, for all inputs, on a loop that turns while an input is looked at."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        for module in (peer, server):
            module.log.setLevel(logging.CRITICAL)  # each refusal would be told

    def meet(self, data: bytes) -> None:
        """Let a client send this, in pieces, and go: whatever it is, nothing is raised, and nothing
        of it is left."""
        self._loop.run_until_complete(self._meet(data))

    async def _meet(self, data: bytes) -> None:
        sessions, commands = PlayedSessions(), PlayedCommands()
        served = ProxyServer(
            sessions, commands, credentials(), cluster=lambda: FACTS, clock=PlayedClock()
        )
        transport = PlayedTransport()
        connection = Connection(served)
        connection.connection_made(transport)
        for piece in data.split(CUT):
            if not transport.ended:
                connection.data_received(piece)
            for _ in range(TURNS):
                await asyncio.sleep(0)
        if not transport.ended:
            connection.eof_received()
        connection.connection_lost(None)
        for _ in range(TURNS):
            await asyncio.sleep(0)
        counts = served.counts()
        assert counts.connections == 0
        assert all(session.ended in ([False], [True]) for session in sessions.begun)
        names = [told[0] for told in commands.told]
        assert names.count("identified") + names.count("resumed") == names.count("detached")
