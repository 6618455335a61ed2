"""What a sandbox is started with. Every field has a default."""

from __future__ import annotations

import math
from typing import Annotated, Any, Final, Literal

import msgspec

from cluster.discord.intents import PRIVILEGED_INTENTS
from cluster.discord.limits import IDENTIFY_WINDOW_S

# Upper bounds: a number mistyped by some digits is refused, not met by a full memory.
Count = Annotated[int, msgspec.Meta(ge=0, le=10_000_000)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=10_000_000)]
Many = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
Amount = Annotated[float, msgspec.Meta(ge=0, le=1_000_000)]
Duration = Annotated[float, msgspec.Meta(ge=0, le=31_536_000)]
Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]

DEFAULT_MIX: dict[str, float] = {
    "PRESENCE_UPDATE": 55.0,
    "MESSAGE_CREATE": 20.0,
    "TYPING_START": 15.0,
    "GUILD_MEMBER_UPDATE": 10.0,
}
"""Traffic by event name, as weights: what a bot with all intents sees, by and large. A share of
the messages is later updated, reacted to or deleted; those follow their message and are counted
in its weight."""


class SandboxOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of a sandbox; seconds and milliseconds as the names say."""

    seed: int = 1
    """Seed of the world and its traffic: the same seed makes the same world."""

    # The world
    guilds: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 12
    """Guilds that the bot is in."""
    channels_per_guild: Annotated[int, msgspec.Meta(ge=1, le=500)] = 8
    """Channels of each guild."""
    hidden_channels_per_guild: Annotated[int, msgspec.Meta(ge=0, le=500)] = 1
    """Text channels among them that the bot can't view; the first text channel is never one."""
    roles_per_guild: Annotated[int, msgspec.Meta(ge=0, le=250)] = 5
    """Roles of each guild, @everyone and the bot's own among them."""
    members_per_guild: Many = 40
    """Members of each guild, the bot among them."""
    rate: Amount = 0.0
    """World events a second, all guilds together; 0: none until the control server says so."""
    mix: dict[str, Amount] = msgspec.field(default_factory=lambda: dict(DEFAULT_MIX))

    # The application
    token: str = ""
    """The bot's token; empty: one is made from ``seed``."""
    user_token: str = ""
    """The token of a user account in the same guilds; empty: one is made from ``seed``."""
    privileged_intents: Count = int(PRIVILEGED_INTENTS)
    """Privileged intents that the application has; IDENTIFY with others is closed 4014."""

    # Limits
    shards: Many = 1
    """What GET /gateway/bot recommends."""
    require_shards: Many = 1
    """Fewer shards than this are refused with 4011."""
    max_concurrency: Many = 1
    """Identifies at a time: the number of buckets."""
    session_start_total: Count = 1000
    """Identifies a day."""
    session_start_remaining: Count = 1000
    """How many of them are left at the start."""
    session_start_reset_s: Annotated[float, msgspec.Meta(ge=0.1, le=31_536_000)] = 86_400.0
    """Seconds until all are back."""
    user_sessions: Many = 50
    """Most sessions of the user account; over it IDENTIFY is closed 4015."""
    identify_window_s: Duration = IDENTIFY_WINDOW_S
    identify_jitter_s: Annotated[float, msgspec.Meta(ge=0, le=60)] = 0.3
    """Arrival of each IDENTIFY at its bucket is delayed by 0 to this long, at random."""
    latency_ms: Annotated[float, msgspec.Meta(ge=0, le=60_000)] = 30.0
    """How long after it was sent a message of a client is heard: HELLO, heartbeat ACKs, READY,
    RESUMED and the answers to requests come that late. 0: at once, as no Discord answers."""
    heartbeat_interval_ms: Annotated[int, msgspec.Meta(ge=1, le=86_400_000)] = 41_250
    """What HELLO asks for."""
    heartbeat_grace_s: Duration = 0.0
    """How much later than due a heartbeat may come; 0: half an interval, at least 1 s."""
    session_expiry_s: Duration = 120.0
    """How long a session without a connection stays resumable."""
    replay_events: Count = 20_000
    """Dispatches of a session that are kept for RESUME; older ones are forgotten."""
    ledger_rows: Positive = 2_000_000
    """Rows that each ledger keeps, 32 bytes each; older ones are dropped and counted."""

    # Addresses
    host: Literal["127.0.0.1", "::1"] = "127.0.0.1"
    """Loopback only: it has a certificate for no other, and none is its business."""
    port: Port = 0
    """REST and gateway; 0: any free port."""
    resume_port: Port = 0
    """The resume host's port; 0: any free port."""
    control_port: Port = 0
    """The control server's port; 0: any free port."""
    control_token: str = ""
    """Token of the control server; empty: a random one is made."""
    ca_file: str = ""
    """Where the authority's certificate is written (PEM); empty: a file in a temporary folder."""

    faults: list[dict[str, Any]] = []
    """Faults set from the start, in the form that the control server takes."""
    fault_seed: int | None = None
    """Seed of a random schedule of faults; None: none."""


_HINTS: Final = {field.name: field.type for field in msgspec.structs.fields(SandboxOptions)}


def check(options: SandboxOptions) -> None:
    """Check options that were made in Python like decoded ones. ValueError names the field."""
    for name, hint in _HINTS.items():
        value = getattr(options, name)
        try:
            msgspec.convert(value, hint)
        except msgspec.ValidationError as error:
            raise ValueError(f"{name}: {error}") from None
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{name}: a finite number")
    for name in ("token", "user_token", "control_token"):
        token = getattr(options, name)
        if token and not (token.isascii() and token.isprintable() and " " not in token):
            raise ValueError(f"{name}: letters, digits and signs of ASCII, no space")
    if options.token and options.token == options.user_token:
        raise ValueError("user_token: another than token, by which a bot and a user are told apart")
    if options.rate and not options.guilds:
        raise ValueError("rate: 0 in a world without guilds, or guilds: 1 or more")


class SandboxInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Where a running sandbox is: printed as one line of JSON once it serves."""

    pid: int
    api_url: str
    """https://localhost:PORT/api"""
    gateway_url: str
    """wss://localhost:PORT"""
    resume_url: str
    """wss://127.0.0.1:PORT, another name and another port than gateway_url."""
    ca_file: str
    token: str
    """The bot's token."""
    user_token: str
    """The user account's token."""
    control_url: str
    """http://127.0.0.1:PORT"""
    control_token: str
