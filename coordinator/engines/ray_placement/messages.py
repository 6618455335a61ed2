"""What the placement process and the actor of an agent say to each other (JSON, as arguments and
results of Ray's method calls).

Nothing in it is secret: Ray passes it on unencrypted unless it is told to use TLS. The secret half
of an agent's key is made by its actor and never leaves its node.
"""

from __future__ import annotations

import msgspec

from cluster.endpoints.curve_keys import Key
from cluster.logs.formatter import LogFormat
from cluster.wire.states import Level


class AgentOrder(msgspec.Struct, frozen=True, kw_only=True):
    """How an agent is to join."""

    join: str
    """The coordinator's endpoint for hosts."""
    server: Key
    """The public key of the coordinator's side, which pins it."""
    admitted: Key | None
    """The agent's public key that the coordinator lets in; None: none of it yet."""
    workers: int
    """How many workers the agent would run."""
    labels: dict[str, str] = {}
    log_format: LogFormat = "logfmt"
    log_level: Level = "info"
    module: str = "host_agent"
    """The agent's program."""

    def joins_otherwise(self, before: AgentOrder) -> bool:
        """Return whether an agent that was given the order before must be started anew for this
        one. How it logs does not count."""
        same = {"log_format": before.log_format, "log_level": before.log_level}
        return msgspec.structs.replace(self, **same) != before


class AgentState(msgspec.Struct, frozen=True, kw_only=True):
    """How an agent is, as its actor sees it."""

    public: Key
    """The public half of the key with which it joins."""
    node: str
    """Id of its node."""
    address: str
    """Address of its node."""
    pid: int | None
    """The agent's process; None: it does not run."""
    words: str = ""
    """Why it ended last, or could not be started; empty: it runs, or was not told to."""


encode = msgspec.json.Encoder().encode
decode_order = msgspec.json.Decoder(AgentOrder).decode
decode_state = msgspec.json.Decoder(AgentState).decode
