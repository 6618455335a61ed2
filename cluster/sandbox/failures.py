"""Bugs in what the sandbox does by the clock: logged, counted, and the next turn comes."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)


class Failures:
    """Counts bugs. ``state()`` shows them: a test must see that the sandbox was at fault, not its
    client."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._last: dict[str, str] = {}

    def guard(self, part: str, work: Callable[[], Any]) -> None:
        """Call ``work``; count under ``part`` what it raises.

        It is logged when it differs from the last one: at 200 ticks a second one broken event would
        fill the log.
        """
        try:
            work()
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            self._counts[part] += 1
            if text == self._last.get(part):
                return
            self._last[part] = text
            log.exception("a bug in the sandbox's %s; it goes on", part)

    def describe(self) -> dict[str, dict[str, Any]]:
        """How often each part failed, and its last failure in words."""
        return {part: {"count": n, "last": self._last[part]} for part, n in self._counts.items()}
