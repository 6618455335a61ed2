"""Shows a cluster that runs in the foreground, and stops it in order."""

from __future__ import annotations

import asyncio
import signal
from typing import Final

from cluster.cli.launch import KILL_AFTER_S, CoordinatorProcess
from cluster.cli.signals import StopRequests, first
from cluster.cli.stopping import stop_cluster
from cluster.cli.terminal.live_view import View
from cluster.cli.terminal.output import is_terminal
from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.control import ControlClient
from cluster.errors import ClusterError
from cluster.wire.states import ClusterState

STARTING_EVERY_S: Final = 0.25
EVERY_S: Final = 1.0


async def follow(
    process: CoordinatorProcess, spec: CoordinatorSpec, view: View, requests: StopRequests
) -> None:
    """Show the cluster until somebody asks for a stop and stop it then, or until it ends by itself.

    Raises ClusterError when it died. In every case nothing of it runs afterwards.
    """
    if spec.log_to == "stdout" and not is_terminal():
        # A service, or the first process of a container: no terminal can go away, and SIGHUP means
        # to it what it means to the coordinator.
        pass_on = process.process.send_signal
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, pass_on, signal.SIGHUP)
    async with ControlClient(spec.paths.control, lock=spec.paths.lock) as control:
        try:
            await _show_until_stop(process, control, spec, view, requests)
            if process.process.poll() is None:
                await _stop(process, control, spec, view, requests)
        finally:
            await process.end(spec.stop_seconds)


async def _show_until_stop(
    process: CoordinatorProcess,
    control: ControlClient,
    spec: CoordinatorSpec,
    view: View,
    requests: StopRequests,
) -> None:
    pause_s = STARTING_EVERY_S
    while not requests.count and process.process.poll() is None:
        asked = asyncio.ensure_future(control.status())
        await first(requests.wait(), process.wait(), asyncio.wait([asked]))
        if not asked.done():
            asked.cancel()
            continue
        try:
            status = asked.result()
            view.show(status)
            pause_s = STARTING_EVERY_S if status.state is ClusterState.STARTING else EVERY_S
        except ClusterError as error:
            if process.process.poll() is None and not requests.count:
                _say(view, requests, f"No status: {error}")
        await first(requests.wait(), process.wait(), within_s=pause_s)
    view.close()
    if not requests.count:
        code = process.process.poll()
        if code != 0:
            death = await process.died()
            wait_s = spec.adopt_seconds if spec.engine == "local" else spec.hosts.lease_seconds
            raise ClusterError(
                f"{death.cause}; its workers wait {wait_s:g} s for a new start, then "
                "close their sessions resumably",
                death.action,
            )
        _say(view, requests, "The cluster was stopped.")


async def _stop(
    process: CoordinatorProcess,
    control: ControlClient,
    spec: CoordinatorSpec,
    view: View,
    requests: StopRequests,
) -> None:
    _say(view, requests, "Stopping in order (Ctrl-C again: at once) ...")
    stopping = asyncio.ensure_future(
        stop_cluster(
            control,
            spec.paths.lock,
            logout=False,
            deadline_s=spec.stop_seconds + KILL_AFTER_S,
        )
    )
    await first(asyncio.wait([stopping]), requests.wait(more_than=requests.count))
    if not stopping.done():
        stopping.cancel()
        await process.end()
        _say(view, requests, "Ended at once.")
        return
    try:
        stopped = stopping.result()
    except ClusterError as error:
        _say(view, requests, f"It did not stop as asked ({error}); it is ended by signal.")
        return
    await first(process.wait(), within_s=KILL_AFTER_S)
    _say(view, requests, str(stopped))


def _say(view: View, requests: StopRequests, text: str) -> None:
    """Write one line to the view, unless nobody is left to read it."""
    if not requests.hung_up:
        view.note(text)
