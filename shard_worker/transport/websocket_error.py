"""A breach of the WebSocket protocol by the server."""

from __future__ import annotations


class WebSocketError(Exception):
    """The server broke the protocol. ``code``: what a close frame would answer (7.4.1)."""

    def __init__(self, code: int, cause: str) -> None:
        super().__init__(code, cause)
        self.code = code
        self.cause = cause

    def __str__(self) -> str:
        return self.cause
