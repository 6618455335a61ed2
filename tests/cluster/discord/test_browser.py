"""What we look like is said once: name, version, User-Agent, client hints, properties agree."""

from __future__ import annotations

import re

import pytest

from cluster.discord.browser import SYSTEMS, browser


@pytest.mark.parametrize("system", SYSTEMS)
def test_all_that_it_says_is_of_one_version_and_system(system: str) -> None:
    ours = browser(system=system)
    version = ours.target.removeprefix("chrome")
    assert version.isdecimal(), "libcurl's name of the newest Chrome"
    said = ours.properties()
    assert said["browser_user_agent"] == ours.user_agent
    assert said["browser_version"] == f"{version}.0.0.0"
    assert f"Chrome/{version}.0.0.0 " in ours.user_agent
    assert re.findall(r'"(?:Chromium|Google Chrome)";v="(\d+)"', ours.brands) == [version] * 2
    assert SYSTEMS[system].agent in ours.user_agent
    assert said["os"] == SYSTEMS[system].os


def test_an_unknown_system_is_told_to_be_linux() -> None:
    assert browser(system="FreeBSD").system is SYSTEMS["Linux"]


@pytest.mark.parametrize(
    ("target", "brands"),
    [  # as these versions were seen to send them
        ("chrome131", '"Google Chrome";v="131", "Chromium";v="131", "Not_A Brand";v="24"'),
        ("chrome136", '"Chromium";v="136", "Google Chrome";v="136", "Not.A/Brand";v="99"'),
    ],
)
def test_brands_are_chrome_s(target: str, brands: str) -> None:
    assert browser(target).brands == brands
