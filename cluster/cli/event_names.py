"""Names of Discord's events as people type them: completed, checked, and put right."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Final

import click

from cluster.errors import ConfigError

MOST_PROPOSED: Final = 3
USUAL_ENDINGS: Final = ("CREATE", "ADD", "UPDATE", "DELETE", "REMOVE")
"""Last words of event names, those that are meant most often first."""


def complete_event(_context: click.Context, _option: click.Parameter, begun: str) -> list[str]:
    """Return the names of events that the shell may complete, whatever the case of what was
    typed."""
    return [name for name in sorted(_documented()) if name.startswith(begun.upper())]


def event_name(text: str) -> str:
    """Return the name of an event, given in any case. Raises ConfigError for one that Discord does
    not send."""
    documented = _documented()
    if text.upper() in documented:
        return text.upper()
    meant = proposals(text, documented)
    hint = "names are those of Discord's documentation"
    if meant:
        hint = f"did you mean {' or '.join(filter(None, [', '.join(meant[:-1]), meant[-1]]))}?"
    raise ConfigError(f"there is no event {text!r}", hint)


def proposals(text: str, documented: Mapping[str, bool]) -> list[str]:
    """Return the names that were probably meant, the likeliest first, at most MOST_PROPOSED.

    documented: for each name whether Discord's own documentation has it. Names with words that
    begin with the text are meant rather than the one that is spelled most alike.
    """
    typed = text.strip("_").upper()
    begun = [name for name in documented if typed and f"_{typed}" in f"_{name}"]
    if not begun:
        return difflib.get_close_matches(typed, documented, n=1, cutoff=0.6)

    def unlikeliness(name: str) -> tuple[bool, bool, bool, int, int, str]:
        last = name.rpartition("_")[2]
        ending = USUAL_ENDINGS.index(last) if last in USUAL_ENDINGS else len(USUAL_ENDINGS)
        whole_words = f"_{typed}_" in f"_{name}_"
        begins = name.startswith(typed)
        return not documented[name], not whole_words, not begins, name.count("_"), ending, name

    return sorted(begun, key=unlikeliness)[:MOST_PROPOSED]


def _documented() -> dict[str, bool]:
    """Return all names of events, with whether Discord's own documentation has them."""
    from cluster.sandbox.catalogue import catalogue  # takes a quarter of a second: only for this

    return {name: spec.official for name, spec in catalogue().events.items()}
