"""Turns: after each turn of the process's Subscriber every LIVE session takes what is new in the
window. Who has not kept up takes a bounded slice a turn of the event loop, so that nobody waits for
it; whose client does not take is left where it is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Final

from cluster.proxy.entry import Entry
from cluster.proxy.sessions.positions import Positions
from cluster.proxy.sessions.session import ProxySession
from cluster.proxy.sessions.states import State
from cluster.proxy.sessions.window import MAX_BYTES, Window

log = logging.getLogger(__name__)

MOST_WAITING: Final = 256 * 1024
"""Bytes that a client has not taken, above which it is sent nothing more until it has."""


class Turns:
    """Serves the LIVE sessions from the window. Belongs to one event loop."""

    def __init__(
        self, sessions: Callable[[], Iterable[ProxySession]],
        fell_behind: Callable[[ProxySession], None], max_bytes: int = MAX_BYTES,
    ) -> None:  # fmt: skip
        """sessions: all that have places. fell_behind: called with one that the window has lost,
        and that has a connection."""
        self.window: Window | None = None
        """None: nothing has come yet."""
        self.resting = False
        """Nobody is served any more: the process is about to end."""
        self._sessions = sessions
        self._fell_behind = fell_behind
        self._max_bytes = max_bytes
        self._live: dict[str, ProxySession] = {}
        self._behind: dict[str, ProxySession] = {}
        """Those of them that have more to take, and whose clients do."""
        self._handle: asyncio.Handle | None = None

    def begin(self, start: Positions) -> Window:
        """Begin the window: all that comes follows on these positions."""
        self.window = Window(start, self._max_bytes)
        return self.window

    def add(self, entry: Entry) -> None:
        """Add an entry to the window. `serve` has to follow, before many more are added."""
        assert self.window is not None
        self.window.add(entry)

    def serve(self) -> None:
        """Let all that are LIVE take what is new; then cut the window."""
        for session in list(self._live.values()):
            self._serve(session)
        self._cut()

    def join(self, session: ProxySession) -> None:
        """Serve a session that has become LIVE from now on."""
        self._live[session.id] = session
        self.go_on(session)

    def leave(self, session: ProxySession) -> None:
        """Serve a session no more."""
        self._live.pop(session.id, None)
        self._behind.pop(session.id, None)

    def go_on(self, session: ProxySession) -> None:
        """Let a session take what it has not, in the event loop's next turn."""
        if session.id in self._live:
            self._behind[session.id] = session
            if self._handle is None:
                self._handle = asyncio.get_running_loop().call_soon(self._go_on)

    def close(self) -> None:
        if self._handle is not None:
            self._handle.cancel()

    def _go_on(self) -> None:
        self._handle = None
        behind, self._behind = self._behind, {}
        for session in behind.values():
            self._serve(session)

    def _serve(self, session: ProxySession) -> None:
        window, outlet = self.window, session.outlet
        if self.resting or window is None or outlet is None or session.state is not State.LIVE:
            return
        if outlet.waiting > MOST_WAITING:
            return
        entries = window.serving(session.cursor)
        try:
            payloads = session.take(entries)
        except Exception:
            log.exception("session %s: an event can't be given out", session.id)
            outlet.close(4000, "Unknown error.")
            return
        if entries:
            session.took(window, session.cursor + len(entries))
        if session.resuming_to and session.cursor >= session.resuming_to:
            session.resuming_to = 0
            payloads.append(session.say("RESUMED", b'{"_trace":["dcgw-cluster"]}'))
        if payloads:
            outlet.dispatch(payloads)
        if session.cursor < window.head:
            self.go_on(session)

    def _cut(self) -> None:
        window = self.window
        assert window is not None
        while (cut := window.due_cut()) is not None:
            for session in list(self._sessions()):
                oldest = session.sent.oldest()
                if oldest is None or oldest >= cut:
                    continue
                was_live = session.state is State.LIVE
                session.leave_window(window, cut)
                if was_live and session.state is not State.LIVE:
                    self.leave(session)
                    self._fell_behind(session)
            window.cut(cut)
