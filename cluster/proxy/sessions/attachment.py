"""Attachment: one connection's hold of a session."""

from __future__ import annotations

from collections.abc import Callable

from cluster.proxy.identify import Identify
from cluster.proxy.sessions.session import ProxySession


class Attachment:
    """An interfaces.Session. Once another connection holds the session, or none, it does nothing
    more."""

    def __init__(
        self, session: ProxySession, room: Callable[[ProxySession], None],
        detached: Callable[[ProxySession, bool], None],
    ) -> None:  # fmt: skip
        """room, detached: called as the Session is told of it, while it has the session."""
        self._session = session
        self._outlet = session.outlet
        self._room = room
        self._detached = detached

    @property
    def id(self) -> str:
        return self._session.id

    @property
    def identify(self) -> Identify:
        return self._session.identify

    @property
    def predecessor(self) -> str:
        return self._session.predecessor

    @property
    def seq(self) -> int:
        return self._session.seq

    @property
    def _holds(self) -> bool:
        return self._session.outlet is self._outlet

    def acknowledge(self, seq: int) -> None:
        if self._holds:
            self._session.acknowledge(seq)

    def room(self) -> None:
        if self._holds:
            self._room(self._session)

    def detach(self, *, over: bool) -> None:
        if self._holds:
            self._detached(self._session, over)
