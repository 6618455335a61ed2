"""The dashboard: whole, about metrics that there are, and with links that lead somewhere.

That each of its queries is answered by a real Prometheus is seen in tests/e2e/test_prometheus.py.
"""

from __future__ import annotations

import re
from itertools import combinations
from typing import Any

import pytest

from tests.deploy.files import METRIC, ROOT, alerts, dashboard, expressions, headings, panels
from tests.deploy.known_metrics import known_metrics

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
PANELS = list(panels())


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return all(
        one[at] < other[at] + other[size] and other[at] < one[at] + one[size]
        for at, size in (("x", "w"), ("y", "h"))
    )


def test_panels_are_apart_and_known_by_their_numbers() -> None:
    all_of_them = dashboard()["panels"]
    assert len({panel["id"] for panel in all_of_them}) == len(all_of_them)
    for one, other in combinations(all_of_them, 2):
        assert not overlap(one["gridPos"], other["gridPos"]), (one["title"], other["title"])
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in all_of_them)


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_has_a_unit_and_asks_the_source_that_was_chosen(panel: dict[str, Any]) -> None:
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["datasource"] == SOURCE
    assert panel["targets"]
    assert all(target["datasource"] == SOURCE for target in panel["targets"])


@pytest.mark.parametrize(("where", "expression"), expressions().items())
def test_a_query_is_about_metrics_that_there_are_of_the_clusters_that_were_chosen(
    where: str, expression: str
) -> None:
    assert set(METRIC.findall(expression)) - known_metrics() == set()
    selectors = re.findall(r"\{([^}]*)\}", expression)
    assert selectors
    for selector in selectors:
        assert 'job="dcgw-cluster"' in selector
        assert 'instance=~"$instance"' in selector or where == "variable instance"


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_alerts_that_a_panel_names_have_a_link_into_the_runbook(panel: dict[str, Any]) -> None:
    named = re.findall(r"Dcgw\w+", panel["description"])
    assert set(named) <= {rule["alert"] for rule in alerts()}
    links = [link["url"].partition("#")[2] for link in panel.get("links", [])]
    assert links == [name.lower() for name in named]


def test_links_lead_to_the_runbook() -> None:
    there = headings(ROOT / "docs" / "operations.md")
    links = dashboard()["links"] + [link for panel in PANELS for link in panel.get("links", [])]
    assert len(links) > 5
    for link in links:
        page, _, anchor = link["url"].partition("#")
        assert page == "${runbook}"
        assert anchor in there
    assert "runbook" in [one["name"] for one in dashboard()["templating"]["list"]]
