"""What `doctor` asks of other packages' code, run as processes: JSON on standard input, one JSON
line on standard output. ``coordinator.check`` asks the API, ``shard_worker.gateway_check`` the
gateway."""

from __future__ import annotations

import msgspec

from cluster.wire.control import Failure


class ApiAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What GET /gateway/bot said, and the plan that would follow from it."""

    gateway_url: str
    recommended: int
    """Shard count that Discord recommends."""
    total: int
    remaining: int
    reset_after_s: float
    max_concurrency: int
    shards: int
    """Shards in the plan."""
    workers: int
    fullest: int
    """Most shards on one worker in the plan."""


class GatewayCheck(msgspec.Struct, frozen=True, kw_only=True):
    """Where to shake hands. There is no token in it: nothing is sent after the handshake."""

    gateway_url: str
    api_version: int
    compress: str
    ca_file: str


class GatewayAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of a connection that came as far as HELLO."""

    seconds: float
    """Seconds from the first packet to HELLO."""
    heartbeat_interval_s: float


class Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a check prints, on one line: one of the three is set."""

    api: ApiAnswer | None = None
    gateway: GatewayAnswer | None = None
    error: Failure | None = None


encode = msgspec.json.encode
decode_outcome = msgspec.json.Decoder(Outcome).decode
decode_gateway_check = msgspec.json.Decoder(GatewayCheck).decode
