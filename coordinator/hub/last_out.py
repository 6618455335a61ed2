"""What came out of the hubs last, by a subscriber of the coordinator's own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Final

import zmq

from cluster.decode_errors import worth_saying
from cluster.wire import topic, watermark
from cluster.wire.position import ShardKey

log = logging.getLogger(__name__)

READ_AT_ONCE: Final = 100
"""How many watermarks are taken before the loop does something else."""


class LastOut:
    """Remembers the last watermark of each shard that came out of a hub, as any subscriber does.

    It is where the cursor of a worker's next process starts.
    """

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], endpoints: Iterable[str]) -> None:
        """endpoints: where each hub publishes."""
        self.shards: dict[ShardKey, tuple[int, int]] = {}
        """Shard -> (epoch, seq)."""
        self.slots: dict[int, int] = {}
        """Slot -> sent_ns of its last watermark."""
        self.refused = 0
        """How many messages under a watermark's topic were none."""
        self._socket = context.socket(zmq.SUB)
        self._socket.setsockopt(zmq.RCVHWM, 1000)
        self._socket.subscribe(topic.subscription(topic.WATERMARK))
        for endpoint in endpoints:
            self._socket.connect(endpoint)
        self._fd = int(self._socket.getsockopt(zmq.FD))
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Follow the hubs on this loop."""
        self._loop = loop
        loop.add_reader(self._fd, self.read)
        self.read()

    def read(self) -> None:
        """Take the watermarks that have come; of many, the rest when the loop comes back."""
        for _ in range(READ_AT_ONCE):
            if self._socket.closed:
                return
            try:
                message = self._socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            try:
                mark = watermark.decode(topic.split(message)[2])
            except topic.WireError as error:
                self.refused += 1
                if worth_saying(self.refused):
                    log.warning("watermark %d was refused: %s", self.refused, error)
                continue
            self.slots[mark.slot] = mark.sent_ns
            for row in mark.shards:
                # Two slots may name a shard that has moved: the newer position counts.
                key = ShardKey(row.shard_count, row.shard_id)
                self.shards[key] = max(self.shards.get(key, (0, -1)), (row.epoch, row.seq))
        if self._loop is not None:
            self._loop.call_soon(self.read)

    def close(self) -> None:
        if self._socket.closed:
            return
        if self._loop is not None:
            self._loop.remove_reader(self._fd)
        self._socket.close(0)
