"""The other witness: ZeroMQ and msgpack alone, by docs/wire-protocol.md; nothing of cluster/.

It takes everything, keeps what comes by seq, and hands on each shard's unbroken row. What is
missing for a moment it asks the replay server for. It also keeps the breaks of the live chain:
what one name lost on its way through the hub.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import deque
from typing import Any, Final

import msgpack  # type: ignore[import-untyped]  # it carries no types
import zmq

from tests.chaos.judgement.records import BLANKED, Item, Key, Place, ReceivedEvent, ReportedGap

PATIENCE_S: Final = 0.3
ANSWER_S: Final = 2.0
HEADS_S: Final = 1.0
FLOOD: Final = 1000
"""Messages within a second: what the hub keeps for one subscriber (SUBSCRIBER_HWM of
coordinator/hub/hub.py). A worker that comes back after long brings such a flood, and the hub may
drop some of it: it is to be asked for, and no break of the chain."""


class EpochState:
    """What is known of one epoch of a shard."""

    def __init__(self) -> None:
        self.have: dict[int, tuple[str, str, int] | str] = {}
        """seq -> event, or why there is none."""
        self.floor = 0
        """All up to here was handed on. Discord begins at 1."""
        self.top = 0
        self.end: int | None = None
        self.next: int | None = None
        self.still_since = 0.0
        self.asked_at = 0.0


class RawWitness:
    """Runs in a thread of its own from ``start`` to ``close``; ``take`` what it has."""

    def __init__(self, events: str, replay: str) -> None:
        self.problems: deque[str] = deque(maxlen=100)
        """Messages and answers that it could not make sense of."""
        self.breaks: deque[tuple[float, float, str]] = deque(maxlen=1000)
        """Breaks of the live chain: when the name last came and when the break was seen (both Unix
        seconds), and a text."""
        self.live: dict[Key, Place] = {}
        """The last event of each shard that came live."""
        self._arrived: deque[float] = deque(maxlen=FLOOD)
        """Unix seconds at which the last messages came."""
        self._endpoints = events, replay
        self._states: dict[Key, dict[int, EpochState]] = {}
        self._current: dict[Key, int] = {}
        self._names: dict[tuple[Key, int, str], tuple[int, float]] = {}
        """(shard, epoch, name) -> the last seq that came live, and when."""
        self._items: list[Item] = []
        self._position: dict[Key, Place] = {}
        self._asked: dict[int, tuple[Key, int]] = {}
        self._id = 0
        self._heads_at = 0.0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="raw witness", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(10)

    def take(self) -> tuple[list[Item], dict[Key, Place]]:
        """What was handed on since the last call, and how far each shard is."""
        with self._lock:
            items, self._items = self._items, []
            return items, dict(self._position)

    def ends(self, count: int) -> dict[Key, Place]:
        """Epoch and last seq of each shard of this count whose epoch is known to be over."""
        with self._lock:
            ends = {}
            for key, epoch in self._current.items():
                end = self._states[key][epoch].end
                if key[0] == count and end is not None:
                    ends[key] = (epoch, end)
            return ends

    # -- the thread ----------------------------------------------------------------------------

    def _run(self) -> None:
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        hub, asking = context.socket(zmq.SUB), context.socket(zmq.DEALER)
        hub.setsockopt(zmq.RCVHWM, 0)
        hub.subscribe(b"")
        asking.setsockopt(zmq.IMMEDIATE, 1)  # a question waits for nobody: it is asked again
        for socket, endpoint in zip((hub, asking), self._endpoints, strict=True):
            socket.setsockopt(zmq.LINGER, 0)
            socket.setsockopt(zmq.RECONNECT_IVL, 20)
            socket.connect(endpoint)
        poller = zmq.Poller()
        poller.register(hub, zmq.POLLIN)
        poller.register(asking, zmq.POLLIN)
        while not self._stop.is_set():
            ready = dict(poller.poll(50))
            with self._lock:
                self._drain(hub if hub in ready else None, asking if asking in ready else None)
                self._ask(asking)
        context.destroy(0)

    def _drain(self, hub: zmq.Socket[bytes] | None, asking: zmq.Socket[bytes] | None) -> None:
        for socket, read in ((hub, self._live), (asking, self._answer)):
            for _ in range(1000):
                if socket is None:
                    break
                try:
                    frame = socket.recv(zmq.NOBLOCK)
                except zmq.Again:
                    break
                try:
                    read(frame)
                except (ValueError, KeyError, IndexError, TypeError) as error:
                    self.problems.append(f"{type(error).__name__}: {error}: {frame[:80]!r}")
        for key in list(self._current):
            self._advance(key)

    # -- what comes ----------------------------------------------------------------------------

    def _live(self, frame: bytes) -> None:
        name, fields = split(frame)
        now = time.time()
        self._arrived.append(now)
        if name == "_watermark":
            for shard, count, epoch, before, seq, *_ in fields[5]:
                self._see((count, shard), epoch, before, seq)
            return
        if name == "_epoch_end":
            key = (fields[3], fields[2])
            self._see(key, fields[4], fields[5], fields[6])
            self._states[key][fields[4]].end = fields[6]
            return
        if name.startswith("_") and name != "_hole":
            return
        key, epoch = self._batch(name, fields)
        prev, last = fields[8], fields[11][-1][0]
        known, came_at = self._names.get((key, epoch, name), (None, now))
        base = prev if isinstance(prev, int) else prev[0]
        if known is not None and base > known and not self._flooded(now):
            lately = sum(now - arrived < 1 for arrived in self._arrived)
            text = f"{name} of {key} in epoch {epoch} goes from {known} to {base}"
            self.breaks.append((came_at, now, f"{text}; {lately} messages came within a second"))
        self._names[key, epoch, name] = (max(last, -1 if known is None else known), now)
        self.live[key] = max(self.live.get(key, (0, 0)), (epoch, last))

    def _flooded(self, now: float) -> bool:
        return len(self._arrived) == FLOOD and now - self._arrived[0] < 1

    def _batch(self, name: str, fields: list[Any]) -> tuple[Key, int]:
        """Keep a batch's events; return its shard and epoch."""
        key, epoch = (fields[3], fields[2]), fields[4]
        self._see(key, epoch, fields[5], fields[7])
        state = self._states[key][epoch]
        for seq, data in fields[11]:
            if name == "_hole":
                for skipped in range(json.loads(data)["first"], seq + 1):
                    self._put(state, skipped, "skipped")
            else:
                digest = hashlib.blake2b(data, digest_size=8).hexdigest()
                self._put(state, seq, (name, "" if name == BLANKED else digest, fields[10]))
        return key, epoch

    def _put(self, state: EpochState, seq: int, what: tuple[str, str, int] | str) -> None:
        if seq > state.floor:
            state.have.setdefault(seq, what)

    def _see(self, key: Key, epoch: int, before: list[int] | None, top: int) -> None:
        """Note that a shard has an epoch, which goes at least as far as ``top``."""
        states = self._states.setdefault(key, {})
        self._current.setdefault(key, epoch)
        if epoch < self._current[key]:
            if self._states[key][self._current[key]].floor or self._position.get(key):
                states.setdefault(epoch, EpochState())  # a past one: kept apart, never handed on
            else:
                self._current[key] = epoch
        state = states.setdefault(epoch, EpochState())
        state.top = max(state.top, top)
        if before is not None and before[0] in states:
            states[before[0]].end, states[before[0]].next = before[1], epoch

    def _answer(self, frame: bytes) -> None:
        answer = msgpack.unpackb(frame)
        if answer["type"] == "heads":
            for count, shard, epoch, seq, oldest, *later in answer["shards"]:
                if "held" in later:
                    continue  # a shard count that is not in force yet, and may never be
                if (count, shard) not in self._current:  # everything: from the oldest on
                    self._see((count, shard), oldest[0] if oldest else epoch, None, 0)
                self._see((count, shard), epoch, None, seq)
            return
        if answer["type"] == "refused" and answer["id"] not in self._asked:
            return  # which shards there are is not known yet: it is asked again in HEADS_S
        key, epoch = self._asked.pop(answer["id"])
        if answer["type"] != "range":
            self.problems.append(f"the replay server: {answer}")
            return
        state = self._states[key][epoch]
        state.asked_at = 0.0
        for message in answer["messages"]:
            name, fields = split(message)
            if not name.startswith("_") or name == "_hole":
                self._batch(name, fields)
        for first, last in answer["gone"]:
            for seq in range(max(first, state.floor + 1), last + 1):
                self._put(state, seq, "gone")
        state.top = max(state.top, answer["reached"])
        state.end = answer["end"] if state.end is None else state.end
        state.next = answer["next"] if state.next is None else state.next

    # -- what is handed on ---------------------------------------------------------------------

    def _advance(self, key: Key) -> None:
        epoch = self._current[key]
        state = self._states[key].setdefault(epoch, EpochState())
        moved = False
        while (what := state.have.pop(state.floor + 1, None)) is not None:
            state.floor += 1
            moved = True
            if isinstance(what, str):
                self._items.append(ReportedGap(key, epoch, None, state.floor, state.floor, what))
            else:
                self._items.append(ReceivedEvent(key, epoch, state.floor, *what))
        if moved or state.floor >= self._wanted(key, epoch, state):
            state.still_since = time.monotonic()
        if state.floor:
            self._position[key] = (epoch, state.floor)
        if state.end is not None and state.floor >= state.end:
            following = state.next or min((e for e in self._states[key] if e > epoch), default=None)
            if following is not None:
                # Who went on elsewhere and lost the session knows of no more than the checkpoint
                ended = max(state.end, state.floor)
                self._items.append(ReportedGap(key, epoch, None, ended + 1, None, "session_lost"))
                self._current[key] = following
                self._position[key] = (following, 0)
                self._states[key] = {
                    e: state for e, state in self._states[key].items() if e >= following
                }
                self._names = {k: v for k, v in self._names.items() if k[:2] != (key, epoch)}

    def _wanted(self, key: Key, epoch: int, state: EpochState) -> int:
        """The last seq that this epoch must have; one more if it ended, and nobody knows where."""
        later = state.end is None and any(e > epoch for e in self._states[key])
        return max(state.top, state.end or 0) + later

    def _ask(self, asking: zmq.Socket[bytes]) -> None:
        now = time.monotonic()
        if now - self._heads_at > HEADS_S:
            self._heads_at = now
            self._send(asking, {"type": "heads"})
        for key, epoch in self._current.items():
            state = self._states[key].setdefault(epoch, EpochState())
            still = state.floor < self._wanted(key, epoch, state)
            if still and now - state.still_since > PATIENCE_S and now - state.asked_at > ANSWER_S:
                state.asked_at = now
                question = {
                    "type": "range", "shard_count": key[0], "shard_id": key[1], "epoch": epoch,
                    "after": state.floor, "upto": None, "names": None,
                }  # fmt: skip
                number = self._send(asking, question)
                if number:
                    self._asked[number] = (key, epoch)

    def _send(self, asking: zmq.Socket[bytes], question: dict[str, Any]) -> int:
        self._id += 1
        try:
            asking.send(msgpack.packb(question | {"v": 1, "id": self._id}), zmq.NOBLOCK)
        except zmq.Again:
            return 0  # it is away
        return self._id


def split(frame: bytes) -> tuple[str, list[Any]]:
    """Split a message into its name and fields."""
    topic, _, payload = frame.partition(b"\0")
    fields: list[Any] = msgpack.unpackb(payload)
    if fields[0] != 1:
        raise ValueError(f"format {fields[0]}")
    return topic.decode().rsplit(".", 2)[0], fields
