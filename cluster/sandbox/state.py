"""What the parts of a sandbox share: its options, addresses, token, limits, counters."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import random
import secrets
import time
from collections import Counter, deque
from typing import Any

from cluster.sandbox.failures import Failures
from cluster.sandbox.faults.injector import FaultInjector
from cluster.sandbox.ledger import Ledger
from cluster.sandbox.options import SandboxOptions
from cluster.sandbox.sessions.dispatcher import Dispatcher
from cluster.sandbox.sessions.identify_limit import IdentifyLimit
from cluster.sandbox.sessions.peer import Peer
from cluster.sandbox.ticker import Ticker
from cluster.sandbox.world import World

_COMMANDS_KEPT = 10_000
USER_STARTS = 1_000_000_000
"""More session starts than anybody makes."""


class State:
    """One running sandbox's state; the servers around it hold none of their own."""

    def __init__(self, options: SandboxOptions, world: World) -> None:
        loop = asyncio.get_running_loop()
        self.options = options
        self.world = world
        self.now = loop.time
        self.rng = random.Random(options.seed)
        self.token = options.token or token_for(world.application_id, self.rng)
        user_rng = random.Random(f"{options.seed}/user token")
        self.user_token = options.user_token or token_for(world.own_account["id"], user_rng)
        self.refused_tokens: set[str] = set()
        self.ledger = Ledger(options.ledger_rows)
        self.identify_limit = self._identify_limit(
            options.max_concurrency,
            options.session_start_total,
            options.session_start_remaining,
        )
        self.user_identify_limit = self._identify_limit(1, USER_STARTS, USER_STARTS)
        """The user account's limit: one identify at a time, and no daily budget."""
        self.dispatcher = Dispatcher(
            world,
            self.ledger,
            replay_events=options.replay_events,
            expiry_s=options.session_expiry_s,
            now=self.now,
            wall=time.time,
            rng=self.rng,
            wake=lambda: self.ticker.wake(),
        )
        self.failures = Failures()
        self.ticker = Ticker(world, self.dispatcher, options.rate, self.failures)
        self.gateway_url = ""
        self.resume_url = ""
        self.peers: dict[int, Peer] = {}
        self.commands: deque[dict[str, Any]] = deque(maxlen=_COMMANDS_KEPT)
        self.counters: Counter[str] = Counter()
        self.closes: Counter[int] = Counter()
        """Ended connections by close code, whoever sent it; 1005: none in the frame, 1006: cut."""
        self.faults = FaultInjector(
            random.Random(f"{options.seed}/{options.fault_seed}"),
            dispatcher=self.dispatcher,
            peers=self.peers,
            counters=self.counters,
        )

    def _identify_limit(self, max_concurrency: int, total: int, remaining: int) -> IdentifyLimit:
        return IdentifyLimit(
            max_concurrency=max_concurrency,
            window_s=self.options.identify_window_s,
            jitter_s=self.options.identify_jitter_s,
            total=total,
            remaining=remaining,
            reset_s=self.options.session_start_reset_s,
            now=self.now,
            rng=self.rng,
        )

    def reset_token(self) -> None:
        """Give the bot another token from now on; the old one is refused everywhere."""
        self.refused_tokens.add(self.token)
        self.token = token_for(self.world.application_id, self.rng)
        self.counters["token_resets"] += 1

    def log_command(self, peer: Peer, op: int, d: Any) -> None:
        """Remember what a client sent, without its token."""
        session = peer.session
        entry = {
            "op": op,
            "d": d | {"token": ""} if isinstance(d, dict) and "token" in d else d,
            "at": time.time(),
            "connection": peer.number,
            "shard": session.shard if session else None,
            "session": session.id if session else None,
        }
        self.commands.append(entry)

    def is_token(self, given: str) -> bool:
        """Whether a token is the bot's."""
        return secrets.compare_digest(given.encode(), self.token.encode())

    def is_user_token(self, given: str) -> bool:
        """Whether a token is the user account's."""
        return secrets.compare_digest(given.encode(), self.user_token.encode())


def token_for(account_id: int | str, rng: random.Random) -> str:
    """Make a token of the usual form: the account's id in base64, a time, a random part."""
    head = base64.urlsafe_b64encode(str(account_id).encode()).decode().rstrip("=")
    tail = hashlib.sha256(rng.randbytes(32)).digest()
    body = base64.urlsafe_b64encode(tail).decode().rstrip("=")
    return f"{head}.{body[:6]}.{body[6:44]}"
