"""Asks the API and the gateway, by the code that a cluster would ask them with.

That code is in packages that this one does not import, so it runs in processes of its own, as the
coordinator and the workers do. The token goes to them over a pipe.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Final

from cluster.config.coordinator_spec import CoordinatorSpec, encode_spec
from cluster.decode_errors import MALFORMED
from cluster.doctor.finding import Finding
from cluster.errors import ClusterError
from cluster.processes import signal_child, start_apart
from cluster.wire import checks
from cluster.wire.control import error_of, failure_of

API_S: Final = 60.0
"""How long the API may take: two tries, and a wait between them that it may ask for, so that the
check can tell what went wrong."""
GATEWAY_S: Final = 40.0
MAX_SHOWN: Final = 200


async def ask(module: str, data: bytes, within_s: float) -> checks.Outcome:
    """Run ``python -m module`` on these bytes and return its answer. Raises ClusterError without
    one."""
    process = await start_apart(sys.executable, "-P", "-m", module, stderr=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(within_s):
            out, words = await process.communicate(data)
        return checks.decode_outcome(out)
    except TimeoutError:
        raise ClusterError(f"no answer within {within_s:g} s", "check the network") from None
    except MALFORMED:
        last = words.decode(errors="replace").strip().splitlines()[-1:]
        raise ClusterError(f"the check itself failed ({''.join(last)[:MAX_SHOWN]})") from None
    finally:
        signal_child(process, signal.SIGKILL)
        await process.wait()


async def api(spec: CoordinatorSpec) -> checks.Outcome:
    """Return what GET /gateway/bot says, and the plan of a start. A spec without a token asks for
    the plan alone. An error is in the outcome, the check's own failure too."""
    try:
        return await ask("coordinator.check", encode_spec(spec), API_S)
    except ClusterError as error:
        return checks.Outcome(error=failure_of(error))


async def gateway(spec: CoordinatorSpec, url: str) -> Finding:
    """Check that the gateway says HELLO, over a connection whose certificate is verified."""
    asked = checks.GatewayCheck(
        gateway_url=url,
        api_version=spec.api_version,
        compress=spec.compression,
        ca_file=spec.ca_file,
    )
    try:
        outcome = await ask("shard_worker.gateway_check", checks.encode(asked), GATEWAY_S)
        if outcome.error is not None:
            raise error_of(outcome.error)
    except ClusterError as error:
        return Finding.failed("gateway", ClusterError(f"{url}: {error.cause}", error.action))
    hello = outcome.gateway
    assert hello is not None
    text = (
        f"{url} said HELLO after {hello.seconds * 1000:.0f} ms, heartbeats every "
        f"{hello.heartbeat_interval_s:g} s; no identify was spent"
    )
    return Finding(check="gateway", state="ok", text=text)


def token(outcome: checks.Outcome, spec: CoordinatorSpec) -> Finding:
    """Show that the API took the token: a bot's was, or there would be no answer."""
    if outcome.error is not None:
        return Finding.failed("token", error_of(outcome.error))
    answer, plan = outcome.api, outcome.plan
    assert answer is not None
    assert plan is not None
    if spec.account == "user":
        text = (
            f"{spec.api_url} answers; GET /gateway needs no token, so whether it takes this one "
            "shows when the session identifies"
        )
        return Finding(check="token", state="ok", text=text)
    shards = f"{plan.shards} shards on {plan.workers} workers"
    text = f"{spec.api_url} takes it and recommends {answer.recommended} shards; {shards} would run"
    return Finding(check="token", state="ok", text=text)


def identifies(answer: checks.ApiAnswer, plan: checks.StartPlan, spec: CoordinatorSpec) -> Finding:
    """Check that enough identifies are left for a start that can resume nothing."""
    if spec.account == "user":
        text = f"Discord sets a user account no limit; at most {answer.total:,} a day are spent"
        return Finding(check="identifies", state="ok", text=text)
    left = max(0, answer.remaining - spec.identify.reserve)
    text = (
        f"{answer.remaining:,} of {answer.total:,} are left, {answer.max_concurrency} at a time; "
        f"a start that resumes nothing needs {plan.shards:,}"
    )
    if left >= plan.shards:
        return Finding(check="identifies", state="ok", text=text)
    hours = answer.reset_after_s / 3600
    action = f"such a start would be refused; all are back in {hours:.1f} h"
    return Finding(check="identifies", state="warning", text=text, action=action)
