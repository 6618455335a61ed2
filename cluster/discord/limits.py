"""The limits of Discord's Gateway, and the arithmetic of its snowflakes.

Source: Discord's documentation, "Gateway", "Rate Limiting" and "Sharding".
"""

from __future__ import annotations

from typing import Final

SEND_LIMIT: Final = 120
"""Payloads that a connection may send in SEND_WINDOW_S seconds; over it: close 4008."""
SEND_WINDOW_S: Final = 60.0
MAX_SENT_BYTES: Final = 4096
"""Largest payload that a client may send; over it: close 4002."""
IDENTIFY_WINDOW_S: Final = 5.0
"""One identify is allowed per bucket (shard_id % max_concurrency) in this many seconds."""
MOST_GUILDS: Final = 2500
"""Guilds that a session may have; over it: close 4011."""
SNOWFLAKE_EPOCH_MS: Final = 1_420_070_400_000


def shard_of_guild(guild_id: int, shard_count: int) -> int:
    """Return the shard that a guild's events come on ("Gateway", "Sharding")."""
    return (guild_id >> 22) % shard_count
