"""All checks of `doctor`, in the order in which a start would meet what they look at."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator

import msgspec

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.config.loading import Loaded
from cluster.config.offered import offered
from cluster.config.shards import SELF
from cluster.control import ControlClient
from cluster.discord.urls import GATEWAY_URL
from cluster.doctor import local, remote
from cluster.doctor.finding import Finding
from cluster.errors import ClusterError
from cluster.processes import signal_child, start_apart
from cluster.sandbox.options import SandboxInfo
from cluster.wire import checks


async def findings(loaded: Loaded) -> AsyncIterator[Finding]:
    """Yield what each check finds as soon as it is known. Nothing of it is left running. Without a
    token, or with one that is refused, everything else is looked at all the same."""
    yield local.packages()
    where = str(loaded.file) if loaded.file else "no file, defaults"
    text = f"{where}; keys that were set: {', '.join(sorted(loaded.sources)) or 'none'}"
    token, told = _token(loaded)
    try:
        spec, warnings = loaded.spec_with(token)
        yield Finding(check="config", state="ok", text=text)
    except ClusterError as error:
        spec, warnings = None, []
        yield Finding.failed("config", error)
    yield local.state_folder(loaded.paths)
    yield local.sockets(loaded.paths)
    for finding in told:
        yield finding
    if spec is None:
        for check in ("identifies", "gateway", "descriptors", "disk"):
            yield Finding(check=check, state="skipped", text="needs a configuration that is right")
        return
    for warning in warnings:
        yield Finding(check="account", state="warning", text=warning)
    if spec.account == "bot":
        yield local.intents(spec)
    if spec.account == "user" or spec.capabilities:
        yield local.capabilities(spec)
    yield local.tcp(loaded.paths, offered(spec))
    yield local.http(loaded.paths, spec.http.listen)
    yield local.bots(loaded.paths, spec.proxy.listen)
    yield local.proxy(spec)
    async with _sandbox(loaded) as info:
        if info is not None:
            spec = msgspec.structs.replace(
                spec,
                api_url=info.api_url,
                ca_file=info.ca_file,
                token=info.token if spec.account == "bot" else info.user_token,
                on_sandbox=False,
            )
        async for finding in _planned_findings(spec, loaded):
            yield finding


def _token(loaded: Loaded) -> tuple[str, list[Finding]]:
    """Return the token, which is empty where there is none, and what is to be said of it."""
    if loaded.on_sandbox:
        return "", []
    try:
        token, warnings = loaded.token()
    except ClusterError as error:
        return "", [Finding.failed("token", error)]
    return token, [Finding(check="token", state="warning", text=text) for text in warnings]


async def _planned_findings(spec: CoordinatorSpec, loaded: Loaded) -> AsyncIterator[Finding]:
    """Yield what the API and the gateway say, and whether this machine carries what is planned."""
    outcome = await remote.api(spec)
    if spec.token:
        yield remote.token(outcome, spec)
    missing = "needs the API's answer" if spec.token else "needs the token"
    if spec.identify.broker not in ("", SELF):
        yield await _broker(spec)
    elif outcome.api is not None and outcome.plan is not None:
        yield remote.identifies(outcome.api, outcome.plan, spec)
    else:
        yield Finding(check="identifies", state="skipped", text=missing)
    if url := _gateway_url(outcome, spec):
        yield await remote.gateway(spec, url)
    else:
        yield Finding(check="gateway", state="skipped", text=missing)
    if outcome.plan is None:
        for check in ("descriptors", "disk"):
            yield Finding(check=check, state="skipped", text="the plan of a start is not known")
        return
    yield local.descriptors(outcome.plan)
    yield local.disk(loaded.paths, outcome.plan, spec.journal.bytes)


def _gateway_url(outcome: checks.Outcome, spec: CoordinatorSpec) -> str:
    """Return the gateway to shake hands with; empty: it is not known. Behind a proxy Discord's is
    tried where the API has named none: whether the proxy lets us through hangs on no token."""
    if outcome.api is not None:
        return outcome.api.gateway_url
    return spec.gateway_url or (GATEWAY_URL if local.is_behind_proxy(GATEWAY_URL) else "")


async def _broker(spec: CoordinatorSpec) -> Finding:
    """Ask the cluster that grants this one's identifies whether it answers."""
    endpoint = spec.identify.broker
    try:
        async with ControlClient(endpoint, keys=spec.identify.broker_keys or None) as control:
            await control.identify_budget()
    except ClusterError as error:
        cause = f"the broker {endpoint} does not grant ({error.cause})"
        action = error.action or "start the cluster that grants, or set identify.broker right"
        return Finding.failed("identifies", ClusterError(cause, action))
    return Finding(check="identifies", state="ok", text=f"granted by {endpoint}, which answers")


@contextlib.asynccontextmanager
async def _sandbox(loaded: Loaded) -> AsyncIterator[SandboxInfo | None]:
    """Run a sandbox for as long as the block does, where one is asked for."""
    if not loaded.on_sandbox:
        yield None
        return
    process = await start_apart(
        sys.executable, "-P", "-m", "cluster.sandbox", f"--with-parent={os.getpid()}",
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(msgspec.json.encode(loaded.config.sandbox))
        process.stdin.close()
        answer = await process.stdout.readline()
        if not answer:
            raise ClusterError("the sandbox did not start", "see `dcgw-cluster sandbox`")
        yield msgspec.json.decode(answer, type=SandboxInfo)
    finally:
        signal_child(process, signal.SIGTERM)
        await process.wait()
