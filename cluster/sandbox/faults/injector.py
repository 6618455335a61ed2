"""Faults at work: a parsed fault meets the connections, the listeners and the sessions."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from cluster.discord.close_codes import Then, after_close
from cluster.discord.opcodes import Op
from cluster.sandbox.faults.faults import ON_CONNECTIONS, FaultError, Switches, parse
from cluster.sandbox.sessions import session_log
from cluster.sandbox.sessions.dispatcher import Dispatcher
from cluster.sandbox.sessions.peer import Peer, Stage, encode

_LOG_KEPT = 10_000
_OP1 = b'{"t":null,"s":null,"op":1,"d":null}'


class FaultInjector(Switches):
    """All faults of one sandbox. ``applied`` lists them with the moment and whom they met.

    rng: used by nothing else, since whom a fault meets must not depend on how often others drew.
    dispatcher: whose sessions faults end, detach or let lag. peers: every open connection, by its
    number. counters: each fault is counted here under its kind.
    refuse: closes the listeners of "main" or "resume" for so many seconds.
    """

    def __init__(
        self,
        rng: random.Random,
        *,
        dispatcher: Dispatcher,
        peers: Mapping[int, Peer],
        counters: Counter[str],
    ) -> None:
        super().__init__(rng)
        self._dispatcher = dispatcher
        self._peers = peers
        self._counters = counters
        self.refuse: Callable[[str, float], None] | None = None
        self.schedule: asyncio.Task[None] | None = None
        self.applied: deque[dict[str, Any]] = deque(maxlen=_LOG_KEPT)

    def apply(self, spec: Any) -> dict[str, Any]:
        """Check a fault and let it happen now; return what was done. Raises FaultError."""
        fault = parse(spec)
        done = fault | {"at": time.time()}
        if fault["kind"] in ON_CONNECTIONS:
            peers = self._chosen(fault["shard"])
            for peer in peers:
                self._meet(peer, fault)
            sessions = [peer.session for peer in peers if peer.session is not None]
            done["met"] = [
                {"shard": s.shard, "shard_count": s.shard_count, "session": s.id} for s in sessions
            ] or len(peers)
        elif fault["kind"] == "lag":
            self._dispatcher.set_lag(fault["max_s"], fault["min_s"], later=fault["later"])
        elif fault["kind"] == "refuse_connections":
            self._refuse("main", fault["seconds"])
            self._refuse("resume", fault["seconds"])
        elif fault["kind"] == "resume_host" and fault["mode"] == "refuse":
            self._refuse("resume", fault["seconds"])
        else:
            self.set(fault)
        self._counters[f"fault_{fault['kind']}"] += 1
        self.applied.append(done)
        return done

    def apply_at_start(self, specs: list[dict[str, Any]]) -> None:
        """Set faults that wait for whoever comes. Raises FaultError."""
        for spec in specs:
            kind = parse(spec)["kind"]
            if kind in ON_CONNECTIONS:
                raise FaultError(
                    f"kind: `{kind}` meets connections, and at the start there is none"
                )
            self.apply(spec)

    def clear_all(self) -> None:
        """End everything that lasts, the schedule too; cut and half-open connections stay so."""
        self.turn_off()
        if self.schedule is not None:
            self.schedule.cancel()
        self._refuse("main", 0.0)
        self._refuse("resume", 0.0)
        self._dispatcher.set_lag(0.0)
        for peer in self._peers.values():
            peer.connection.muted = False
            peer.connection.stall(0.0)
            peer.connection.slow(0.0)
            peer.connection.mangle_next("")

    def _refuse(self, which: str, seconds: float) -> None:
        if self.refuse is not None:
            self.refuse(which, seconds)

    def _chosen(self, shard: int | str) -> list[Peer]:
        """Connections with a session of that shard; "all" takes those without one too."""
        peers = [p for p in self._peers.values() if p.stage is not Stage.CLOSED]
        if shard == "all":
            return peers
        attached = [p for p in peers if p.session is not None]
        if shard == "random":
            return [self._rng.choice(attached)] if attached else []
        return [p for p in attached if p.session is not None and p.session.shard == shard]

    def _meet(self, peer: Peer, fault: dict[str, Any]) -> None:
        connection = peer.connection
        match fault["kind"]:
            case "cut" if fault["how"] == "mid_frame":
                connection.cut_mid_frame(_OP1)
            case "cut" if fault["how"] == "fin":
                connection.flush()
                connection.finish()
            case "cut":
                connection.reset()
            case "half_open":
                connection.go_half_open()
            case "mute_heartbeats":
                connection.muted = fault["on"]
            case "op1":
                for _ in range(fault["count"]):
                    connection.send(_OP1)
                connection.flush()
            case "op7":
                peer.send(Op.RECONNECT, None)
            case "op9":
                self._invalidate(peer, fault["resumable"])
            case "forget":
                self._forget(peer)
            case "close":
                self._close(peer, fault["code"])
            case "corrupt" | "truncate":
                connection.mangle_next(fault["kind"])
            case "slow":
                connection.slow(fault["bytes_per_s"])
                asyncio.get_running_loop().call_later(fault["seconds"], connection.slow, 0.0)
            case "stall":
                connection.stall(fault["seconds"])

    def _close(self, peer: Peer, code: int) -> None:
        """Close; a code that says "start a new session" ends this one: no RESUME finds it."""
        session = peer.session
        if session is not None and after_close(code) is not Then.RESUME:
            peer.session = None
            self._dispatcher.end(session, session_log.CLOSED)
        peer.close(code, "Asked for by a fault.")

    def _forget(self, peer: Peer) -> None:
        """End the session without a word to the client, who finds out by its RESUME."""
        if peer.session is not None:
            session, peer.session = peer.session, None
            self._dispatcher.end(session, session_log.FORGOTTEN)
        peer.connection.reset()

    def _invalidate(self, peer: Peer, resumable: bool) -> None:
        """Send op 9. With d false the session is over; the connection may IDENTIFY again."""
        session = peer.session
        if session is not None:
            peer.session = None
            if resumable:
                self._dispatcher.detach(session)
            else:
                self._dispatcher.end(session, session_log.OP_9)
        peer.stage = Stage.GREETED
        peer.send(Op.INVALID_SESSION, resumable)

    # What the servers ask

    def rest_answer(self) -> web.Response | None:
        """A 429 or 5xx in place of an answer; None: no fault is set."""
        if self.take("rest_5xx"):
            return web.Response(status=self.rest_5xx_status, text="upstream connect error")
        if not self.take("rest_429"):
            return None
        after = self.rest_429_retry_after
        headers = {
            "Retry-After": f"{max(1, round(after)) if after else 0}",
            "X-RateLimit-Scope": "global" if self.rest_429_global else "user",
            "Via": "1.1 google",
        }
        if self.rest_429_global:
            headers["X-RateLimit-Global"] = "true"
        else:
            headers |= {
                "X-RateLimit-Limit": "1",
                "X-RateLimit-Remaining": "0",
                "X-RateLimit-Reset": f"{time.time() + after:.3f}",
                "X-RateLimit-Reset-After": f"{after:.3f}",
                "X-RateLimit-Bucket": "d9c8f3a1b2c3d4e5f60718293a4b5c6d",
            }
        body = {
            "message": "You are being rate limited.",
            "retry_after": after,
            "global": self.rest_429_global,
        }
        return web.Response(
            status=429, body=encode(body), content_type="application/json", headers=headers
        )

    def resume_host_answer(self) -> web.Response | None:
        return web.Response(status=503) if self.take("resume_503") else None

    def resume_host_is_silent(self) -> bool:
        return self.take("resume_silent")
