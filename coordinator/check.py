"""``python -m coordinator.check``: asks the API as a start would, for `doctor`; starts nothing.

Reads one CoordinatorSpec as JSON from standard input (a token in an argument or in the environment
can be read by others), writes one cluster.wire.checks.Outcome. Exit code 0, also for an error told.
"""

from __future__ import annotations

import asyncio
import sys
import time

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.errors import ClusterError
from cluster.wire import checks
from cluster.wire.control import failure_of
from coordinator import host
from coordinator.account import ApiAccount
from coordinator.sharding.plan import plan_for
from coordinator.spec_input import MAX_SPEC_BYTES, read_spec


async def check(spec: CoordinatorSpec) -> checks.ApiAnswer:
    """Ask the API, and plan as a start would. ClusterError: what keeps a cluster from starting."""
    info = await ApiAccount.from_spec(spec, None, time.time()).fetch()
    plan, limit = plan_for(spec, info.shards, host.cores()), info.session_start_limit
    return checks.ApiAnswer(
        gateway_url=spec.gateway_url or info.url,
        recommended=info.shards,
        total=limit.total,
        remaining=limit.remaining,
        reset_after_s=limit.reset_after / 1000,
        max_concurrency=limit.max_concurrency,
        shards=len(plan.shards),
        workers=len(plan.slots),
        fullest=max(map(len, plan.slots.values())),
    )


def main() -> int:
    """Run this process; return its exit code."""
    try:
        spec = read_spec(sys.stdin.buffer.read(MAX_SPEC_BYTES))
        outcome = checks.Outcome(api=asyncio.run(check(spec)))
    except ClusterError as error:
        outcome = checks.Outcome(error=failure_of(error))
    sys.stdout.buffer.write(checks.encode(outcome) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
