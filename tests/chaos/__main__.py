"""`make chaos FAULTS=n SEED=n [ONLY=k] [RESTS=when] [HOSTS=n]`: a storm of faults on a cluster,
and its table."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time

from rich.console import Console

from tests.chaos.chaos_run import SHAPE, ChaosRun
from tests.chaos.cluster_processes import RESTS
from tests.chaos.report import Progress, again, table, verdict


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--faults", type=int, default=60, help="how many (FAULTS=)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same storm (SEED=)")
    parser.add_argument("--only", type=int, help="the pair with this fault, alone (ONLY=)")
    parser.add_argument(
        "--rests", choices=RESTS, default="usual",
        help="when workers let their sockets rest (latency_ms): where much comes, as they usually "
        "do, always, or never (RESTS=)",
    )  # fmt: skip
    parser.add_argument(
        "--hosts", type=int, default=0,
        help="on how many hosts the workers run; 0: beside the coordinator (HOSTS=)",
    )  # fmt: skip
    given = parser.parse_args()
    if given.hosts == 1:
        parser.error("of one host that is lost nobody takes the shards: give 2 or more")
    console = Console()
    if not console.is_terminal:
        console = Console(width=150)
    began = time.monotonic()
    chaos = run(console, given.seed, given.faults, given.only, given.rests, given.hosts)
    console.print(table(chaos))
    console.print(verdict(chaos, time.monotonic() - began), highlight=False)
    first = chaos.log.first_failure
    if first is not None and given.only is None:
        console.print(f"\nIts pair alone, {again(chaos, first.number)}:")
        alone = run(console, given.seed, given.faults, first.number, given.rests, given.hosts)
        console.print(verdict(alone, 0.0), highlight=False)
    return first is not None


def run(
    console: Console, seed: int, faults: int, only: int | None, rests: str, hosts: int
) -> ChaosRun:
    shape = SHAPE._replace(hosts=hosts)

    async def run_with_progress() -> ChaosRun:
        chaos = ChaosRun(seed, faults, only=only, rests=rests, shape=shape)
        with Progress(console, chaos) as progress:
            chaos.tell = progress.line
            await chaos.run()
        return chaos

    return asyncio.run(run_with_progress())


if __name__ == "__main__":
    sys.exit(main())
