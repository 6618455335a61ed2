"""Lines on a shard can be looked for by shard and epoch, whatever their words are."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cluster.logs.formatter import LineFormatter
from cluster.wire.states import SessionState
from shard_worker.shard_log import ShardLog


def test_a_line_on_a_state_has_shard_and_epoch_as_fields(caplog: pytest.LogCaptureFixture) -> None:
    session = SimpleNamespace(
        unremarkable=False, state=SessionState.READY, outage=None, detail="", next_try=None, epoch=3
    )
    with caplog.at_level(logging.INFO):
        ShardLog(7).state(cast(Any, session), 0.0)
    (record,) = caplog.records
    line = LineFormatter("worker-0").format(record)
    assert 'msg="shard 7: ready"' in line
    assert "shard=7 epoch=3" in line
