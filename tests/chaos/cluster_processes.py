"""The processes of one chaos run: a sandbox, a cluster by its command line, subscribers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

import msgpack  # type: ignore[import-untyped]  # it carries no types
import msgspec

from cluster.endpoints.paths import ClusterPaths, cluster_paths, is_held
from cluster.processes import Owner
from cluster.sandbox import SandboxInfo
from tests.chaos.host_processes import LEASE_S, WAYS, ChaosHost, free_ports

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parent.parent
SHIM: Final = HERE / "shim"
"""First on the path of the cluster's processes: short times for long, and what is broken."""
COMMAND_S: Final = 120.0
RESTS: Final[dict[str, dict[str, str]]] = {
    "usual": {},
    "always": {"CHAOS_RESTS": "always"},
    "never": {"DCGW_LATENCY_MS": "0"},
}
"""When a worker's sockets rest between two looks at them -> what the environment says for it. With
the product's own thresholds, and some 100 events a second in each worker, they almost never do."""
PIPE_MESSAGES: Final = 200
"""How many messages fit between a worker and the hub."""
PROXIED: Final = ("proxied-1", "proxied-2")
"""The clients of the gateway proxy."""
ROLES: Final = {
    "cluster.cache": "cache",
    "cluster.proxy": "proxy",
    "coordinator": "coordinator",
    "coordinator.host_gate.gate": "host gate",
    "coordinator.replay.server": "replay",
    "coordinator.replay_door.server": "replay door",
    "host_agent": "agent",
    "shard_worker": "worker",
    "tests.chaos.witnesses.subscriber": "subscriber",
}


class CommandFailed(Exception):
    """A command of the cluster's command line did not end well."""


class ClusterProcesses:
    """One cluster on a folder of its own, and the sandbox that it talks to."""

    def __init__(
        self, folder: Path, sockets: Path, mutant: str = "", rests: str = "usual", hosts: int = 0
    ) -> None:
        """rests: one of RESTS. hosts: how many the workers are to run on; 0: on this one."""
        self.folder = folder
        self.state = folder / "state"
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("DCGW_")}
        path = [str(SHIM), str(ROOT)]
        if inherited.get("PYTHONPATH"):
            path.append(inherited["PYTHONPATH"])
        self.env = inherited | {
            "HOME": str(folder),
            "DCGW_STATE_DIR": str(self.state),
            "DCGW_RUNTIME_DIR": str(sockets),
            "DCGW_INTENTS": "all",
            "DCGW_HTTP_LISTEN": "",
            "DCGW_JOURNAL_BYTES": str(32 * 1024 * 1024),
            "DCGW_HUB_PIPE_MESSAGES": str(PIPE_MESSAGES),
            "CHAOS_MUTANT": mutant,
            "PYTHONPATH": os.pathsep.join(path),
            **RESTS[rests],
        }
        self.paths: ClusterPaths = cluster_paths("default", self.env)
        self.hosts = [ChaosHost(n + 1, folder, sockets) for n in range(hosts)]
        """The hosts that its workers run on; none: they run beside the coordinator."""
        self.workers = 0
        """How many workers the cluster is started with."""
        self.proxy_secrets = {} if hosts else {name: token_hex(16) for name in PROXIED}
        """What each client of the gateway proxy shows; empty: there is no proxy."""
        self.proxy_url = ""
        self._sandbox: asyncio.subprocess.Process | None = None

    def offer_proxy(self) -> None:
        """Let the cluster, which is to be started next, have a gateway proxy."""
        if self.proxy_secrets:
            listen = f"127.0.0.1:{free_ports(1)[0]}"
            secrets = self.folder / "secrets"
            lines = [f"{name} {secret}\n" for name, secret in self.proxy_secrets.items()]
            secrets.touch(0o600)
            secrets.write_text("".join(lines))
            self.proxy_url = f"ws://{listen}"
            self.env |= {"DCGW_PROXY_LISTEN": listen, "DCGW_PROXY_SECRETS_FILE": str(secrets)}

    # -- the sandbox ---------------------------------------------------------------------------

    async def start_sandbox(self, **options: Any) -> SandboxInfo:
        with (self.folder / "sandbox.log").open("ab") as log:
            self._sandbox = process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "cluster.sandbox", f"--with-parent={os.getpid()}",
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=log,
                cwd=ROOT,
            )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(msgspec.json.encode(options))
        process.stdin.close()
        info = msgspec.json.decode(await process.stdout.readline(), type=SandboxInfo)
        self.env |= {
            "DCGW_API_URL": info.api_url,
            "DCGW_CA_FILE": info.ca_file,
            "DCGW_TOKEN": info.token,
        }
        return info

    # -- the cluster ---------------------------------------------------------------------------

    async def cli(self, *arguments: str) -> str:
        """Run `dcgw-cluster`; return what it printed. CommandFailed."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "cluster", *arguments,
            env=self.env, cwd=self.folder,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            out, err = await asyncio.wait_for(process.communicate(), COMMAND_S)
        except TimeoutError:
            process.kill()
            raise CommandFailed(f"{' '.join(arguments)}: not done in {COMMAND_S:g} s") from None
        if process.returncode:
            raise CommandFailed(f"{' '.join(arguments)}: {err.decode().strip()}")
        return out.decode()

    async def start(self) -> None:
        await self.cli("start", "--detach", "--workers", str(self.workers))

    async def start_hosts(self) -> None:
        """Let the cluster, which is to be started next, take hosts, and start them."""
        if not self.hosts:
            return
        ports = free_ports(len(WAYS))
        self.env |= {
            f"DCGW_HOSTS_{way}": f"tcp://127.0.0.1:{port}"
            for way, port in zip(WAYS, ports, strict=True)
        }
        self.env |= {
            "DCGW_ENGINE": "join",
            "DCGW_HOSTS_LEASE_SECONDS": str(LEASE_S),
            "DCGW_HOSTS_EXPECTED": str(len(self.hosts)),
        }
        for host in self.hosts:
            await host.prepare(self.env, self.paths, ports)
            await host.start()

    def living(self) -> list[tuple[int, str]]:
        """Pid and role of each process that lives: the cluster's, and its subscribers."""
        mark = f"DCGW_STATE_DIR={self.state}".encode()
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it may end while it is looked at
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    command = (entry / "cmdline").read_bytes().split(b"\0")
                    module = command[3].decode() if len(command) > 3 else ""
                    found.append((int(entry.name), ROLES.get(module, module)))
        return found

    def worker(self, slot: int) -> int | None:
        """The process that holds a slot."""
        for host in self.hosts:
            if pid := host.workers().get(slot):
                return pid
        lock = self.paths.journal(slot) / "owner.lock"
        owner = Owner.read(lock) if is_held(lock) else None
        return owner.pid if owner is not None else None

    def journals(self) -> list[Path]:
        """The folders of all journals, on all hosts."""
        places = [self.paths, *(host.paths for host in self.hosts)]
        return [paths.journal(slot) for paths in places for slot in paths.journal_slots()]

    def coordinator(self) -> int | None:
        return self.process("coordinator")

    def replay(self) -> int | None:
        """What answers subscribers: the replay server, or the door to those of the hosts."""
        return self.process("replay door" if self.hosts else "replay")

    def process(self, role: str) -> int | None:
        """Return the process of a role; None: there is none."""
        return next((pid for pid, its_role in self.living() if its_role == role), None)

    async def end(self) -> None:
        """Kill whatever is left."""
        for host in self.hosts:
            await host.end()
        for pid, _ in self.living():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self._sandbox is not None:
            with contextlib.suppress(ProcessLookupError):
                self._sandbox.terminate()
            await self._sandbox.wait()


