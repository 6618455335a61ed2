"""The control server: HTTP and JSON on loopback, with a token of its own.

It is not part of Discord; tests and people steer the sandbox by it. ``SandboxControl`` is its
client, docs/sandbox.md its reference. Refusals are 400 with ``{"error": ...}`` naming the field.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from aiohttp import web

from cluster.decode_errors import MALFORMED
from cluster.sandbox.faults.faults import FaultError
from cluster.sandbox.http.state_description import describe_state
from cluster.sandbox.sessions.peer import Stage
from cluster.sandbox.state import State

MAX_ROWS: Final = 50_000
"""Most rows of one page of a ledger."""
MAX_EMITS: Final = 100_000
_EMIT_CHUNK: Final = 500
_encode = msgspec.json.Encoder().encode


class _BadRequest(Exception):
    pass


def _answer(data: Any, status: int = 200) -> web.Response:
    return web.Response(body=_encode(data), status=status, content_type="application/json")


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = msgspec.json.decode(await request.read() or b"{}")
    except MALFORMED as error:
        raise _BadRequest(f"body: {error}") from error
    if not isinstance(body, dict):
        raise _BadRequest("body: an object")
    return body


def _number(name: str, given: str | None, default: int, most: int = 1 << 62) -> int:
    if given is None:
        return default
    if not given.isdecimal() or int(given) > most:
        raise _BadRequest(f"{name}: a whole number from 0 to {most}")
    return int(given)


class SandboxControlServer:
    """Answers control requests on one sandbox."""

    def __init__(self, state: State, token: str) -> None:
        self._state = state
        self._token = token

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._middleware], client_max_size=4 * 1024 * 1024)
        app.add_routes(
            [
                web.get("/state", self._get_state),
                web.post("/traffic", self._traffic),
                web.post("/emit", self._emit),
                web.post("/access", self._access),
                web.post("/faults", self._fault),
                web.get("/faults", self._faults),
                web.delete("/faults", self._clear_faults),
                web.get("/ledger", self._summary),
                web.get("/ledger/world", self._world),
                web.get("/ledger/dispatches", self._dispatches),
                web.post("/quiesce", self._quiesce),
                web.get("/sessions", self._sessions),
                web.get("/commands", self._commands),
                web.get("/token", self._get_token),
            ]
        )
        return app

    @web.middleware
    async def _middleware(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not secrets.compare_digest(given.encode(), self._token.encode()):
            return _answer({"error": "Authorization: Bearer with the control token"}, 401)
        try:
            return await handler(request)
        except (_BadRequest, FaultError) as error:
            return _answer({"error": str(error)}, 400)

    async def _get_state(self, request: web.Request) -> web.Response:
        return _answer(describe_state(self._state))

    async def _get_token(self, request: web.Request) -> web.Response:
        return _answer({"token": self._state.token})

    async def _traffic(self, request: web.Request) -> web.Response:
        body = await _body(request)
        if unknown := body.keys() - {"rate", "mix"}:
            raise _BadRequest(f"{min(unknown)}: no such field")
        mix, rate = body.get("mix"), body.get("rate")
        if rate is not None and (type(rate) not in (int, float) or not 0 <= rate <= 1e6):
            raise _BadRequest("rate: events a second, from 0 to 1000000")
        if rate and not self._state.options.guilds:
            raise _BadRequest("rate: nothing happens in a world without guilds")
        if mix is not None:
            try:
                self._state.world.set_mix(msgspec.convert(mix, dict[str, float]))
            except msgspec.ValidationError as error:
                raise _BadRequest(f"mix: {error}") from error
            except ValueError as error:
                raise _BadRequest(str(error)) from error
        if rate is not None:
            self._state.ticker.set_rate(float(rate))
        return _answer({"rate": self._state.ticker.rate})

    async def _emit(self, request: web.Request) -> web.Response:
        body = await _body(request)
        if unknown := body.keys() - {"name", "guild_id", "count", "shard", "direct"}:
            raise _BadRequest(f"{min(unknown)}: no such field")
        name, count = body.get("name"), body.get("count", 1)
        if not isinstance(name, str):
            raise _BadRequest("name: a dispatch event's name")
        if type(count) is not int or not 1 <= count <= MAX_EMITS:
            raise _BadRequest(f"count: from 1 to {MAX_EMITS}")
        targets = self._targets(body)
        made: Counter[str] = Counter()
        for number in range(count):
            guild_id = targets[number % len(targets)] if targets else None
            try:
                if body.get("direct") is True:
                    events = self._state.world.emit_direct(name)
                else:
                    events = self._state.world.emit(name, guild_id=guild_id)
            except KeyError as error:
                raise _BadRequest(f"name, guild_id: there is no {error}") from error
            for event in events:
                self._state.dispatcher.publish((event,))
                made[event.name] += 1
            if number % _EMIT_CHUNK == _EMIT_CHUNK - 1:
                self._state.ticker.flush()
                await asyncio.sleep(0)
        self._state.ticker.flush()
        return _answer({"events": made})

    async def _access(self, request: web.Request) -> web.Response:
        made: Counter[str] = Counter()
        try:
            events = self._state.world.change_access(await _body(request))
        except KeyError as error:
            raise _BadRequest(f"guild_id, role_id, channel_id: there is no {error}") from error
        except ValueError as error:
            raise _BadRequest(str(error)) from error
        for event in events:
            self._state.dispatcher.publish((event,))
            made[event.name] += 1
        self._state.ticker.flush()
        return _answer({"events": made})

    def _targets(self, body: dict[str, Any]) -> list[int]:
        """Guilds that the event has to happen in, one after the other; empty: any."""
        guild_id, shard = body.get("guild_id"), body.get("shard")
        if guild_id is not None:
            if not str(guild_id).isdecimal():
                raise _BadRequest("guild_id: a snowflake")
            return [int(guild_id)]
        if shard is None:
            return []
        match shard:
            case int() if type(shard) is int:
                shard_id, count = shard, self._newest_shard_count()
            case [int() as shard_id, int() as count]:
                pass
            case _:
                raise _BadRequest("shard: a shard id, or [shard id, shard count]")
        if not 0 <= shard_id < count:
            raise _BadRequest(f"shard: 0 to {count - 1}")
        if not (ids := self._state.world.guild_ids(shard_id, count)):
            raise _BadRequest(f"shard: no guild is on shard {shard_id} of {count}")
        return ids

    def _newest_shard_count(self) -> int:
        sessions = list(self._state.dispatcher.sessions.values())
        return sessions[-1].shard_count if sessions else self._state.options.shards

    async def _fault(self, request: web.Request) -> web.Response:
        return _answer(self._state.faults.apply(await _body(request)))

    async def _faults(self, request: web.Request) -> web.Response:
        return _answer({"applied": list(self._state.faults.applied)})

    async def _clear_faults(self, request: web.Request) -> web.Response:
        self._state.faults.clear_all()
        return _answer({})

    async def _summary(self, request: web.Request) -> web.Response:
        return _answer(self._state.ledger.summary())

    async def _world(self, request: web.Request) -> web.Response:
        query = request.query
        after = _number("after", query.get("after"), 0)
        limit = _number("limit", query.get("limit"), 10_000, MAX_ROWS)
        return _answer({"rows": self._state.ledger.world(after, limit)})

    async def _dispatches(self, request: web.Request) -> web.Response:
        query = request.query
        shard = query.get("shard")
        rows = self._state.ledger.dispatches(
            _number("after", query.get("after"), 0),
            _number("limit", query.get("limit"), 10_000, MAX_ROWS),
            shard=None if shard is None else _number("shard", shard, 0),
            session=query.get("session"),
        )
        return _answer({"rows": rows})

    async def _sessions(self, request: web.Request) -> web.Response:
        after = _number("after", request.query.get("after"), 0)
        return _answer({"sessions": self._state.dispatcher.session_log.rows(after)})

    async def _commands(self, request: web.Request) -> web.Response:
        return _answer({"commands": list(self._state.commands)})

    async def _quiesce(self, request: web.Request) -> web.Response:
        """Stop the traffic; answer once everything dispatched has left, or after 30 s, 504."""
        state = self._state
        state.ticker.set_rate(0.0)
        deadline = state.now() + 30.0
        while not (state.ticker.idle and _all_sent(state)):
            if state.now() > deadline:
                return _answer({"error": "a client does not read what it is sent"}, 504)
            await asyncio.sleep(0.005)
        counts = state.ledger.summary()
        counts["last"] = {s.id: s.seq for s in state.dispatcher.sessions.values()}
        return _answer(counts)


def _all_sent(state: State) -> bool:
    return all(
        peer.connection.waiting == 0
        for peer in state.peers.values()
        if peer.stage is not Stage.CLOSED and not peer.connection.half_open
    )
