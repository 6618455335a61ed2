"""What a client asks for by the query of the gateway's URL ("Gateway", "Connecting"; pure)."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple
from urllib.parse import parse_qsl

from cluster.gateway_server.refusal import Refused

DEFAULT_VERSION: Final = "9"
"""The version of a client that names none."""
MOST_PARAMETERS: Final = 16
TRANSPORT_COMPRESSIONS: Final = ("zlib-stream", "zstd-stream")


class Greeting(NamedTuple):
    """How a client wants to be spoken to."""

    version: Literal[9, 10]
    compress: str
    """One of TRANSPORT_COMPRESSIONS, or empty."""


def read_greeting(query: str) -> Greeting:
    """Return what the query of a URL asks for. Raises Refused.

    A compression that there is not is none, as at Discord.
    """
    try:
        asked = dict(reversed(parse_qsl(query, max_num_fields=MOST_PARAMETERS)))
    except ValueError:
        raise Refused(4002, "Error while decoding payload: the URL's query.") from None
    version = asked.get("v", DEFAULT_VERSION)
    if version not in ("9", "10"):
        raise Refused(4012, "Invalid API version.", "the proxy speaks v=9 and v=10")
    encoding = asked.get("encoding", "json")
    if encoding != "json":
        raise Refused(
            4002,
            "Error while decoding payload: encoding.",
            f"it asks for encoding={encoding[:16]!r}, and the proxy speaks json alone: set its "
            "library to that (discord.js and Eris: do without erlpack)",
        )
    compress = asked.get("compress", "")
    return Greeting(
        9 if version == "9" else 10, compress if compress in TRANSPORT_COMPRESSIONS else ""
    )
