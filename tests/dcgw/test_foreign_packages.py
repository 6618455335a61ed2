"""Other packages of our packages' names, in real environments: told in one line, with the cure."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cluster.errors import ConfigError
from dcgw.__main__ import EXIT_FOREIGN
from tests.dcgw.environment import OURS, ROOT, Done, Environment, make_our_wheel, make_wheel

PROGRAMS = [
    "from dcgw import Subscriber",
    "from dcgw import GatewayClient",
    "from dcgw.events import MessageCreate",
    "from dcgw.events.objects import Message",
    "from dcgw.errors import ClusterError",
    "from dcgw.commands import Subscription",
    "from dcgw.sandbox import Sandbox",
]
FOREIGN = b"raise SystemExit('a foreign package was imported')\n"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What can be installed: ours, and another distribution with a package ``cluster``."""
    folder = tmp_path_factory.mktemp("wheels")
    make_our_wheel(folder)
    make_wheel(folder, "cluster", {"cluster/__init__.py": FOREIGN, "cluster/matrix.py": b""})
    return folder


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, wheels: Path) -> Environment:
    """One with dcgw-cluster; a test leaves it as it was."""
    environment = Environment(tmp_path_factory.mktemp("installed"), wheels)
    environment.pip("install", "--no-deps", OURS)
    return environment


def works(done: Done) -> bool:
    return done.returncode == 0 and done.stderr == ""


def complaint(done: Done) -> str:
    """The one line that the command ends with."""
    assert (done.returncode, done.stdout) == (EXIT_FOREIGN, ""), done
    (line,) = done.stderr.splitlines()
    return line.removeprefix("Error: ")


def import_error(done: Done) -> str:
    """What a program's import ends with."""
    assert done.returncode == 1, done
    kind, _, line = done.stderr.splitlines()[-1].partition(": ")
    assert kind == "dcgw.installation.ForeignPackageError"
    return line


def cures(line: str) -> list[list[str]]:
    """The pip commands that a line names."""
    return [words.split() for words in re.findall(r"`pip ([^`]+)`", line)]


def test_it_ends_as_other_wrong_configurations_do() -> None:
    assert ConfigError.exit_code == EXIT_FOREIGN


@pytest.mark.timeout(180)
def test_a_distribution_that_writes_over_our_package(installed: Environment) -> None:
    """As ``pip install cluster`` does; what the line tells to do is done, word for word."""
    assert works(installed.command("--version"))
    installed.pip("install", "cluster")
    file = installed.site / "cluster" / "__init__.py"
    assert file.read_bytes() == FOREIGN
    line = complaint(installed.command("status"))
    assert line.startswith(f"{file} is of the distribution cluster, ")
    assert complaint(installed.run("-m", "dcgw", "status")) == line
    for program in PROGRAMS:
        assert import_error(installed.run("-c", program)) == line
    uninstall, reinstall = cures(line)
    installed.pip(*uninstall)
    line = complaint(installed.command("status"))
    assert line.startswith(f"dcgw-cluster's {file} is missing: ")
    assert cures(line) == [reinstall]
    installed.pip(*reinstall)
    assert works(installed.command("--version"))
    for program in PROGRAMS:
        assert works(installed.run("-c", program)), program


def test_a_file_that_was_changed_by_hand(installed: Environment) -> None:
    file = installed.site / "shard_worker" / "__init__.py"
    ours = file.read_bytes()
    file.write_bytes(FOREIGN)
    try:
        line = complaint(installed.command("status"))
    finally:
        file.write_bytes(ours)
    assert line.startswith(f"{file} is not dcgw-cluster's any more: ")
    assert works(installed.command("--version"))


@pytest.mark.parametrize("name", ["cluster.py", "cluster/__init__.py", "coordinator.py"])
def test_a_module_of_the_bot_s_own(name: str, installed: Environment, tmp_path: Path) -> None:
    """Found first by a program in its folder; the installed command does not look there."""
    (tmp_path / "bot.py").write_text("\n".join([*PROGRAMS, "print('runs')"]))
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(FOREIGN)
    line = import_error(installed.run("bot.py", cwd=tmp_path))
    package = name.partition("/")[0].removesuffix(".py")
    assert line.startswith(f"{file} is in the way of dcgw-cluster's package {package}: ")
    assert complaint(installed.run("-m", "dcgw", "status", cwd=tmp_path)) == line
    assert works(installed.command("--version", cwd=tmp_path))
    file.rename(file.with_name("groups.py"))
    assert installed.run("bot.py", cwd=tmp_path).stdout == "runs\n"


def test_a_distribution_before_an_editable_installation(tmp_path: Path, wheels: Path) -> None:
    """What is in site-packages is found before the tree that a ``.pth`` file names."""
    editable = Environment(tmp_path, wheels)
    (editable.site / "ours.pth").write_text(f"{ROOT}\n")
    assert works(editable.run("-m", "dcgw", "--version"))
    editable.pip("install", "cluster")
    line = complaint(editable.run("-m", "dcgw", "--version"))
    assert line.startswith(f"{editable.site / 'cluster' / '__init__.py'} is of the distribution ")
    editable.pip(*cures(line)[0])
    assert works(editable.run("-m", "dcgw", "--version"))


def test_a_program_in_an_archive(tmp_path: Path, wheels: Path) -> None:
    """Nothing of it can be overwritten: it is asked where the packages are, and no more."""
    (archive,) = wheels.glob("dcgw_cluster-*.whl")
    program = f"import sys; sys.path.insert(0, {str(archive)!r}); {PROGRAMS[2]}"
    assert works(Environment(tmp_path, wheels).run("-c", program))
