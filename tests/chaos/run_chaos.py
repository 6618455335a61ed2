"""`make chaos FAULTS=n SEED=n [ONLY=k]`: a storm of faults on a cluster, and the table of it."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time

from rich.console import Console

from tests.chaos.chaos_table import Progress, table, verdict
from tests.chaos.tempest import Tempest


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--faults", type=int, default=60, help="how many (FAULTS=)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same storm (SEED=)")
    parser.add_argument("--only", type=int, help="the pair with this fault, alone (ONLY=)")
    given = parser.parse_args()
    console = Console()
    if not console.is_terminal:
        console = Console(width=150)
    began = time.monotonic()
    tempest = run(console, given.seed, given.faults, given.only)
    console.print(table(tempest))
    console.print(verdict(tempest, time.monotonic() - began), highlight=False)
    if tempest.breaches and given.only is None and (first := tempest.first_failure) is not None:
        console.print(f"\nIts pair alone, SEED={given.seed} ONLY={first.number}:")
        alone = run(console, given.seed, given.faults, first.number)
        console.print(verdict(alone, 0.0), highlight=False)
    return bool(tempest.breaches)


def run(console: Console, seed: int, faults: int, only: int | None) -> Tempest:
    async def storm() -> Tempest:
        tempest = Tempest(seed, faults, only=only)
        with Progress(console, tempest) as progress:
            tempest.tell = progress.line
            await tempest.run()
        return tempest

    return asyncio.run(storm())


if __name__ == "__main__":
    sys.exit(main())
