"""How much a worker logs."""

from __future__ import annotations

import logging

from shard_worker import shard_log


def set_level(level: str) -> None:
    """Log from this level on: "debug", "info" ... What a shard says of its states is left to
    "debug": the coordinator tells each once, and sums up what a thousand of them do."""
    logging.getLogger().setLevel(level.upper())
    quiet = logging.NOTSET if level == "debug" else logging.WARNING
    logging.getLogger(shard_log.__name__).setLevel(quiet)
