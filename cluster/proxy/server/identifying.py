"""An IDENTIFY of a client, checked against the cluster behind the proxy (pure)."""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple

import msgspec

from cluster.discord.intents import ALL_INTENTS, UNOFFICIAL_BOT_INTENTS, Intents, set_bits
from cluster.gateway_server.identify_payload import parse_identify
from cluster.gateway_server.refusal import Refused
from cluster.proxy.identify import Identify

MOST_SHARDS: Final = 1 << 16
"""Of how many shards one may be at most: as many as any bot has, four times over."""
MOST_PROGRAM: Final = 80
"""Characters of a library's name."""


class ClusterFacts(NamedTuple):
    """What clients are told, or held to, of the cluster behind the proxy."""

    shard_count: int
    intents: int
    """A client that asks for more is closed with 4014."""


class Asked(NamedTuple):
    """What a client asks for with an IDENTIFY."""

    identify: Identify
    compress: bool
    """Whether each payload is to be compressed by itself."""


def read_identify(
    d: Any, client: str, facts: ClusterFacts, *, version: Literal[9, 10], url: str
) -> Asked:
    """Return what d of an IDENTIFY asks for. Raises Refused.

    Intents that only the unofficial documentation has are left out: some libraries have them among
    all, and Discord takes them.
    """
    known = int(ALL_INTENTS) | facts.intents
    taken = known | UNOFFICIAL_BOT_INTENTS
    asked = parse_identify(d, allowed=taken, known=taken)
    intents = asked.intents & known
    if lacking := intents & ~facts.intents:
        raise Refused(
            4014,
            "Disallowed intent(s).",
            f"{f'client {client}' if client else 'it'} asks for {_names(lacking)}, which the "
            "cluster does not: add them to `intents`, or leave them out in the client",
        )
    shard_id, shard_count = asked.shard or (0, 1)
    if shard_count > MOST_SHARDS:
        raise Refused(4010, "Invalid shard.")
    presence = d.get("presence")
    identify = Identify(
        client=client,
        shard_id=shard_id,
        shard_count=shard_count,
        with_shard=asked.shard is not None,
        intents=intents,
        large_threshold=asked.large_threshold,
        version=version,
        program=program_of(d["properties"]),
        presence=None if presence is None else msgspec.Raw(msgspec.json.encode(presence)),
        url=url,
    )
    return Asked(identify, asked.compress)


def program_of(properties: dict[str, Any]) -> str:
    """Return what `properties` of an IDENTIFY say of the library, for people."""
    for key in ("browser", "$browser", "device", "$device"):
        said = properties.get(key)
        if isinstance(said, str) and said.strip():
            shown = "".join(c for c in said[: 4 * MOST_PROGRAM] if c.isprintable())
            return shown.strip()[:MOST_PROGRAM]
    return ""


def _names(intents: int) -> str:
    return ", ".join(Intents(1 << bit).name or f"bit {bit}" for bit in set_bits(intents))
