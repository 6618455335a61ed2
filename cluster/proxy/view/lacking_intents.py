"""Which intents a client asks for that the cluster's own sessions do not have."""

from __future__ import annotations

from cluster.discord.intents import Intents, set_bits
from cluster.proxy.refusal import Refused


def check_intents(wanted: int, intents: int) -> None:
    """Raise Refused (4014) where a client wants intents that the cluster lacks. wanted: those of
    its IDENTIFY; intents: those of the cluster."""
    missing = wanted & ~intents
    if not missing:
        return
    names = ", ".join(_name(bit) for bit in set_bits(missing))
    raise Refused(
        4014,
        "Disallowed intent(s).",
        f"it wants intents that the cluster's sessions do not have: {names}: add them to "
        "`intents` of the cluster's configuration and restart it, or let the client leave them out",
    )


def _name(bit: int) -> str:
    try:
        name = Intents(1 << bit).name
    except ValueError:
        name = None
    return name.lower() if name else f"bit {bit}"
