"""Other people's clients on the same gateway, each in a process of its own."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks.children import Child, child, cpu_seconds

DRIVERS: Final = Path(__file__).parent / "drivers"
NODE_FOLDER: Final = DRIVERS.parent.parent / "tests" / "clients"
TOKEN: Final = "MTA3Njk3OTE0NjI3NjYxODI0.benchmark.none"
"""A token of nobody: some libraries read the bot's id from its first part."""
NODE: Final = shutil.which("node")
TWILIGHT: Final = DRIVERS.parent / ".cache" / "twilight" / "release" / "twilight_raw"
"""What `make twilight` builds."""


class Library(NamedTuple):
    """A library that is measured."""

    label: str
    driver: str
    """The module or script in the folder of drivers; the program itself if it is a path."""
    needs: str = ""
    """The Python package, or the folder in node_modules."""
    compression: str = ""
    """Which of its inflaters it uses; empty: it has no choice."""

    @property
    def command(self) -> list[str]:
        if self.is_program:
            return [self.driver]
        if self.driver.endswith(".mjs"):
            return [str(NODE), str(DRIVERS / self.driver), str(NODE_FOLDER)]
        return [sys.executable, "-m", f"benchmarks.drivers.{self.driver}"]

    @property
    def is_program(self) -> bool:
        """Whether the driver is a program that was built, not a script."""
        return self.driver.startswith("/")

    @property
    def missing(self) -> str:
        """Why it can't be run here; empty: it can."""
        if self.is_program:
            return "" if Path(self.driver).exists() else "not built: make twilight"
        if not self.driver.endswith(".mjs"):
            return "" if importlib.util.find_spec(self.needs) else f"no package {self.needs}"
        if NODE is None:
            return "no node here"
        built = (NODE_FOLDER / "node_modules" / self.needs).is_dir()
        return "" if built else f"no npm package {self.needs}: make clients"


LIBRARIES: Final = (
    Library("twilight raw", str(TWILIGHT)),
    Library("discord.py", "discord_py", "discord"),
    Library("hikari", "hikari_bot", "hikari"),
    Library("@discordjs/ws zlib-sync", "discordjs.mjs", "zlib-sync/build", "zlib-sync"),
    Library("@discordjs/ws node zlib", "discordjs.mjs", "@discordjs/ws", "node zlib"),
)


def trusting(addresses: Mapping[str, Any]) -> dict[str, str]:
    """Return the environment in which a driver trusts the gateway's authority."""
    file = str(addresses["ca_file"])
    return {"NODE_EXTRA_CA_CERTS": file, "SSL_CERT_FILE": file}


async def microseconds(
    library: Library, gateway: Child, addresses: Mapping[str, Any], warm: int, events: int
) -> float:
    """Return the CPU microseconds an event of receiving and handling ``events``, after ``warm``
    others."""
    settings = {
        **addresses,
        "token": TOKEN,
        "compression": library.compression,
        "counts": [warm, warm + events],
    }
    env = trusting(addresses)
    async with child(library.label, library.command, settings, env) as client:
        assert (await client.line())["ready"]
        await gateway.ask("play", shard=0, first=0, last=warm)
        assert (await client.line())["count"] == warm
        before = cpu_seconds(client.pid)
        await gateway.ask("play", shard=0, first=warm, last=warm + events)
        assert (await client.line())["count"] == warm + events
        return (cpu_seconds(client.pid) - before) / events * 1e6
