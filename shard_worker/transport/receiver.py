"""Who uses a connection, and what it hears."""

from __future__ import annotations

from typing import Protocol


class Receiver(Protocol):
    """Who uses a connection. Nothing is called after ``Connection.close``."""

    def on_connected(self) -> None: ...

    def on_connect_failed(self, cause: str, *, denied: bool) -> None:
        """There is no WebSocket. denied: somebody was reached and said no, or can't be asked, which
        lasts until a person mends it: a proxy that refuses, a certificate that is not trusted, an
        HTTP 4xx."""

    def on_messages(self, messages: list[bytes], texts: list[int]) -> None:
        """Take a slice of messages. texts: indices of those that came as text, not as binary."""

    def on_message(self, payload: bytes) -> None:
        """Take a binary message that came alone, as almost all do where little comes."""

    def on_closed(self, code: int | None, cause: str) -> None: ...

    def on_broken(self, cause: str) -> None:
        """The server broke RFC 6455: close the connection."""
