"""The files of configs/ that a deployment takes, read as their programs read them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).parents[2]
CONFIGS: Final = ROOT / "configs"
PROMETHEUS: Final = CONFIGS / "prometheus"
RULES: Final = PROMETHEUS / "dcgw-cluster.rules.yml"
METRIC: Final = re.compile(r"\bdcgw_[a-z_]+")


def alerts() -> list[dict[str, Any]]:
    """Return the alert rules."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def headings(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as the hosts of Markdown make them."""
    titles = re.findall(r"^#{2,6} (.+)$", page.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}
