"""The files of configs/ that a deployment takes, read as their programs read them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).parents[2]
CONFIGS: Final = ROOT / "configs"
PROMETHEUS: Final = CONFIGS / "prometheus"
RULES: Final = PROMETHEUS / "dcgw-cluster.rules.yml"
DASHBOARD: Final = CONFIGS / "grafana" / "dcgw-cluster.json"
METRIC: Final = re.compile(r"\bdcgw_[a-z_]+")


def alerts() -> list[dict[str, Any]]:
    """Return the alert rules."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboard() -> Any:
    return json.loads(DASHBOARD.read_text())


def panels() -> Iterator[dict[str, Any]]:
    """Yield the panels of the dashboard that show something, those in rows that are folded too."""
    for panel in dashboard()["panels"]:
        if panel["type"] == "row":
            yield from panel.get("panels", [])
        else:
            yield panel


def expressions() -> dict[str, str]:
    """Return the dashboard's queries by where they stand: panels, annotations and variables."""
    board = dashboard()
    found = {
        f"{panel['title']}: {target['refId']}": target["expr"]
        for panel in panels()
        for target in panel.get("targets", [])
    }
    for one in board["annotations"]["list"]:
        if "expr" in one:
            found[f"annotation {one['name']}"] = one["expr"]
    for one in board["templating"]["list"]:
        if one["type"] == "query":
            found[f"variable {one['name']}"] = one["query"]["query"]
    return found


def headings(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as the hosts of Markdown make them."""
    titles = re.findall(r"^#{2,6} (.+)$", page.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}
