"""What a GatewayClient is connected with, once its arguments are checked (arguments.py)."""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from cluster.discord import gateway_bot
from cluster.discord.gateway_bot import GatewayInfo, SessionStartLimit
from cluster.errors import TokenRefusedError
from cluster.wire.link import Login, ShardPlan
from shard_worker.protocol.session import Resumable

_UNLIMITED: Final = SessionStartLimit(total=1000, remaining=1000, reset_after=86_400_000)
"""The limit where nobody can be asked for it: one identify in 5 s, and a day's worth of them."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """The checked arguments of one client."""

    login: Login
    plan: ShardPlan
    api_url: str
    resumable: Resumable | None
    """The session to resume."""
    reconnect: bool
    """Whether a connection that is lost is followed by another."""
    queue_events: int
    """Events that may wait to be taken."""

    def __repr__(self) -> str:  # there is a token in it, and a session id
        return f"Options({self.login!r})"

    @property
    def account(self) -> str:
        """A key for this account's identifies, which shows nothing of the token."""
        text = "\n".join((self.api_url, self.login.gateway_url, self.login.token))
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    async def fetch(self, attempts: int = gateway_bot.ATTEMPTS) -> GatewayInfo:
        """Ask Discord where the gateway is and how many identifies are left, at most so many times,
        unless the gateway was given. Raises what gateway_bot.fetch raises."""
        login = self.login
        if login.gateway_url:
            return GatewayInfo(url=login.gateway_url, shards=1, session_start_limit=_UNLIMITED)
        try:
            return await gateway_bot.fetch(
                api_url=self.api_url,
                api_version=login.api_version,
                token=login.token,
                account=login.kind,
                ca_file=login.ca_file,
                client_build_number=login.client_build_number,
                launch=login.launch,
                impersonate=login.impersonate,
                attempts=attempts,
            )
        except TokenRefusedError as error:
            raise TokenRefusedError(
                error.cause, "give the current token, a bot's with intents"
            ) from None
