"""refresh against a played coordinator: what it costs, and who is asked."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from click.testing import Result

from cluster.cli.verbs import refresh
from cluster.wire.status import BudgetStatus

Dcgw = Callable[..., Result]
Running = Callable[..., subprocess.Popen[bytes]]
BUDGET = BudgetStatus(
    total=1000, remaining=996, reset_after_s=86_000.0, max_concurrency=1, spent=4, waiting=[],
    wait_s=0.0,
)  # fmt: skip


def verbs(seen: Path) -> list[str]:
    lines = [json.loads(line) for line in seen.read_text().splitlines()]
    return [line["verb"] for line in lines if "verb" in line]


def test_a_script_is_not_asked(dcgw: Dcgw, running: Running, home: Path) -> None:
    seen = home / "seen.jsonl"
    running(seen=str(seen))
    result = dcgw("refresh", "--shard", "2")
    assert (result.exit_code, result.stdout) == (0, "sandbox: shard 2 identified anew.\n")
    assert verbs(seen) == ["refresh"]


@pytest.mark.parametrize(
    ("answer", "asked"), [("y\n", ["status", "refresh"]), ("n\n", ["status"]), ("\n", ["status"])]
)
def test_a_person_is_told_the_price_and_asked(
    answer: str, asked: list[str], dcgw: Dcgw, running: Running, home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(refresh, "somebody_answers", lambda: True)
    seen = home / "seen.jsonl"
    running(seen=str(seen))
    result = dcgw("refresh", "--shard", "2", input=answer)
    assert result.exit_code == 0
    assert result.stdout.startswith("Shard 2 will identify anew, which costs one identify. 996 of")
    assert ("Nothing was done." in result.stdout) == (asked == ["status"])
    assert verbs(seen) == asked


def test_yes_is_an_answer(
    dcgw: Dcgw, running: Running, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refresh, "somebody_answers", lambda: True)
    seen = home / "seen.jsonl"
    running(seen=str(seen))
    assert dcgw("refresh", "--shard", "2", "--yes").exit_code == 0
    assert verbs(seen) == ["refresh"]


def test_a_shard_is_named(dcgw: Dcgw) -> None:
    assert dcgw("refresh").exit_code == 2
    assert dcgw("refresh", "--shard", "-1").exit_code == 2


def test_the_price() -> None:
    assert refresh.price(3, BUDGET) == (
        "Shard 3 will identify anew, which costs one identify. 996 of 1,000 are left until 23 h "
        "from now."
    )
    unknown = msgspec.structs.replace(BUDGET, known=False)
    assert refresh.price(3, unknown) == (
        "Shard 3 will identify anew, which costs one identify. Discord has not said how many are "
        "left."
    )
