"""Asks Discord where the gateway is and how many identifies are left, and remembers the answer.

A start needs it to choose a number of shards and to identify, and for nothing else: the gateway is
no part of the API, and sessions that live, or can be resumed, need neither. So where the API does
not answer and there are such sessions, a start goes on with what Discord said last (`recall`).
"""

from __future__ import annotations

import logging
from typing import Final, NamedTuple

import msgspec

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.discord.gateway_bot import ATTEMPTS, GatewayInfo, SessionStartLimit
from cluster.errors import ApiUnavailableError, ClusterError, ConfigError
from coordinator import host
from coordinator.account import ApiAccount
from coordinator.sharding.plan import StoredPlan, plan_for
from coordinator.state.database import StoreError
from coordinator.state.sessions import Survivors, survivors
from coordinator.state.store import Store, StoredGateway

log = logging.getLogger(__name__)

ATTEMPTS_BESIDE_SESSIONS: Final = 1
"""How often a start asks that can go on without an answer: workers wait for it, adopt_seconds
long, and a try may take 10 s."""


class GatewayAnswer(NamedTuple):
    """What a start knows of the gateway."""

    info: GatewayInfo
    refusal: ClusterError | None = None
    """Why Discord could not be asked. `info` is then what it said last, without a limit."""


class GatewayApi(NamedTuple):
    """Discord's API, as one account asks it."""

    account: ApiAccount
    store: Store

    @property
    def account_key(self) -> str:
        """The account's name in the store."""
        return self.account.key(self.store.store_id)

    async def ask(self, attempts: int = ATTEMPTS) -> GatewayInfo:
        """Ask, at most so many times, and remember the answer. Raises what
        cluster.discord.gateway_bot.fetch raises."""
        info = await self.account.fetch(attempts)
        self._remember(info)
        return info

    async def ask_at_start(self, spec: CoordinatorSpec) -> GatewayAnswer:
        """Ask, or recall what was said last, where there are sessions to go on with in the plan
        that the spec asks for: another number of shards would end them, and nothing would come in
        their place. Raises what `ask` raises where there are none."""
        stored, known = self.store.plan(), self.store.gateway(self.account_key)
        if stored is None or known is None:
            return GatewayAnswer(await self.ask())
        recalled = recall(known, stored, spec)
        plan = plan_for(spec, recalled.shards, host.cores(), stored)
        left = survivors(spec.paths, self.store, plan, self.account_key)
        try:
            return GatewayAnswer(
                await self.ask(ATTEMPTS_BESIDE_SESSIONS if left.shards else ATTEMPTS)
            )
        except ClusterError as error:
            if not goes_on(left, error):
                raise
            log.warning("%s; going on with %d sessions of before", error, len(left.shards))
            return GatewayAnswer(recalled, error)

    def _remember(self, info: GatewayInfo) -> None:
        """Store an answer for a later start. What is not stored is missed by that one alone."""
        stored = StoredGateway(
            account=self.account_key,
            url=info.url,
            shards=info.shards,
            max_concurrency=info.session_start_limit.max_concurrency,
        )
        try:
            before = self.store.gateway(self.account_key)
            if before is not None and before.url != info.url:
                log.warning("the gateway is at %s now, and was at %s", info.url, before.url)
            if before != stored:
                self.store.set_gateway(stored)
        except StoreError as error:
            log.error("the store can't be written: %s", error)


def goes_on(left: Survivors, error: ClusterError) -> bool:
    """Whether a start goes on with the sessions that are left, though Discord could not be asked
    for this cause.

    With sessions that live it does whatever Discord's answer was: nothing is won by ending them.
    A token that is refused, or a certificate, would refuse a resume as well, so sessions that were
    closed are gone on with only where the API is away. A configuration that can't be used is
    refused in any case.
    """
    if isinstance(error, ConfigError):
        return False
    if isinstance(error, ApiUnavailableError):
        return bool(left.shards)
    return bool(left.alive)


def recall(known: StoredGateway, plan: StoredPlan, spec: CoordinatorSpec) -> GatewayInfo:
    """Return what Discord said last, without a limit. Where the configuration leaves the number of
    shards to Discord, as it did before, it is the number that is in force: another one would end
    every session."""
    is_kept = spec.shards == plan.asked_shards == "auto"
    nothing_known = SessionStartLimit(
        total=0, remaining=0, reset_after=0, max_concurrency=max(1, known.max_concurrency)
    )
    info = GatewayInfo(url=known.url, shards=known.shards, session_start_limit=nothing_known)
    return msgspec.structs.replace(info, shards=plan.plan.shard_count) if is_kept else info
