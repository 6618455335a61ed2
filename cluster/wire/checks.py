"""What `doctor` asks of other packages' code, run as processes: JSON on standard input, one JSON
line on standard output. ``coordinator.check`` asks the API, ``shard_worker.gateway_check`` the
gateway."""

from __future__ import annotations

import msgspec

from cluster.wire.control import Failure


class ApiAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What GET /gateway/bot said."""

    gateway_url: str
    recommended: int
    """Shard count that Discord recommends."""
    total: int
    remaining: int
    reset_after_s: float
    max_concurrency: int


class StartPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The plan that a start would make."""

    shards: int
    workers: int
    fullest: int
    """Most shards on one worker."""
    assumed: bool = False
    """How many shards Discord recommends is not known: these are as many as the workers may
    have."""


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
    """What a check prints, on one line: an answer or an error. The plan comes beside either."""

    api: ApiAnswer | None = None
    plan: StartPlan | None = None
    gateway: GatewayAnswer | None = None
    error: Failure | None = None


encode = msgspec.json.encode
decode_outcome = msgspec.json.Decoder(Outcome).decode
decode_gateway_check = msgspec.json.Decoder(GatewayCheck).decode
