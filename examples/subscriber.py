"""A bot beside a cluster, which goes on where it was when it is started again.

    python subscriber.py position.json [MESSAGE_CREATE ...]

It finds the cluster that runs on this host, or waits for one. What happened while it was away comes
first; what nobody can give it any more is a Gap. Ctrl-C and SIGTERM save where it is.
"""

import asyncio
import contextlib
import json
import math
import signal
import sys
import time
from collections import Counter
from pathlib import Path

from dcgw import Event, Gap, Subscriber, event_names

EVERY_S = 10.0


def saved(path: Path) -> dict[str, object] | str:
    """Return where it was, from a file; "now" if there is none."""
    return json.loads(path.read_text()) if path.exists() else "now"


def save(path: Path, position: dict[str, object]) -> None:
    """Write the position to a file in one step, so that no crash leaves half of it."""
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(position))
    draft.replace(path)


async def run(path: Path, names: list[str]) -> None:
    counts: Counter[str] = Counter()
    due = time.monotonic() + EVERY_S
    async with Subscriber(
        events=event_names(*names) or None, start=saved(path), wait=math.inf, name="sample bot"
    ) as events:
        try:
            async for item in events:
                if isinstance(item, Event):
                    counts[item.name] += 1  # a bot answers here
                elif isinstance(item, Gap):
                    print("missed:", item, flush=True)
                if time.monotonic() >= due:
                    due = time.monotonic() + EVERY_S
                    save(path, events.position)
                    print(f"in {EVERY_S:g} s:", dict(counts.most_common(5)), flush=True)
                    counts.clear()
        finally:
            save(path, events.position)


async def main(path: Path, names: list[str]) -> None:
    task = asyncio.create_task(run(path, names))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2:]))
