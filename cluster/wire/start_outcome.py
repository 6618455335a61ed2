"""The one line that a coordinator, or the TCP gate, answers with when it was started.

Whoever starts it waits for this line on its standard output, and talks to it over sockets after.
"""

from __future__ import annotations

import msgspec

from cluster.wire.control import Failure


class StartOutcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """{"ready": true} once all sockets are bound, or {"error": {kind, cause, action}}, after which
    nothing of the process is left running."""

    ready: bool = False
    standby: str = ""
    """Why a coordinator waits that was started to stand by: a line of its own, before the one that
    it answers with."""
    notes: list[str] = []
    """What whoever started it should read: a line each."""
    listens: str = ""
    """Where a child listens, if it has found that out itself."""
    error: Failure | None = None


encode_outcome = msgspec.json.Encoder().encode
decode_outcome = msgspec.json.Decoder(StartOutcome).decode
