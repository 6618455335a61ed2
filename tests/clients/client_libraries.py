"""The client libraries that the tests run, and what each may say while it does."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
NODE = shutil.which("node")
_PACKAGES = HERE / "node_modules"


@dataclass(frozen=True)
class Library:
    """One client library.

    ``sees_bytes``: the driver can hash d as it came. ``always``, ``when_cut``: patterns of log
    records from WARNING up that are expected; any other fails its test.
    """

    name: str
    driver: str
    sees_bytes: bool = True
    always: tuple[str, ...] = ()
    when_cut: tuple[str, ...] = ()

    def command(self) -> list[str]:
        """The command that starts its driver, in ``ROOT``."""
        if self.driver.endswith(".mjs"):
            return [str(NODE), str(HERE / self.driver)]
        return [sys.executable, "-m", self.driver]

    def unexpected(
        self, logs: list[dict[str, str]], expected: tuple[str, ...]
    ) -> list[dict[str, str]]:
        """Log records that match neither ``always`` nor ``expected``."""
        patterns = self.always + expected
        return [r for r in logs if not any(re.search(p, r["message"]) for p in patterns)]


DISCORD_PY = Library(
    "discord.py",
    "tests.clients.drive_discord_py",
    # It says so at start about packages for voice, which the gateway has no part in.
    always=("^(PyNaCl|davey) is not installed, voice will NOT be supported$",),
)
HIKARI = Library(
    "hikari",
    "tests.clients.drive_hikari",
    when_cut=(
        "^connection got reset by server. Will retry shortly$",
        "^failed to communicate with server, reason was: 'Socket has closed'. Will retry shortly$",
    ),
)
DISCORDJS = Library("@discordjs/ws", "drive_discordjs.mjs", sees_bytes=False)


def case(library: Library, compression: str) -> object:
    """A pytest parameter, skipped with its reason where the library can't run so."""
    reason = _missing(library, compression)
    marks = [pytest.mark.skip(reason=reason)] if reason else []
    return pytest.param(library, compression, id=f"{library.name}, {compression}", marks=marks)


def _missing(library: Library, compression: str) -> str:
    if library is DISCORDJS:
        if NODE is None:
            return "node is not installed"
        if not (_PACKAGES / "@discordjs" / "ws").is_dir():
            return "the npm packages are not installed: `make clients`"
        if compression == "zlib-sync" and not (_PACKAGES / "zlib-sync" / "build").is_dir():
            return "zlib-sync could not be built here (it is optional)"
    if library is DISCORD_PY and compression == "zstd-stream" and not _has_zstandard():
        return "discord.py needs zstandard, or Python 3.14, for zstd-stream"
    return ""


def _has_zstandard() -> bool:
    return sys.version_info >= (3, 14) or importlib.util.find_spec("zstandard") is not None
