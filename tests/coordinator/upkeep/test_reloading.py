"""What SIGHUP changes, and what a configuration that can't be used does not."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.config.keys import HttpConfig
from cluster.config.schema import Given
from cluster.service_manager import ServiceManager
from coordinator.happenings.record import HappeningRecord
from coordinator.upkeep.reloading import Reloading, waiting
from coordinator.upkeep.service import Service

TOKENS = ("first-token-of-http", "second-token-of-http")


@pytest.fixture(autouse=True)
def level() -> Iterator[None]:
    before = logging.getLogger().level
    yield
    logging.getLogger().setLevel(before)


class Rig:
    def __init__(self, folder: Path) -> None:
        self.file, self.token_file = folder / "cluster.toml", folder / "token"
        self.token_file.write_text(TOKENS[0])
        self.token_file.chmod(0o600)
        self.file.write_text('log_level = "info"')
        self.levels, self.of_children = list[str](), list[str]()
        self.renewed = list[tuple[str, int]]()
        self.proxy_renewed = 0
        """How often the proxy was told to read its secrets and certificate again."""
        self.record = HappeningRecord(lambda: 0.0, lambda: 1e9)
        spec = CoordinatorSpec(
            name="t", state_dir=str(folder), runtime_dir=str(folder), token="t",
            config_file=str(self.file), http=HttpConfig(token_file=str(self.token_file)),
            http_token=TOKENS[0],
        )  # fmt: skip
        nothing = cast(Any, None)
        self.reloading = Reloading(
            spec,
            self.record,
            Service(ServiceManager(), nothing, nothing, ready_shards=0),
            cast(Any, SimpleNamespace(set_log_level=self.levels.append)),
            cast(
                Any,
                SimpleNamespace(
                    http=SimpleNamespace(renew=self._renew),
                    set_log_level=self.of_children.append,
                    proxy=SimpleNamespace(renew=self._renew_proxy),
                ),
            ),
        )

    def _renew_proxy(self) -> None:
        self.proxy_renewed += 1

    def _renew(self, spec: CoordinatorSpec, number: int) -> None:
        self.renewed.append((spec.http_token, number))

    def reload(self) -> str:
        """Read it again; return what is told."""
        self.reloading.reload()
        return self.record.since(0).happenings[-1].text


def test_the_level_and_the_token(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    assert rig.reload() == "the configuration was read again: nothing has changed"
    rig.file.write_text('log_level = "error"')
    assert rig.reload() == "the configuration was read again: log_level is error"
    assert logging.getLogger().level == logging.ERROR
    rig.token_file.write_text(TOKENS[1])
    assert rig.reload() == "the configuration was read again: HTTP has another token"
    assert rig.of_children == rig.levels
    assert (rig.levels, rig.renewed) == (["error"], [(TOKENS[1], signal.SIGHUP)])
    assert rig.reload() == "the configuration was read again: nothing has changed"
    assert rig.proxy_renewed == 4, "its processes look at their files each time"


def test_what_takes_a_restart_is_named_until_it_is_as_it_was(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    said = "the configuration was read again: "
    rig.file.write_text('log_level = "error"\nworkers = 2\n[journal]\nbytes = 2000000')
    needs = "a restart is needed for journal.bytes, workers"
    assert rig.reload() == f"{said}log_level is error, {needs}"
    assert rig.reload() == f"{said}{needs}"
    rig.file.write_text("workers = 2")
    assert rig.reload() == f"{said}log_level is info, a restart is needed for workers"
    rig.file.write_text("")
    assert rig.reload() == f"{said}nothing has changed"


def test_a_key_that_has_another_value_or_is_there_no_more_waits() -> None:
    start = {"a": Given(1, "f"), "b": Given(1, "f"), "c": Given(1, "f"), "log_level": Given(1, "f")}
    now = {"a": Given(2, "f"), "b": Given(1, "f"), "d": Given(1, "f"), "log_level": Given(2, "f")}
    assert waiting(start, now) == ["a", "c", "d"]
    assert waiting(None, now) == waiting(start, None) == []


@pytest.mark.parametrize(
    ("text", "token", "why"),
    [
        ("log_level = [", TOKENS[1], "is not valid TOML"),
        ('log_level = "loud"', TOKENS[1], "log_level"),
        ('log_level = "error"\nshards = "x"', TOKENS[1], "x"),
        ('log_level = "error"', "short", "holds no token of 16 characters"),
        (None, TOKENS[1], "does not exist"),
    ],
)
def test_one_that_cant_be_used_changes_nothing(
    tmp_path: Path, text: str | None, token: str, why: str
) -> None:
    rig = Rig(tmp_path)
    if text is None:
        rig.file.unlink()
    else:
        rig.file.write_text(text)
    rig.token_file.write_text(token)
    before = logging.getLogger().level
    said = rig.reload()
    assert said.startswith("the configuration was read again and can't be used; what was holds: ")
    assert why in said
    assert token not in said
    assert (rig.levels, rig.renewed, logging.getLogger().level) == ([], [], before)
    rig.file.write_text('log_level = "error"')
    rig.token_file.write_text(TOKENS[1])
    assert rig.reload().endswith("log_level is error, HTTP has another token")
