"""Which identify queue a coordinator has, one that grants or one that asks the broker, and whether
its start keeps to the budget."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Final

from cluster.config.shards import SELF
from cluster.control import ControlClient
from cluster.discord.gateway_bot import SessionStartLimit
from cluster.discord.limits import IDENTIFY_WINDOW_S
from cluster.errors import BudgetError, ConfigError
from cluster.identify.limiter import IdentifyLimiter
from cluster.wire.identifies import account_key
from coordinator.context import RunContext
from coordinator.identifies.broker import Broker, BrokerClient
from coordinator.identifies.brokered_queue import BrokeredQueue
from coordinator.identifies.grant_queue import GrantQueue, Owners, Send
from coordinator.identifies.guarded_queue import GuardedQueue
from coordinator.identifies.ledger import IdentifyLedger
from coordinator.identifies.queue import IdentifyQueue
from coordinator.sharding.assignments import Assignments
from coordinator.state.sessions import survivors

BROKER_S: Final = 3.0
"""A broker that says nothing for so long does not answer."""


async def make_identifies(
    context: RunContext,
    assignments: Assignments,
    send: Send,
    stack: AsyncExitStack,
    note: Callable[[list[str]], None],
) -> GuardedQueue:
    """Make the identify queue of a start. stack: closes what it needs. note: takes lines for
    whoever started it. BudgetError: this start would overspend the budget, as far as that is known,
    and no session lives. ClusterError: there is nothing to go on with, and the broker does not
    answer, or refuses."""
    plan = assignments.plan
    left = survivors(context.paths, context.store, plan, context.account_key)
    queue = await _make_queue(context, assignments, send, stack, going_on=bool(left.shards))
    if queue.known:
        try:
            queue.require(len(plan.shards) - len(left.shards))
        except BudgetError as error:
            if not left.alive:
                raise
            # Refused, this start would end sessions that live; the limiter keeps the budget anyway
            note([f"{error.cause}: who can't identify waits, and sessions that live go on"])
    elif context.answer.refusal is None:
        note([f"{queue.status().trouble}: no shard can identify, and sessions go on"])
    return GuardedQueue(queue, assignments, send)


async def _make_queue(
    context: RunContext,
    assignments: Assignments,
    send: Send,
    stack: AsyncExitStack,
    *,
    going_on: bool,
) -> GrantQueue:
    """Make a queue that has its numbers, or asks for them. going_on: a broker that is away is
    waited for."""
    ledger = IdentifyLedger(context.store, account=context.account_key)
    if context.spec.identify.broker in ("", SELF):
        return _granting(context, ledger, Owners(assignments), send)
    broker = await _meet_broker(context, ledger, stack, going_on)
    return BrokeredQueue(
        broker,
        ledger,
        owners=Owners(assignments),
        send=send,
        clock=context.clock,
        first_grant_id=context.store.next_grant_id(),
    )


async def _meet_broker(
    context: RunContext, ledger: IdentifyLedger, stack: AsyncExitStack, going_on: bool
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
    return await Broker.meet(control, ledger, client, context.clock, going_on=going_on)


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
