"""Why a client of the proxy is closed."""

from __future__ import annotations

from cluster.gateway_server.refusal import Refused

__all__ = ["Refused"]


class InvalidSession(Exception):
    """An IDENTIFY or a RESUME is answered with op 9 ("Gateway Events", "Invalid Session"): a client
    then waits 1 to 5 s."""

    def __init__(self, *, resumable: bool) -> None:
        """resumable: whether it then resumes the same session; else it identifies."""
        super().__init__(resumable)
        self.resumable = resumable
