"""``python -m coordinator.check``: asks the API and plans as a start would, for `doctor`; starts
nothing. With a spec that has no token (on_sandbox) it plans only.

Reads one CoordinatorSpec as JSON from standard input (a token in an argument or in the environment
can be read by others), writes one cluster.wire.checks.Outcome. Exit code 0, also for an error told.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Final

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.errors import ClusterError
from cluster.own_process import prepare
from cluster.wire import checks
from cluster.wire.control import failure_of
from coordinator import host
from coordinator.account import ApiAccount
from coordinator.sharding.plan import plan_for
from coordinator.spec_input import MAX_SPEC_BYTES, read_spec

ATTEMPTS: Final = 2
"""How often the API is asked: a start tries longer, and somebody waits for this."""


async def check(spec: CoordinatorSpec) -> checks.Outcome:
    """Ask the API, and plan as a start would: by its answer, or else by what the workers may carry.
    The outcome's error says what keeps a cluster from starting."""
    if spec.on_sandbox:
        return checks.Outcome(plan=planned(spec, None))
    try:
        info = await ApiAccount.from_spec(spec, None, time.time()).fetch(ATTEMPTS)
    except ClusterError as error:
        return checks.Outcome(error=failure_of(error), plan=planned(spec, None))
    limit = info.session_start_limit
    answer = checks.ApiAnswer(
        gateway_url=spec.gateway_url or info.url,
        recommended=info.shards,
        total=limit.total,
        remaining=limit.remaining,
        reset_after_s=limit.reset_after / 1000,
        max_concurrency=limit.max_concurrency,
    )
    return checks.Outcome(api=answer, plan=planned(spec, info.shards))


def planned(spec: CoordinatorSpec, recommended: int | None) -> checks.StartPlan:
    """Return the plan of a start. recommended: shards by GET /gateway/bot; None: it did not say."""
    cores = host.cores()
    known = recommended
    if known is None and spec.account == "user":
        known = 1
    workers = cores if spec.workers == "auto" else spec.workers
    plan = plan_for(spec, known or workers * spec.shards_per_worker, cores)
    return checks.StartPlan(
        shards=len(plan.shards),
        workers=len(plan.slots),
        fullest=max(map(len, plan.slots.values())),
        assumed=known is None and spec.shards == "auto",
    )


def main() -> int:
    """Run this process; return its exit code."""
    prepare()
    try:
        spec = read_spec(sys.stdin.buffer.read(MAX_SPEC_BYTES))
        outcome = asyncio.run(check(spec))
    except ClusterError as error:
        outcome = checks.Outcome(error=failure_of(error))
    sys.stdout.buffer.write(checks.encode(outcome) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
