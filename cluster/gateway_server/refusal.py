"""Why a client of a gateway is closed."""

from __future__ import annotations


class Refused(Exception):
    """A client is closed with this code, and told this reason.

    Source: Discord's documentation, "Opcodes and Status Codes", "Gateway Close Event Codes".
    """

    def __init__(self, code: int, reason: str, log: str = "") -> None:
        """log: what the server's log says beside that, for its operator; empty: nothing more."""
        super().__init__(code, reason)
        self.code = code
        self.reason = reason
        self.log = log


def malformed(what: str = "") -> Refused:
    """Return the refusal of what can't be decoded. what: the field."""
    return Refused(4002, f"Error while decoding payload{': ' if what else ''}{what}.")
