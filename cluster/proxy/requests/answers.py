"""Answers: which answers of Discord are whose."""

from __future__ import annotations

from cluster.proxy.entry import Entry
from cluster.proxy.interfaces import Identified


class Answers:
    """Which answers of Discord are whose; an interfaces.Asked."""

    def answer(self, session: Identified, entry: Entry) -> bytes | None:
        """See interfaces.Asked."""
        return None
