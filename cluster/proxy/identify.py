"""What a client of the proxy said in IDENTIFY, checked, without its token."""

from __future__ import annotations

import msgspec


class Identify(msgspec.Struct, frozen=True, kw_only=True):
    """A checked IDENTIFY ("Gateway Events", "Identify")."""

    client: str
    """Whose credential it showed: the name of the proxy's secret, or "" for the bot's token."""
    shard_id: int
    shard_count: int
    with_shard: bool
    """Whether IDENTIFY named a shard; READY has none else."""
    intents: int
    large_threshold: int = 50
    version: int = 10
    """API version: 9 or 10."""
    program: str = ""
    """The library by its `properties`, for people: "discord.py", at most 80 characters."""
    url: str = ""
    """What READY says as resume_gateway_url: where the client came in, or what is configured."""
    presence: msgspec.Raw | None = None
    """`d` of the presence update that IDENTIFY carries."""
