"""Which identify queue a coordinator has: one that grants, or one that asks the broker."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack
from typing import Final

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.config.shards import SELF
from cluster.control import ControlClient
from cluster.discord.gateway_bot import GatewayInfo, SessionStartLimit
from cluster.discord.limits import IDENTIFY_WINDOW_S
from cluster.errors import ConfigError
from cluster.identify.limiter import IdentifyLimiter
from cluster.wire.identifies import account_key
from coordinator.account import ApiAccount
from coordinator.identifies.broker import Broker, BrokerClient
from coordinator.identifies.brokered_queue import BrokeredQueue
from coordinator.identifies.ledger import IdentifyLedger
from coordinator.identifies.queue import GrantQueue, IdentifyQueue, Owners, Send
from coordinator.sharding.assignments import Assignments
from coordinator.state.store import Store

BROKER_S: Final = 3.0
"""A broker that does not answer for so long does not answer."""


async def make_queue(
    spec: CoordinatorSpec,
    account: ApiAccount,
    info: GatewayInfo,
    assignments: Assignments,
    store: Store,
    send: Send,
    stack: AsyncExitStack,
) -> GrantQueue:
    """Make a queue that has its numbers. stack: closes what the queue needs. ClusterError: the
    broker does not answer, or refuses."""
    ledger = IdentifyLedger(store, account=account.key(store.store_id), wall=time.time)
    if spec.identify.broker in ("", SELF):
        return _granting(spec, account, info, assignments, store, ledger, send)
    try:
        control = ControlClient(
            spec.identify.broker, timeout=BROKER_S, keys=spec.identify.broker_keys or None
        )
    except ConfigError as error:
        raise ConfigError(f"identify.broker: {error.cause}", error.action) from None
    stack.callback(control.close)
    client = BrokerClient(
        store_id=store.store_id,
        who=f"{spec.name} ({spec.shards})",
        account=lambda salt: account_key(account.token, salt),
    )
    return BrokeredQueue(
        await Broker.meet(control, ledger, client, time.monotonic),
        ledger,
        owners=Owners(assignments),
        send=send,
        clock=time.monotonic,
        first_grant_id=store.next_grant_id(),
    )


def _granting(
    spec: CoordinatorSpec,
    account: ApiAccount,
    info: GatewayInfo,
    assignments: Assignments,
    store: Store,
    ledger: IdentifyLedger,
    send: Send,
) -> IdentifyQueue:
    limiter = IdentifyLimiter(
        window_s=spec.sandbox.identify_window_s if spec.on_sandbox else IDENTIFY_WINDOW_S,
        margin_s=spec.identify.margin_ms / 1000,
        reserve=spec.identify.reserve,
        share=spec.identify.budget or None,
        first_grant_id=store.next_grant_id(),
    )

    async def fetch() -> SessionStartLimit:
        return (await account.fetch()).session_start_limit

    queue = IdentifyQueue(
        limiter,
        ledger,
        owners=Owners(assignments),
        send=send,
        fetch=fetch,
        clock=time.monotonic,
        store_id=store.store_id,
        account=account_key(account.token, store.store_id),
        reserve=spec.identify.reserve,
    )
    queue.take(info.session_start_limit, time.monotonic())
    return queue
