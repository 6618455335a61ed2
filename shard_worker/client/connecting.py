"""The way from a client's options to its first session."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import msgspec

from cluster.discord.gateway_bot import ATTEMPTS
from cluster.errors import ApiUnavailableError
from cluster.opening import Opening
from shard_worker.client.brokered_identifies import BrokeredIdentifies, IdentifyBroker, check
from shard_worker.client.client_session import ClientSession
from shard_worker.client.local_identifies import Identifies, LocalIdentifies
from shard_worker.client.options import Options

log = logging.getLogger(__name__)

ATTEMPTS_BESIDE_SESSION: Final = 1
"""How often the API is asked where a session can be resumed without its answer, for which Discord
keeps it a few minutes only."""

if TYPE_CHECKING:
    from shard_worker.client.client import GatewayClient


class Connecting(Opening["GatewayClient"]):
    """What `connect` returns: awaited it is a client, in `async with` one that is shut down at the
    end."""

    def __init__(
        self,
        options: Options,
        broker: IdentifyBroker | None,
        make_client: Callable[[ClientSession], GatewayClient],
    ) -> None:
        check(broker, options.login.kind)
        self.options = options
        self._broker = broker
        self._make_client = make_client
        super().__init__("connect()", self._connect, lambda client: client.graceful_shutdown())

    async def _connect(self) -> GatewayClient:
        options = self.options
        identifies: Identifies = (
            LocalIdentifies.of_account(options.account)
            if self._broker is None
            else BrokeredIdentifies(self._broker, options.plan.shard_count)
        )
        session = ClientSession(
            msgspec.structs.replace(options.login, gateway_url=await self._ask(identifies)),
            options.plan,
            identifies=identifies,
            fetch=options.fetch,
            queue_events=options.queue_events,
            automatic=options.reconnect,
            resumable=options.resumable,
        )
        try:
            session.start()
            await session.ready()
            return self._make_client(session)
        except BaseException:
            await session.close()
            raise

    async def _ask(self, identifies: Identifies) -> str:
        """Ask Discord where the gateway is and how many identifies are left. Return the URL. A
        session to resume needs neither: it knows a URL, which is taken where the API is away.
        Raises what Options.fetch raises."""
        resumable = self.options.resumable
        resume_url = resumable.resume_url if resumable else ""
        asked_at = asyncio.get_running_loop().time()
        try:
            info = await self.options.fetch(ATTEMPTS_BESIDE_SESSION if resume_url else ATTEMPTS)
        except ApiUnavailableError as error:
            if not resume_url:
                raise
            log.warning("%s; the session is resumed without its answer", error)
            return resume_url
        identifies.take(info, asked_at)
        return info.url
