"""Answers: which answers of Discord are whose."""

from __future__ import annotations

from cluster.proxy.entry import Entry
from cluster.proxy.interfaces import Session


class Answers:
    """Which answers of Discord are whose; an interfaces.Asked."""

    def answer(self, session: Session, entry: Entry) -> bytes | None:
        """See interfaces.Asked."""
        return None
