"""One session: which of the cluster's events it gets, as which s, and how far it has come. Pure but
for the connection that it is given, and whoever calls it decides when.

While it is LIVE it is a cursor in the window. Two things may lie before it there that it is not
sent: what its view knows already, since it is in the GUILD_CREATEs or came from the journal
(`skip`), and, after a RESUME, what it was sent before and its view has to be shown again (`mute`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from cluster.proxy.entry import GAP, Entry
from cluster.proxy.identify import Identify
from cluster.proxy.interfaces import Asked, Outlet, View, Views
from cluster.proxy.refusal import Refused
from cluster.proxy.sessions.positions import Positions
from cluster.proxy.sessions.sent import MARK_EVERY, Begun, Had, Sent, SentMark
from cluster.proxy.sessions.states import Change, State, after
from cluster.proxy.sessions.window import Window


class ProxySession:
    """A session, whether it has a connection or not."""

    def __init__(
        self, session_id: str, identify: Identify, views: Views, asked: Asked, view: View,
        sent: Sent, *, guilds: Sequence[int] = (), predecessor: str = "",
    ) -> None:  # fmt: skip
        """guilds: those of its READY, while their GUILD_CREATEs may be asked for."""
        self.id = session_id
        self.identify = identify
        self.predecessor = predecessor
        self.state = State.DETACHED
        self.outlet: Outlet | None = None
        self.sent = sent
        self.guilds: Sequence[int] = guilds
        self.ready = b""
        """`d` of READY, until that was sent."""
        self.acknowledged = sent.seq
        """The last s that the client is known to have."""
        self.is_over = False
        """The client has said that it will not resume it."""
        self.cursor = 0
        """The number of the next entry of the window, while LIVE."""
        self.resuming_to = 0
        """RESUMED follows once the cursor is here; 0: it does not."""
        self.has_room = asyncio.Event()
        """Set when the client has taken all that waited; whoever waits for it clears it before."""
        self.dispatches = 0
        """How many it was sent since it is here."""
        self.gaps = 0
        """How many Gaps were in its way."""
        self.changed = True
        """Whether it is otherwise than it was stored last."""
        self.is_stored = False
        """Whether the store knows it."""
        self.moved = False
        """Whether it has come further, though nothing of that was acknowledged."""
        self.detached_ns = 0
        """Unix time at which it lost its connection; 0: it has one."""
        self.stored_state: bytes | None = None
        """What the view had learnt when that was stored last."""
        self.asked_at = 0.0
        """When its client was asked for a heartbeat last, by the clock of its owner."""
        self._views = views
        self._asked = asked
        self._view = view
        self._skip: Positions | None = None
        self._mute: Positions | None = None
        self._mute_to = 0
        self._marked_at = 0
        """Entry of the window at the last mark."""

    @property
    def seq(self) -> int:
        """The last s that was sent."""
        return self.sent.seq

    def change(self, change: Change) -> None:
        """Go to the state that follows. KeyError: that can't happen."""
        if self.state is State.LIVE:
            self.mark(self.cursor)
        self.state = after(self.state, change)
        self.changed = True

    # -- taking events ---------------------------------------------------------------------------

    def take(self, entries: Sequence[Entry]) -> list[bytes]:
        """Take the entries that follow in the window, or in the journal. Return the payloads of
        the dispatches that they are to this session."""
        if self._skip is not None or self._mute is not None or self._mute_to:
            return self._take_some(entries)
        return self._take_all(entries)

    def _take_all(self, entries: Iterable[Entry]) -> list[bytes]:
        """This is what an event costs each session, so it is one loop without a call but the
        view's."""
        seq = self.sent.seq
        see, answer, place = self._view.see, self._asked.answer, self.sent.places.append
        payloads: list[bytes] = []
        put = payloads.append
        for entry in entries:
            tail = answer(self, entry) if entry.is_answer else see(entry)
            if tail:
                seq += 1
                put(b"%b%d%b" % (entry.head, seq, tail))
                place(entry.g)
            elif tail is not None:
                made_up = self._made_up(entry, seq)
                payloads += made_up
                seq += len(made_up)
            elif entry.name == GAP:
                self.gaps += 1
        self.dispatches += len(payloads)
        return payloads

    def _made_up(self, entry: Entry, seq: int) -> list[bytes]:
        """Return the payloads of what the view makes of an entry. All but the last have the place
        before it: whoever resumes among them gets all of them again."""
        payloads = [
            b'{"t":"%b","s":%d,"op":0,"d":%b}' % (name.encode(), number, data)
            for number, (name, data) in enumerate(self._view.made_up(entry), seq + 1)
        ]
        if payloads:
            self.sent.places += [self.sent.last] * (len(payloads) - 1)
            self.sent.places.append(entry.g)
        return payloads

    def _take_some(self, entries: Sequence[Entry]) -> list[bytes]:
        """Take entries of which some are not sent."""
        payloads: list[bytes] = []
        for entry in entries:
            if self._skip is not None and entry.name != GAP and self._skip.has(entry.event):
                continue
            if self._is_muted(entry):
                if not entry.is_answer and self._view.see(entry) == b"":
                    self._view.made_up(entry)
                continue
            payloads += self._take_all((entry,))
        return payloads

    def _is_muted(self, entry: Entry) -> bool:
        """Return whether an entry was sent before, and is to be shown to the view alone."""
        if 0 < entry.g <= self._mute_to:
            return True
        return self._mute is not None and entry.name != GAP and self._mute.has(entry.event)

    def took(self, window: Window, g: int) -> None:
        """All entries of the window before g were taken: go on from there."""
        self.cursor = g
        if g > self._mute_to:
            self._mute_to = 0
        if self._skip is not None or self._mute is not None:
            self._pass(window, g)
        if g - self._marked_at >= MARK_EVERY or self._view.state is not self.sent.marks[-1].state:
            self.mark(g)
        self.moved = True

    def _pass(self, window: Window, g: int) -> None:
        """Drop what is not sent or shown again once that lies behind. It is looked at where the
        window's end is reached, or now and then: positions are not for nothing."""
        if g != window.head and g - self._marked_at < MARK_EVERY:
            return
        here = window.positions(g)
        if self._skip is not None and here.covers(self._skip):
            self._skip = None
        if self._mute is not None and here.covers(self._mute):
            self._mute = None

    def mark(self, where: int | Positions) -> None:
        """Note that all up to here was shown to the view. where: a number of the window; or, of
        what came from the journal, positions."""
        if isinstance(where, int):
            self._marked_at = where
        mark = SentMark(
            self.sent.seq, where, self._view.state, self._skip, self._mute, self._mute_to
        )
        self.sent.mark(mark)
        self.sent.trim()

    # -- what is not of the window ---------------------------------------------------------------

    def take_read(self, entry: Entry) -> list[bytes]:
        """Take an event that a Subscriber of its own has read. Return its payloads."""
        payloads = self.take((entry,))
        if payloads:
            source = entry.event.source
            place = Had((source.shard_count, source.shard_id), (source.epoch, entry.event.seq))
            self.sent.places[-1] = place
        return payloads

    def say(self, name: str, data: bytes, *, place: Begun | None = None) -> bytes:
        """Return the payload of a dispatch that no event is. place: None: where the one before it
        was."""
        self.sent.places.append(self.sent.last if place is None else place)
        self.dispatches += 1
        return b'{"t":"%b","s":%d,"op":0,"d":%b}' % (name.encode(), self.sent.seq, data)

    @property
    def positions(self) -> Positions:
        """What was had, of a session that is not in the window."""
        where = self.sent.marks[-1].where
        assert isinstance(where, Positions)
        return where

    # -- connections -----------------------------------------------------------------------------

    def acknowledge(self, seq: int) -> None:
        """Note that the client has got as far as this. Refused (4007): it can't have."""
        if seq > self.sent.seq:
            raise Refused(4007, "Invalid seq", f"{seq} after {self.sent.seq}")
        if seq > self.acknowledged:
            self.acknowledged = seq
            self.sent.acknowledge(seq, self._view.state)
            if self.guilds and self.sent.marks[0].begun is None:
                self.guilds = ()  # nobody goes back to where it was told of them
            self.changed = True

    def go_back(self, seq: int) -> SentMark:
        """Go back to an s, no more than was sent and no less than was acknowledged, to go on from
        there: the view learns again what it had learnt by then. Return from where."""
        mark = self.sent.back_to(seq)
        if self._view.state is not mark.state:
            self._view = self._views.go_on(self.identify, mark.state)
        self._skip, self._mute, self._mute_to = mark.skip, mark.mute, mark.mute_to
        if isinstance(mark.where, int):
            self.cursor = self._marked_at = mark.where
        self.changed = True
        return mark

    def join(self, g: int, positions: Positions) -> None:
        """Go on in the window. positions: what was had, which is not taken again."""
        self.cursor = g
        self._skip = positions
        self.mark(g)

    def leave_window(self, window: Window, cut: int) -> None:
        """The window will be cut: write down the places before that by position. A session that is
        there itself falls behind."""
        falls_behind = self.state is State.LIVE and self.cursor < cut
        if falls_behind:
            self.change(Change.FALL_BEHIND)
        elif self.state is State.LIVE:
            self.mark(self.cursor)
        self.sent.leave(window, cut)
        if falls_behind:
            self.go_back(self.seq)
