"""What comes in and can't be used: how a decoder says so, how often it is worth a line, and what is
of use all the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

import msgspec

Decoded = TypeVar("Decoded")

MALFORMED: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec's decoders raise for bytes that are no message: no such form (ValidationError among
them), text that is not UTF-8, nested too deep."""

_ESCAPE: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.S,
)
"""An escape of a JSON string; the group is half a surrogate pair whose other half is not there."""


def without_lone_surrogates(text: bytes) -> bytes:
    """Return JSON in which U+FFFD stands for each lone surrogate, "\\ud800" without its other half,
    at the same length; the same object where there is none. JSON may have them (RFC 8259, section
    8.2) and other decoders read them, but msgspec refuses the whole text."""
    if b"\\ud" not in text and b"\\uD" not in text:
        return text
    whole = _ESCAPE.sub(lambda found: b"\\ufffd" if found[1] else found[0], text)
    return text if whole == text else whole


def decoded(decode: Callable[[bytes], Decoded], text: bytes) -> Decoded:
    """Return what `decode` reads in JSON, with U+FFFD for lone surrogates. Raises MALFORMED."""
    try:
        return decode(text)
    except MALFORMED:
        if (whole := without_lone_surrogates(text)) is text:
            raise
        return decode(whole)


MOST_PLACES: Final = 64
"""How many places ``Unfit`` counts, each by itself; what does not fit elsewhere is counted in
``count`` alone."""


class Unfit:
    """Counts the events that were asked for typed and do not fit their class, whole or in part."""

    def __init__(self) -> None:
        self.count = 0
        self.places: dict[str, int] = {}
        """How many events did not fit at a place, by event and place:
        "READY $.user_guild_settings.entries[].channel_overrides"."""

    def note(self, name: str, places: Iterable[str]) -> None:
        """Count an event of this name with a misfit at each of these places."""
        self.count += 1
        for where in (f"{name} {place}" for place in places):
            if where in self.places or len(self.places) < MOST_PLACES:
                self.places[where] = self.places.get(where, 0) + 1

    def most(self, number: int) -> dict[str, int]:
        """Return the places with the most events, at most that many."""
        found = sorted(self.places.items(), key=lambda counted: -counted[1])
        return dict(found[:number])


UNFIT: Final = Unfit()
"""The count of this process; its subscribers report it for `status`."""


def worth_saying(count: int) -> bool:
    """Return whether the refusal of this number gets a line in the log, so that no flood of them
    fills a disk: the 1st, 2nd, 4th, 8th ..."""
    return count & (count - 1) == 0
