"""``python -m tests.e2e.on_hosts.remote_witness KEY_FILE``: a subscriber over TCP, from the oldest
event on.

A line of JSON for each event, {"row": [shard, seq, name, hash of d]}, and for each gap, {"gap":
text}. It ends when it is killed.
"""

from __future__ import annotations

import asyncio
import json
import sys

from cluster.subscriber import Event, Gap, Subscriber
from tests.e2e.watching import row_of


async def main(keys: str) -> None:
    async with Subscriber(start="oldest", keys=keys, name="far away") as subscriber:
        async for item in subscriber:
            if isinstance(item, Event):
                row = row_of(item.shard_id, item.seq, item.name, item.data)
                print(json.dumps({"row": row}), flush=True)
            elif isinstance(item, Gap):
                print(json.dumps({"gap": str(item)}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
