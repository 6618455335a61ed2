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
from cluster.config.shards import SELF
from cluster.control import ControlClient
from cluster.discord.account import TERMS
from cluster.doctor import local, remote
from cluster.doctor.finding import Finding
from cluster.errors import ClusterError
from cluster.processes import signal_child, start_apart
from cluster.sandbox.options import SandboxInfo

NEED_THE_API = ("identifies", "gateway", "descriptors", "disk")
"""Checks that can't be made before the API has answered."""


async def findings(loaded: Loaded) -> AsyncIterator[Finding]:
    """Yield what each check finds as soon as it is known. Nothing of it is left running."""
    yield local.packages()
    where = str(loaded.file) if loaded.file else "no file, defaults"
    text = f"{where}; keys that were set: {', '.join(sorted(loaded.sources)) or 'none'}"
    yield Finding(check="config", state="ok", text=text)
    yield local.state_folder(loaded.paths)
    yield local.sockets(loaded.paths)
    try:
        spec, warnings = loaded.spec()
    except ClusterError as error:
        yield Finding.failed("token", error)
        for check in NEED_THE_API:
            yield Finding(check=check, state="skipped", text="needs the token")
        return
    for warning in warnings:
        check = "account" if warning == TERMS else "token"
        yield Finding(check=check, state="warning", text=warning)
    yield local.capabilities(spec) if spec.account == "user" else local.intents(spec)
    yield local.tcp(loaded.paths, spec.tcp.offered)
    async with _sandbox(loaded) as info:
        if info is not None:
            spec = msgspec.structs.replace(
                spec,
                api_url=info.api_url,
                ca_file=info.ca_file,
                token=info.token if spec.account == "bot" else info.user_token,
                on_sandbox=False,
            )
        async for finding in _api_findings(spec, loaded):
            yield finding


async def _api_findings(spec: CoordinatorSpec, loaded: Loaded) -> AsyncIterator[Finding]:
    """Yield the findings that hang on what the API says."""
    try:
        answer = await remote.api(spec)
    except ClusterError as error:
        yield Finding.failed("token", error)
        for check in NEED_THE_API:
            yield Finding(check=check, state="skipped", text="needs the API's answer")
        return
    yield remote.token(answer, spec)
    if spec.identify.broker not in ("", SELF):
        yield await _broker(spec)
    else:
        yield remote.identifies(answer, spec)
    yield await remote.gateway(spec, answer.gateway_url)
    yield local.descriptors(answer.fullest)
    yield local.disk(loaded.paths, answer.workers, spec.journal.bytes)


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