class SubscriberProcess:
    """A process with a Subscriber (witnesses/subscriber.py), and what it sends."""

    def __init__(
        self,
        processes: ClusterProcesses,
        name: str,
        on_frame: Callable[[dict[str, Any]], None],
        names: list[str] | None = None,
    ) -> None:
        """on_frame: called with each frame that it sends. names: of events; None: all."""
        self.name = name
        self.saved: str | dict[str, Any] = "oldest"
        """The position that it saved last."""
        self.joined = asyncio.Event()
        self._processes = processes
        self._names = names
        self._on_frame = on_frame
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start it at the position that it saved last."""
        paths = self._processes.paths
        spec = {
            "events": paths.events, "replay": paths.replay, "control": paths.control,
            "names": self._names, "name": self.name, "start": self.saved,
        }  # fmt: skip
        with (self._processes.folder / f"{self.name}.log").open("ab") as log:
            self._process = process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", "tests.chaos.witnesses.subscriber",
                env=self._processes.env, cwd=self._processes.folder,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=log,
            )  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(json.dumps(spec).encode() + b"\n")
        self.joined.clear()
        self._reading = asyncio.create_task(self._read(process))

    async def kill(self) -> None:
        """SIGKILL; what it had sent has arrived when this returns."""
        assert self._process is not None
        assert self._reading is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        await self._reading

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        with contextlib.suppress(asyncio.IncompleteReadError):  # it was killed, in a frame or not
            while True:
                (length,) = struct.unpack("<I", await process.stdout.readexactly(4))
                frame = msgpack.unpackb(await process.stdout.readexactly(length))
                if "joined" in frame:
                    self.joined.set()
                else:
                    self.saved = frame["saved"]
                self._on_frame(frame)
