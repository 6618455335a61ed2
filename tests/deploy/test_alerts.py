"""The alert rules: each is whole, is about metrics that there are, fires and does not fire."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest
import yaml

from tests.deploy.files import METRIC, PROMETHEUS, ROOT, RULES, alerts, headings
from tests.deploy.known_metrics import known_metrics

CASES: Final = Path(__file__).parent / "alerts.test.yml"
PROMTOOL: Final = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool is not here: apt-get install prometheus"
)
NAMES: Final = [rule["alert"] for rule in alerts()]


def promtool(*arguments: str) -> str:
    assert PROMTOOL is not None
    done = subprocess.run(
        [PROMTOOL, *arguments], capture_output=True, text=True, cwd=ROOT, timeout=80, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_promtool
def test_rules_and_configuration_are_well_formed() -> None:
    assert f"{len(NAMES)} rules found" in promtool("check", "rules", str(RULES))
    promtool("check", "config", str(PROMETHEUS / "prometheus.yml"))


@needs_promtool
def test_each_alert_fires_when_it_should_and_then_alone() -> None:
    promtool("test", "rules", str(CASES))


def test_each_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    checks = [
        check
        for case in yaml.safe_load(CASES.read_text())["tests"]
        for check in case["promql_expr_test"]
    ]
    for fires in (True, False):
        named = {
            re.search(r'alertname="(\w+)"', check["expr"])[1]  # type: ignore[index]
            for check in checks
            if bool(check["exp_samples"]) is fires
        }
        assert named == set(NAMES), fires


@pytest.mark.parametrize("rule", alerts(), ids=NAMES)
def test_an_alert_tells_how_bad_it_is_what_it_means_and_what_to_do(rule: dict[str, object]) -> None:
    labels, annotations = rule["labels"], rule["annotations"]
    assert isinstance(labels, dict)
    assert isinstance(annotations, dict)
    assert labels["severity"] in ("critical", "warning")
    assert set(annotations) == {"summary", "description", "runbook_url"}
    assert annotations["summary"].startswith("{{ $labels.instance }}: ")
    page, _, anchor = annotations["runbook_url"].partition("#")
    assert anchor == str(rule["alert"]).lower()
    assert anchor in headings(ROOT / page)


def test_alerts_and_runbook_name_the_same() -> None:
    text = (ROOT / "docs" / "operations.md").read_text()
    assert sorted(re.findall(r"^### (Dcgw\w+)$", text, re.M)) == sorted(NAMES)


@pytest.mark.parametrize("rule", alerts(), ids=NAMES)
def test_an_alert_is_about_metrics_that_there_are(rule: dict[str, object]) -> None:
    named = set(METRIC.findall(str(rule["expr"])))
    assert named - known_metrics() == set()
    assert named or rule["alert"] == "DcgwDown"


@pytest.mark.parametrize("rule", alerts(), ids=NAMES)
def test_an_alert_looks_at_no_other_job(rule: dict[str, object]) -> None:
    selectors = re.findall(r"\b(?:dcgw_[a-z_]+|up)(\{[^}]*\})?", str(rule["expr"]))
    assert selectors
    assert all('job="dcgw-cluster"' in selector for selector in selectors)
