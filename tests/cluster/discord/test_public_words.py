"""The words that type checkers know are those that there are."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntFlag
from typing import Any, get_args

import pytest

from cluster.config.checks import (
    INTENT_GROUPS,
    capabilities_of,
    capability_groups,
    intents_of,
)
from cluster.discord.event_names import EVENT_NAMES, EventName, event_names
from cluster.discord.intents import Capabilities, CapabilityName, IntentName, Intents
from cluster.events.base import DISPATCHES
from cluster.sandbox.catalogue import catalogue


def test_events() -> None:
    listed = get_args(EventName)
    assert list(listed) == sorted(DISPATCHES) == sorted(catalogue().events)
    assert event_names(*listed) == list(listed)
    assert frozenset(listed) == EVENT_NAMES


@pytest.mark.parametrize(
    ("words", "groups", "flags"),
    [(IntentName, INTENT_GROUPS, Intents), (CapabilityName, capability_groups(1), Capabilities)],
)
def test_intents_and_capabilities(
    words: Any, groups: Mapping[str, int], flags: type[IntFlag]
) -> None:
    assert get_args(words) == (*groups, *(str(flag.name).lower() for flag in flags))
    names = get_args(words)
    bits = intents_of(names) if flags is Intents else capabilities_of(names, "user", 1)
    assert bits == sum(flags)
