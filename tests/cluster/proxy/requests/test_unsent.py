"""Unsent: told together, with counts, and not too often."""

from __future__ import annotations

import logging

import pytest

from cluster.proxy.requests.unsent import EVERY_S, Unsent


def test_what_fails_is_told_together(caplog: pytest.LogCaptureFixture) -> None:
    unsent = Unsent()
    with caplog.at_level(logging.WARNING):
        unsent.say(0.0)
        for _ in range(3):
            unsent.note(8, "music", "the cluster has stopped")
        unsent.delayed(4, "shard 1 is resuming")
        unsent.say(0.0)
        unsent.note(8, "", "the cluster has stopped")
        unsent.say(EVERY_S - 0.1)
        assert len(caplog.messages) == 1
        unsent.say(EVERY_S)
    first, second = caplog.messages
    assert "op 8 of music given up: 3, op 4 put off: 1" in first
    assert "the last: shard 1 is resuming" in first
    assert "op 8 of the bot given up: 1" in second
    assert unsent.count == 4
