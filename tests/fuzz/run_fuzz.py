"""``make fuzz``: coverage-guided fuzzing (atheris, which is libFuzzer) of what comes from outside.

Each target of fuzz_targets.py gets its part of the time, in a process of its own. What was found to
be new is kept in ``.fuzz/TARGET``, where the next run begins; an input that broke something is
``.fuzz/TARGET-crash-...``; ``python -m tests.fuzz.run_fuzz --target TARGET FILE`` runs it again.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

FOLDER = Path(".fuzz")
NAMES = (
    "inflate", "frame", "websocket", "zmtp", "batch", "messages", "command", "introduction",
    "event", "http", "gateway",
)  # fmt: skip
"""Names of the targets in fuzz_targets.py."""
MEMORY_MB = 2048
HANG_S = 10
MAX_INPUT = 8192


def run(target: str, arguments: list[str]) -> None:
    """Fuzz a target in this process, which libFuzzer ends."""
    import atheris  # type: ignore  # installed to fuzz alone, and it carries no types

    # What is imported before is not followed, so nothing of ours is.
    ours = ["cluster", "coordinator", "host_agent", "shard_worker", "tests.fuzz"]
    with atheris.instrument_imports(include=ours):
        from tests.fuzz.fuzz_targets import TARGETS

    atheris.Setup([sys.argv[0], *arguments], TARGETS[target][0])
    atheris.Fuzz()


def fuzz(target: str, seconds: int) -> bool:
    """Fuzz a target in a process of its own. False: something was found."""
    from tests.fuzz.fuzz_targets import TARGETS

    corpus, seeds = FOLDER / target, TARGETS[target][1]
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.run_fuzz", "--target", target,
         f"-max_total_time={seconds}",
         f"-rss_limit_mb={MEMORY_MB}", f"-timeout={HANG_S}", f"-max_len={MAX_INPUT}",
         f"-artifact_prefix={FOLDER}/{target}-", "-print_final_stats=1", str(corpus)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    stats = dict(re.findall(r"stat::(\w+):\s+(\d+)", done.stderr))
    new = len(list(corpus.iterdir())) - len(seeds)
    ran, peak = stats.get("number_of_executed_units", "?"), stats.get("peak_rss_mb", "?")
    outcome = "nothing found" if done.returncode == 0 else f"FOUND (exit {done.returncode})"
    print(f"{target:<10} {ran:>10} runs  {new:>5} kept  {peak:>5} MB  {outcome}", flush=True)
    if done.returncode != 0:
        print(done.stderr[-4000:] + done.stdout[-2000:])
    return done.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="all in all")
    parser.add_argument("--target", choices=NAMES, help="this one alone, in this process")
    options, rest = parser.parse_known_args()
    if options.target:
        run(options.target, rest)
        return 0
    share = max(1, options.seconds // len(NAMES))
    found = [target for target in NAMES if not fuzz(target, share)]
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
