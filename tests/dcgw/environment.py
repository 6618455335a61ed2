"""Virtual environments as users have them: dcgw-cluster from a wheel, beside other distributions.

No registry is asked: wheels are made here, and what dcgw-cluster stands on is that of the tests'
own environment, linked.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text())
OURS: Final = "dcgw-cluster"
COMMAND_S: Final = 60

Done = subprocess.CompletedProcess[str]


def make_wheel(folder: Path, name: str, files: Mapping[str, bytes]) -> None:
    """Write a wheel of pure Python into the folder. files: by their path in site-packages."""
    info = f"{name.replace('-', '_')}-1.0.dist-info"
    files = dict(files) | {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if name == OURS:
        lines = (f"{script} = {entry}" for script, entry in PROJECT["project"]["scripts"].items())
        files[f"{info}/entry_points.txt"] = "\n".join(["[console_scripts]", *lines]).encode()
    record = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    file = folder / f"{name.replace('-', '_')}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as wheel:
        for path, content in {**files, f"{info}/RECORD": record.encode()}.items():
            wheel.writestr(path, content)


def make_our_wheel(folder: Path) -> None:
    """The packages that pyproject.toml names, as they are in this tree."""
    packages = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    paths = [p for name in packages for p in (ROOT / name).rglob("*") if p.is_file()]
    files = {str(p.relative_to(ROOT)): p.read_bytes() for p in paths if p.suffix != ".pyc"}
    make_wheel(folder, OURS, files)


class Environment:
    """A virtual environment, with what dcgw-cluster stands on but not dcgw-cluster itself."""

    def __init__(self, folder: Path, wheels: Path) -> None:
        venv.create(folder / "venv", symlinks=True)
        self.bin = folder / "venv" / "bin"
        self.python = self.bin / "python"
        place = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
        self.site = folder / "venv" / place
        dependencies = folder / "dependencies"
        dependencies.mkdir()
        for kind in ("purelib", "platlib"):
            for entry in Path(sysconfig.get_path(kind)).iterdir():
                link = dependencies / entry.name
                if "dcgw" not in entry.name and not link.exists():
                    link.symlink_to(entry)
        (self.site / "dependencies.pth").write_text(f"{dependencies}\n")
        self._env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PIP_"))}
        self._env |= {
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(wheels),
            "PIP_YES": "1",
            "PIP_NO_COMPILE": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }

    def pip(self, *words: str) -> None:
        """Run pip on this environment; the wheels of the folder are all that it can install."""
        done = self._run(sys.executable, "-m", "pip", "--python", str(self.python), *words)
        assert done.returncode == 0, done.stderr

    def run(self, *words: str, cwd: Path | None = None) -> Done:
        """Run this environment's Python."""
        return self._run(str(self.python), *words, cwd=cwd)

    def command(self, *words: str, cwd: Path | None = None) -> Done:
        """Run the installed command ``dcgw-cluster``."""
        return self._run(str(self.bin / "dcgw-cluster"), *words, cwd=cwd)

    def _run(self, *words: str, cwd: Path | None = None) -> Done:
        return subprocess.run(
            words,
            env=self._env,
            cwd=cwd or self.site,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )
