"""Words that the world's people, guilds, channels and messages are made of."""

from __future__ import annotations

import random
from typing import Final

_FIRST: Final = (
    *("amber", "birch", "cedar", "delta", "ember", "fjord"),
    *("grove", "hazel", "iris", "juniper", "koi", "lark"),
)
_SECOND: Final = (
    *("owl", "fox", "wren", "lynx", "moth", "hare"),
    *("crane", "otter", "finch", "newt", "ibis", "vole"),
)
CHANNEL_WORDS: Final = (
    *("talk", "lounge", "help", "art", "music"),
    *("news", "games", "code", "pets", "food"),
)
ROLE_WORDS: Final = ("helper", "artist", "player", "reader", "singer", "builder", "walker", "cook")
_GUILD_WORDS: Final = (
    *("Café", "Harbour", "Библиотека", "Workshop"),
    *("東京", "Garden", "Observatory", "Arcade"),
)


def _any(draw: random.Random, words: tuple[str, ...]) -> str:
    """Draw a word, several times faster than Random.choice: people are many."""
    return words[int(draw.random() * len(words))]


def person(draw: random.Random) -> tuple[str, str | None, str | None]:
    """Make (username, global name, avatar hash) from one draw: people are many."""
    bits = draw.getrandbits(160)
    first, second = _FIRST[bits % 12], _SECOND[(bits >> 8) % 12]
    username = f"{first}_{second}{(bits >> 16) % 10_000}"
    shown = f"{first.title()} {second.title()}" if bits & 0x1_0000_0000 else None
    avatar = f"{bits & (1 << 128) - 1:032x}" if bits & 0x2_0000_0000 else None
    return username, shown, avatar


def guild_name(draw: random.Random) -> str:
    """Make a guild's name, non-ASCII now and then."""
    return f"{_any(draw, _GUILD_WORDS)} {draw.randrange(1000)}"


def sentence(draw: random.Random) -> str:
    """Make what somebody says: 3 to 30 words, with quotes, line ends and emoji among them."""
    words = [_any(draw, (*_FIRST, *_SECOND, *CHANNEL_WORDS)) for _ in range(draw.randrange(3, 31))]
    end = draw.choice((".", "!", '? "yes"', " \N{SMILING FACE WITH OPEN MOUTH}", "\nçà et là", ""))
    return " ".join(words) + end


def _sentences() -> tuple[str, ...]:
    draw = random.Random("sentences")
    return tuple(sentence(draw) for _ in range(512))


SENTENCES: Final = _sentences()
"""Sentences that are made once: making one takes longer than an event may."""
