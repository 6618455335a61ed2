"""Gateway connections: the upgrade, HELLO, the receive loop, heartbeat deadlines."""

from __future__ import annotations

import asyncio
import itertools
import logging
from functools import partial
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from cluster.decode_errors import MALFORMED
from cluster.discord.limits import MAX_SENT_BYTES
from cluster.gateway_server.compression import encoder_for
from cluster.sandbox.gateway import commands
from cluster.sandbox.gateway.latency import Line
from cluster.sandbox.gateway.trace import TRACE
from cluster.sandbox.sessions import session_log
from cluster.sandbox.sessions.connection import Connection
from cluster.sandbox.sessions.message_deflate import message_deflate
from cluster.sandbox.sessions.peer import Peer, Stage
from cluster.sandbox.state import State

log = logging.getLogger(__name__)

ON_RESUME_HOST = web.AppKey("on_resume_host", bool)
"""Set in the application of the resume host."""

_GONE_LOOK_S = 0.1
_GRACE_S = 1.0
_MAX_MESSAGE = 1024 * 1024
"""Most bytes that are read at all; over Discord's 4096 bytes a message is answered with 4002."""


class GatewayServer:
    """Accepts gateway connections on both hosts."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._numbers = itertools.count(1)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection to its end: GET / or /gateway on the main or the resume host."""
        state = self._state
        on_resume_host = bool(request.app.get(ON_RESUME_HOST, False))
        if on_resume_host and (refusal := state.faults.resume_host_answer()) is not None:
            return refusal
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return web.Response(status=400, text="This is a gateway: upgrade to WebSocket.")
        websocket = web.WebSocketResponse(
            autoping=False,
            autoclose=False,
            timeout=0.2,
            compress=state.faults.permessage_deflate,
            max_msg_size=_MAX_MESSAGE,
        )
        await websocket.prepare(request)
        peer = self._peer(request, websocket)
        state.peers[peer.number] = peer
        state.counters["connections"] += 1
        line = Line(
            state.options.latency_ms / 1000, lambda heard: state.failures.guard("answers", heard)
        )
        try:
            if on_resume_host and state.faults.resume_host_is_silent():
                peer.connection.half_open = True
            else:
                line.send(lambda: self._greet(peer, request.query))
            await self._receive(peer, websocket, line)
        finally:
            line.hear_all()
            del state.peers[peer.number]
            commands.disconnected(state, peer)
        return websocket

    def _peer(self, request: web.Request, websocket: web.WebSocketResponse) -> Peer:
        transport = request.transport
        assert transport is not None  # prepare() fails without one
        connection = Connection(
            transport,
            encoder_for(request.query.get("compress")),
            on_dirty=self._state.ticker.mark_dirty,
            message_deflate=message_deflate(websocket.headers.get("Sec-WebSocket-Extensions", "")),
        )
        return Peer(next(self._numbers), connection, now=self._state.now())

    def _greet(self, peer: Peer, query: Any) -> None:
        if peer.stage is Stage.CLOSED or peer.connection.closing:
            return
        version = query.get("v", "9")
        if version not in ("9", "10"):
            peer.close(4012, "Invalid API version: this gateway speaks 9 and 10.")
            return
        if query.get("encoding", "json") != "json":
            peer.close(4002, "This gateway speaks encoding=json only.")
            return
        peer.version = int(version)
        options = self._state.options
        interval_ms = self._state.faults.heartbeat_interval_ms or options.heartbeat_interval_ms
        peer.interval_s = interval_ms / 1000
        peer.grace_s = options.heartbeat_grace_s or max(_GRACE_S, peer.interval_s / 2)
        peer.send(10, {"heartbeat_interval": interval_ms, "_trace": TRACE})

    async def _receive(self, peer: Peer, websocket: web.WebSocketResponse, line: Line) -> None:
        """Read until the socket is gone; a half-open connection is only waited for."""
        while True:
            await line.room()
            message = await websocket.receive()
            if peer.connection.half_open:
                if message.type in (WSMsgType.CLOSED, WSMsgType.ERROR) or peer.connection.closing:
                    return
                if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING):
                    # From now on receive() returns at once: without a wait nothing else would run.
                    await asyncio.sleep(_GONE_LOOK_S)
                continue
            if message.type is WSMsgType.TEXT:
                line.send(partial(self._message, peer, message.data.encode()))
            elif message.type is WSMsgType.BINARY:
                line.send(partial(self._message, peer, message.data))
            elif message.type is WSMsgType.PING:
                line.send(partial(peer.connection.pong, message.data))
            elif message.type is WSMsgType.CLOSE:
                if peer.connection.close_code is None:
                    # Else it only answers our own close, some clients with 1000. The socket may
                    # be gone already: a client need not wait for the answer.
                    peer.client_code = message.data or None
                peer.connection.close(message.data or None)
                peer.connection.finish()
                return
            elif message.type is not WSMsgType.PONG:
                return

    def _message(self, peer: Peer, data: bytes) -> None:
        state = self._state
        if peer.stage is Stage.CLOSED or peer.connection.half_open:
            return
        if not peer.send_limit.allows(state.now()):
            state.counters["rate_limited"] += 1
            peer.close(4008, "Rate limited.")
            return
        if len(data) > MAX_SENT_BYTES:
            peer.close(4002, "Error while decoding payload: over 4096 bytes.")
            return
        try:
            payload = msgspec.json.decode(data)
        except MALFORMED:
            peer.close(4002, "Error while decoding payload.")
            return
        if not isinstance(payload, dict) or type(payload.get("op")) is not int:
            peer.close(4002, "Error while decoding payload.")
            return
        commands.received(state, peer, payload["op"], payload.get("d"))

    def check_deadlines(self) -> None:
        """Close, with 4009, every connection whose heartbeat has not come in time."""
        now = self._state.now()
        for peer in list(self._state.peers.values()):
            if peer.connection.half_open and peer.connection.left_by_client():
                peer.connection.abort()
                continue
            if not peer.overdue(now):
                continue
            if peer.connection.half_open:
                # The gateway gives the client up, too; the socket, as the fault has it, stays.
                if peer.session is not None:
                    self._state.dispatcher.detach(peer.session)
                    peer.session = None
            else:
                self._state.counters["heartbeats_missed"] += 1
                if peer.session is not None:
                    self._state.dispatcher.end(peer.session, session_log.HEARTBEATS_MISSED)
                    peer.session = None
                peer.close(4009, "Session timed out.")
