"""The verdict on a client of the gateway proxy: what a Subscriber got and it did not, what came
twice, what came in another order. Pure.

A client of the proxy sees neither shards nor seqs of the cluster: an event is known by its name and
the bytes of its `d`. What it must get is what the witness "all" got, which is judged by itself.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from typing import Final, NamedTuple

from tests.chaos.judgement.records import Breach, Key, ReceivedEvent

Content = tuple[str, str]
"""Name, hash of `d`."""
COMPARED: Final = frozenset(("MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE"))
"""Events of which no two are the same to the byte, so that it can be told which of them came: a
fifth of the traffic, of all shards. Others share their way, and their places on it."""
BEGINS_S: Final = 2.0
"""Seconds before a client was ready of which some events may come to it, and others not."""


class Spot(NamedTuple):
    """Where an event stands among those of its shard."""

    key: Key
    number: int


class Truth:
    """What all clients must get, in the order of each shard."""

    def __init__(self) -> None:
        self.spots: defaultdict[Content, list[Spot]] = defaultdict(list)
        self.received_ns: dict[Spot, int] = {}
        """When a worker took it off the socket, in Unix nanoseconds."""
        self.contents: dict[Spot, Content] = {}
        self.order: list[Spot] = []
        """All of them, as they came to be known."""
        self._lengths: Counter[Key] = Counter()

    def add(self, events: Iterable[ReceivedEvent]) -> None:
        for event in events:
            if event.name not in COMPARED:
                continue
            spot = Spot(event.key, self._lengths[event.key])
            self._lengths[event.key] += 1
            self.spots[event.name, event.hash].append(spot)
            self.received_ns[spot] = event.received_ns
            self.contents[spot] = (event.name, event.hash)
            self.order.append(spot)


class Delivery(NamedTuple):
    """A dispatch as a client got it."""

    seq: int
    content: Content
    moment: float
    """Unix seconds."""


class ProxiedAudit:
    """Judges one client. ``take`` what it gets, ``work``; breaches gather in ``breaches``."""

    def __init__(self, who: str, truth: Truth) -> None:
        self.who = who
        self.breaches: list[Breach] = []
        self.repeats = 0
        """How many events came again, where they may."""
        self.ordered = True
        """Whether a shard's events come in its order: not while two shard counts overlap."""
        self.truth = truth
        self._queue: deque[Delivery | int] = deque()
        """What is not judged yet; a number: here a session began anew, and what came beyond this
        s of the one before may come again."""
        self._begun_ns: int | None = None
        self._got: set[Spot] = set()
        self._known = 0
        """How many spots of the truth it has seen."""
        self._missing: dict[Spot, int] = {}
        """What has not come -> when a worker had it, in Unix nanoseconds."""
        self._last: dict[Key, int] = {}
        """The last event of each shard that came, in this session."""
        self._session: list[tuple[int, Spot]] = []
        self._first = 0
        """The s with which it has come back last."""
        self._may_repeat: set[Spot] = set()

    @property
    def has_begun(self) -> bool:
        """Whether it was ready once."""
        return self._begun_ns is not None

    def began(self, moment: float) -> None:
        """Note that it is ready for the first time: what happens from now on it must get."""
        if self._begun_ns is None:
            self._begun_ns = int(moment * 1e9)

    def take(self, seq: int, name: str, digest: str, moment: float) -> None:
        if name in COMPARED:
            self._queue.append(Delivery(seq, (name, digest), moment))

    def identified(self, acknowledged: int) -> None:
        """A new session begins: what came after this s of the old one may come again."""
        self._queue.append(acknowledged)

    def work(self) -> None:
        """Judge all that can be judged now."""
        for spot in self.truth.order[self._known :]:
            self._missing[spot] = self.truth.received_ns[spot]
        self._known = len(self.truth.order)
        while self._queue:
            item = self._queue[0]
            if isinstance(item, int):
                self._restart(item)
            elif not self._judge(item):
                return
            self._queue.popleft()

    def due(self, until: float) -> list[Spot]:
        """What was received by a worker before this moment (Unix seconds) and has not come."""
        if self._begun_ns is None:
            return []
        begun_ns, until_ns = self._begun_ns, until * 1e9
        return [spot for spot, at in self._missing.items() if begun_ns < at < until_ns]

    def unknown(self, until: float) -> Content | None:
        """The first that came before this moment (Unix seconds) and no shard is known to have had;
        None: there is none."""
        item = self._queue[0] if self._queue else None
        return item.content if isinstance(item, Delivery) and item.moment < until else None

    def settle(self, until: float) -> None:
        """Nothing is on its way any more: what is due is lost, what is unknown was made up."""
        while (content := self.unknown(until)) is not None:
            self._breach("other", until, f"no shard had this: {content}")
            self._queue.popleft()
            self.work()
        for spot in self.due(until):
            name = self.truth.contents[spot][0]
            moment = self.truth.received_ns[spot] / 1e9
            self._breach("lost", moment, f"{name}, number {spot.number} of {spot.key}")
            del self._missing[spot]

    def _restart(self, acknowledged: int) -> None:
        for seq, spot in self._session:
            if seq > acknowledged:
                self._may_repeat.add(spot)
        self._first = 0
        self._session.clear()
        self._last.clear()

    def _judge(self, item: Delivery) -> bool:
        """Find the event's spot; False: no shard is known to have it yet."""
        spots = self.truth.spots.get(item.content, [])
        new = [spot for spot in spots if spot not in self._got and self._may_come(spot)]
        again = [spot for spot in spots if spot in self._may_repeat]
        later = [spot for spot in (*again, *new) if spot.number > self._last.get(spot.key, -1)]
        if later:
            spot = min(later, key=lambda spot: spot.number)
        elif new:
            spot = new[0]
            if self.ordered:
                text = f"{item.content[0]}, number {spot.number} of {spot.key}, after number "
                self._breach("disorder", item.moment, f"{text}{self._last[spot.key]}")
        elif again and not self.ordered:
            spot = again[0]
        elif again or (spots and self._surely_known(item, spots)):
            text = f"{item.content[0]} as s {item.seq}: {', '.join(map(str, spots))}; the shard is "
            text += f"at {self._last.get(spots[-1].key)}, the session's first was {self._first}"
            self._breach("duplicate", item.moment, text)
            return True
        else:
            return False
        self.repeats += spot in self._got
        self._got.add(spot)
        self._missing.pop(spot, None)
        self._last[spot.key] = max(self._last.get(spot.key, -1), spot.number)
        self._session.append((item.seq, spot))
        self._first = self._first or item.seq
        return True

    def _may_come(self, spot: Spot) -> bool:
        """Whether it did not happen long before the client was ready."""
        if self._begun_ns is None:
            return True
        return self.truth.received_ns[spot] > self._begun_ns - BEGINS_S * 1e9

    def _surely_known(self, item: Delivery, spots: list[Spot]) -> bool:
        """Whether what the truth knows of the event's shard is from after the event came: another
        event of the same content is then not still on its way to the truth."""
        newest = spots[-1].key
        return any(
            spot.key == newest and self.truth.received_ns[spot] > (item.moment + 1.0) * 1e9
            for spot in self.truth.order[-500:]
        )

    def _breach(self, kind: str, moment: float, text: str) -> None:
        self.breaches.append(Breach(kind, self.who, moment, text))
