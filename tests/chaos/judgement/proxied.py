"""The verdict on a client of the gateway proxy: what a Subscriber got and it did not, what came
twice, what came in another order. Pure.

A client of the proxy sees neither shards nor seqs of the cluster: an event is known by its name and
the bytes of its `d`. What it must get is what the witness "all" got, which is judged by itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice, takewhile
from typing import Final, NamedTuple

from tests.chaos.judgement.records import Breach, Key
from tests.chaos.judgement.runs import NOT_COMPARED, SURE, Content, Spot, Truth, followers

BEGINS_S: Final = 2.0
"""Seconds before a client was ready of which some events may come to it, and others not."""
PATIENCE_S: Final = 15.0
"""Seconds after which a dispatch is judged by what is known, though nothing makes it sure: longer
than a witness that is stopped lags, shorter than anybody waits for a client."""


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
        self.truth = truth
        self._ordered = True
        self._queue: deque[Delivery | int | bool] = deque()
        """What is not judged yet; a number: here a session began anew, and what came beyond this
        s of the one before may come again; a bool: whether it is ordered from here on."""
        self._begun_ns: int | None = None
        self._got: set[Spot] = set()
        self._known = 0
        """How many spots of the truth it has seen."""
        self._missing: dict[Spot, int] = {}
        """What has not come -> when a worker had it, in Unix nanoseconds."""
        self._last: dict[Key, int] = {}
        """The last event of each shard that came, in this session."""
        self._firsts: dict[Key, int] = {}
        """The first event of each shard that came to it: none of before does any more."""
        self._session: list[tuple[int, Spot]] = []
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
        if name not in NOT_COMPARED:
            self._queue.append(Delivery(seq, (name, digest), moment))

    def identified(self, acknowledged: int) -> None:
        """A new session begins: what came after this s of the old one may come again."""
        self._queue.append(acknowledged)

    def orders(self, ordered: bool) -> None:
        """Note whether a shard's events come in its order from now on: not while two shard counts
        overlap, when nobody knows which of two shards' copies comes."""
        self._queue.append(ordered)

    def work(self, now: float) -> None:
        """Judge all that can be judged now (Unix seconds)."""
        for spot in self.truth.order[self._known :]:
            self._missing[spot] = self.truth.received_ns[spot]
        self._known = len(self.truth.order)
        while self._queue:
            item = self._queue[0]
            if isinstance(item, bool):
                self._ordered = item
                self._last.clear()
            elif isinstance(item, int):
                self._restart(item)
            elif not self._judge(item, is_old=item.moment < now - PATIENCE_S):
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
            self.work(until)
        for spot in self.due(until):
            name = self.truth.contents[spot][0]
            moment = self.truth.received_ns[spot] / 1e9
            self._breach("lost", moment, f"{name}, number {spot.number} of {spot.key}")
            del self._missing[spot]

    def _restart(self, acknowledged: int) -> None:
        for seq, spot in self._session:
            if seq > acknowledged:
                self._may_repeat.add(spot)
            else:
                self._may_repeat.discard(spot)
        self._session.clear()
        self._last.clear()

    def _judge(self, item: Delivery, *, is_old: bool) -> bool:
        """Judge a dispatch; False: what makes it sure which event it is, is not known yet. is_old:
        it has to do with what is known."""
        spots = self.truth.spots.get(item.content, [])
        if not self._ordered:
            new = [spot for spot in spots if spot not in self._got and self._may_come(spot)]
            if new:
                return self._accept(item, new[0])
            return is_old and self._accept_one(item, spots)
        for spot in spots:
            if self._last.get(spot.key) == spot.number - 1:
                return self._accept(item, spot)
        if not is_old and any(self._lacks_next(spot.key) for spot in spots):
            return False
        sure = [spot for spot in spots if followers(self.truth, spot, self._following()) == SURE]
        if sure or is_old:
            return self._accept_one(item, sure or spots)
        return False

    def _accept_one(self, item: Delivery, spots: list[Spot]) -> bool:
        """Accept it as that of several events which is the likeliest; False: there is none."""
        if not spots:
            return False

        def likelihood(spot: Spot) -> tuple[int, bool, bool, int]:
            follow = followers(self.truth, spot, self._following()) if self._ordered else 0
            is_due = spot in self._may_repeat or spot not in self._got
            later = spot.number > self._last.get(spot.key, -1)
            return follow, is_due and self._may_come(spot), later, -spot.number

        return self._accept(item, max(spots, key=likelihood))

    def _following(self) -> Iterator[Content]:
        """What came after the oldest that is not judged, in the same session and order."""
        following = takewhile(lambda one: isinstance(one, Delivery), islice(self._queue, 1, None))
        return (one.content for one in following if isinstance(one, Delivery))

    def _lacks_next(self, key: Key) -> bool:
        """Whether it is not known yet what follows in a shard."""
        last = self._last.get(key)
        return last is not None and Spot(key, last + 1) not in self.truth.contents

    def _accept(self, item: Delivery, spot: Spot) -> bool:
        """Take a dispatch for this event, which it may have no right to be."""
        last = self._last.get(spot.key, -1)
        text = f"{item.content[0]} as s {item.seq}: number {spot.number} of {spot.key} after {last}"
        if spot in self._got and (spot not in self._may_repeat or spot.number <= last):
            self._breach("duplicate", item.moment, text)
        elif self._ordered and spot.number <= last:
            self._breach("disorder", item.moment, text)
        self.repeats += spot in self._got
        self._got.add(spot)
        self._missing.pop(spot, None)
        self._last[spot.key] = max(last, spot.number)
        if self._ordered:
            self._firsts.setdefault(spot.key, spot.number)
        self._session.append((item.seq, spot))
        return True

    def _may_come(self, spot: Spot) -> bool:
        """Whether it happened after the client's first event of its shard, or at least not long
        before it was ready."""
        if spot.number < self._firsts.get(spot.key, 0):
            return False
        if self._begun_ns is None:
            return True
        return self.truth.received_ns[spot] > self._begun_ns - BEGINS_S * 1e9

    def _breach(self, kind: str, moment: float, text: str) -> None:
        self.breaches.append(Breach(kind, self.who, moment, text))
