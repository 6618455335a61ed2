"""A coordinator that hangs, as systemd would find out and mend it (configs/dcgw-cluster.service):
its watchdog hears nothing, kills it and starts another, which takes the workers over."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from cluster.control import ControlClient
from cluster.sandbox import SandboxControl
from tests.e2e.home import Home
from tests.e2e.test_restarts import start, under_traffic
from tests.e2e.watching import Seen, control_of, eventually
from tests.notify_socket import Message, NotifySocket

WATCHDOG_S = 1.5
UNIT = Path(__file__).parents[2] / "configs" / "dcgw-cluster.service"


class Manager:
    """Plays systemd: it hears the coordinator, and notes when it heard of it last."""

    def __init__(self, notify: NotifySocket) -> None:
        self._notify = notify
        self._heard: list[Message] = []
        self._alive_at = time.monotonic()

    def _listen(self) -> None:
        new = self._notify.heard()
        if any("WATCHDOG" in message for message in new):
            self._alive_at = time.monotonic()
        self._heard += new

    async def until(self, name: str, value: str | None = None) -> str:
        """Wait until this field is said, with this value if one is given; return it. What was said
        until then is forgotten."""

        async def said() -> list[str]:
            self._listen()
            for number, one in enumerate(self._heard):
                if name in one and value in (None, one[name]):
                    del self._heard[: number + 1]
                    return [one[name]]
            return []

        return (await eventually(said, bool))[0]

    async def until_silent(self) -> None:
        """Wait until nothing was heard of it for as long as the watchdog takes."""

        async def is_silent() -> bool:
            self._listen()
            return time.monotonic() - self._alive_at > WATCHDOG_S

        await eventually(is_silent, bool)


def test_a_coordinator_that_hangs_is_replaced_and_its_workers_are_taken_over(home: Home) -> None:
    async def deaths(sandbox: SandboxControl, control: ControlClient, seen: Seen) -> None:
        first = int(await manager.until("MAINPID"))
        await manager.until("READY", "1")
        before = await eventually(control.status, lambda s: s.state == "ready")
        assert first == before.pid
        await manager.until("WATCHDOG", "1")
        os.kill(first, signal.SIGSTOP)
        await manager.until_silent()
        os.kill(first, signal.SIGKILL)
        await asyncio.to_thread(start, home)
        assert int(await manager.until("MAINPID")) != first
        await manager.until("READY", "1")
        async with control_of(home) as anew:
            after = await eventually(anew.status, lambda s: s.state == "ready")
        assert [w.pid for w in after.workers] == [w.pid for w in before.workers]
        os.kill(after.pid, signal.SIGHUP)
        await manager.until("RELOADING")
        await manager.until("READY", "1")

    with NotifySocket.listening(f"@{home.sockets}/notify") as notify:
        manager = Manager(notify)
        home.env |= {
            "NOTIFY_SOCKET": notify.address,
            "WATCHDOG_USEC": str(int(WATCHDOG_S * 1e6)),
        }
        under_traffic(home, deaths)
        assert any("STOPPING" in message for message in notify.heard())


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze is here")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "dcgw-cluster.service"
    unit.write_text(UNIT.read_text().replace("/usr/local/bin/dcgw-cluster", "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
