"""The packages that users import show what is public, and nothing else."""

from __future__ import annotations

import importlib

import pytest

PUBLIC = {
    "cluster.subscriber": ["Event", "Gap", "Item", "Stalled", "Subscriber"],
    "cluster.control": ["ControlClient"],
    "cluster.cache": [
        "Bot",
        "Cache",
        "CacheError",
        "CacheFullError",
        "CachedGuild",
        "GuildState",
        "Part",
        "Snapshot",
    ],
}


@pytest.mark.parametrize("name", PUBLIC)
def test_a_package_shows_its_public_names_alone(name: str) -> None:
    package = importlib.import_module(name)
    assert sorted(package.__all__) == dir(package) == PUBLIC[name]
    assert all(hasattr(package, public) for public in PUBLIC[name])
