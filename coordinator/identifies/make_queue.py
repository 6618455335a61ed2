"""Which grant queue a coordinator has: one that grants, or one that asks the broker."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Final

from cluster.config.shards import SELF
from cluster.control import ControlClient
from cluster.discord.gateway_bot import SessionStartLimit
from cluster.discord.limits import IDENTIFY_WINDOW_S
from cluster.errors import ConfigError
from cluster.identify.limiter import IdentifyLimiter
from cluster.wire.identifies import account_key
from coordinator.context import RunContext
from coordinator.identifies.broker import Broker, BrokerClient
from coordinator.identifies.brokered_queue import BrokeredQueue
from coordinator.identifies.grant_queue import GrantQueue, Owners, Send
from coordinator.identifies.ledger import IdentifyLedger
from coordinator.identifies.queue import IdentifyQueue
from coordinator.sharding.assignments import Assignments

BROKER_S: Final = 3.0
"""A broker that says nothing for so long does not answer."""


async def make_queue(
    context: RunContext, assignments: Assignments, send: Send, stack: AsyncExitStack
) -> GrantQueue:
    """Make a queue that has its numbers, or asks for them. stack: closes what the queue needs.
    ClusterError: the broker does not answer, or refuses."""
    ledger = IdentifyLedger(context.store, account=context.account_key)
    if context.spec.identify.broker in ("", SELF):
        return _granting(context, ledger, Owners(assignments), send)
    broker = await _meet_broker(context, ledger, stack)
    return BrokeredQueue(
        broker,
        ledger,
        owners=Owners(assignments),
        send=send,
        clock=context.clock,
        first_grant_id=context.store.next_grant_id(),
    )


async def _meet_broker(
    context: RunContext, ledger: IdentifyLedger, stack: AsyncExitStack
) -> Broker:
    spec, token = context.spec, context.account.token
    try:
        control = ControlClient(
            spec.identify.broker, timeout=BROKER_S, keys=spec.identify.broker_keys or None
        )
    except ConfigError as error:
        raise ConfigError(f"identify.broker: {error.cause}", error.action) from None
    stack.callback(control.close)
    client = BrokerClient(
        store_id=context.store_id,
        who=f"{spec.name} ({spec.shards})",
        account=lambda salt: account_key(token, salt),
    )
    return await Broker.meet(control, ledger, client, context.clock)


def _granting(
    context: RunContext, ledger: IdentifyLedger, owners: Owners, send: Send
) -> IdentifyQueue:
    spec, account = context.spec, context.account
    limiter = IdentifyLimiter(
        window_s=spec.sandbox.identify_window_s if spec.on_sandbox else IDENTIFY_WINDOW_S,
        margin_s=spec.identify.margin_ms / 1000,
        reserve=spec.identify.reserve,
        share=spec.identify.budget or None,
        first_grant_id=context.store.next_grant_id(),
    )

    async def fetch() -> SessionStartLimit:
        return (await context.api.ask()).session_start_limit

    queue = IdentifyQueue(
        limiter,
        ledger,
        owners=owners,
        send=send,
        fetch=fetch,
        clock=context.clock,
        store_id=context.store_id,
        account=account_key(account.token, context.store_id),
        reserve=spec.identify.reserve,
    )
    if (refusal := context.answer.refusal) is not None:
        queue.hold(refusal)
    else:
        queue.take(context.gateway.session_start_limit, context.clock())
    return queue
