"""``dcgw-cluster``, with a coordinator that calls a shard too silent after seconds, not minutes.

Run by its path, with the command's words. Only how long it takes until chance no longer explains a
silence is another (coordinator/workers/silences.py); that is measured in
tests/coordinator/workers/test_silences.py.
"""

from __future__ import annotations

import sys
from typing import Final

from cluster.cli import main as command_line
from cluster.cli.launch import CoordinatorProcess
from coordinator.__main__ import main as coordinator
from coordinator.workers import silences

COORDINATOR: Final = "coordinator"
"""The word by which this program starts itself as the coordinator."""
QUICK: Final = {"LEAST_S": 4.0, "MOST_OWED": 2.0, "LIKE_PRIOR_S": 1.0, "PRIOR_S": 1.0}

if __name__ == "__main__":
    if sys.argv[1:] == [COORDINATOR]:
        for name, seconds in QUICK.items():
            setattr(silences, name, seconds)
        sys.exit(coordinator())
    CoordinatorProcess.command = [sys.executable, "-P", __file__, COORDINATOR]
    command_line()
