"""The value of `shards`, and who grants the identifies of a part of a bot."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from cluster.errors import ConfigError
from cluster.ranges import MAX_SHARDS, MAX_WORKER_SHARDS

SELF: Final = "self"
"""The value of identify.broker in the cluster that grants for the others."""
SHARDS_FORMS: Final = '"auto", a number such as "16", or a part of a larger bot such as "0-15/64"'

_NUMBER = re.compile(r"[0-9]{1,7}")
_PART = re.compile(r"([0-9]{1,7})-([0-9]{1,7})/([0-9]{1,7})")


class ShardRange(msgspec.Struct, frozen=True):
    """The shards that one coordinator runs: first to last (inclusive) of count."""

    first: int
    last: int
    count: int

    @property
    def whole(self) -> bool:
        """Whether these are all shards of the bot."""
        return self.first == 0 and self.last == self.count - 1

    def __len__(self) -> int:
        return self.last - self.first + 1


def parse_shards(text: str) -> ShardRange | None:
    """Return the shards that a value of ``shards`` names; None for "auto". ConfigError for every
    other form."""
    if text == "auto":
        return None
    if _NUMBER.fullmatch(text) and 1 <= int(text) <= MAX_SHARDS:
        return ShardRange(0, int(text) - 1, int(text))
    if part := _PART.fullmatch(text):
        first, last, count = (int(number) for number in part.groups())
        if first <= last < count <= MAX_SHARDS:
            return ShardRange(first, last, count)
    raise ConfigError(f"shards is {text!r}", f"give {SHARDS_FORMS}")


def check_workers(shards: int, workers: int) -> None:
    """Raise ConfigError if one of so many workers would have more shards than a worker takes."""
    each = -(-shards // workers)
    if each > MAX_WORKER_SHARDS:
        number = "1 worker" if workers == 1 else f"{workers} workers"
        raise ConfigError(
            f"{shards:,} shards on {number} are {each:,} each, and one takes {MAX_WORKER_SHARDS:,}",
            f"give {-(-shards // MAX_WORKER_SHARDS)} workers or more",
        )


def check_one_session(shards: str, broker: str) -> None:
    """Raise ConfigError for what a user account has none of: shards, and others that share its
    identifies."""
    part = parse_shards(shards)
    if part is not None and part.count != 1:
        raise ConfigError(
            f'shards is {shards!r}, and account is "user"',
            'a user account has one session, which is never sharded: set shards to "auto"',
        )
    if broker:
        raise ConfigError(
            'identify.broker is set, and account is "user"',
            "a user account has one session and nobody to share its identifies with: take it out",
        )


def check_share(shards: str, *, broker: str, budget: int, reserve: int) -> None:
    """Raise ConfigError unless it is settled who grants the identifies, and out of what."""
    part = parse_shards(shards)
    if part and not part.whole and not broker and not budget:
        raise ConfigError(
            f"shards = {shards!r} is a part of a bot whose identify budget others spend too",
            'name the cluster that grants for all parts in identify.broker ("self" in that one), '
            "or give this part its share: identify.budget",
        )
    if broker not in ("", SELF) and (budget or reserve):
        key = "identify.budget" if budget else "identify.reserve"
        raise ConfigError(
            f"{key} is set, and the identifies come from identify.broker",
            f"set {key} at the broker, or leave one of them out",
        )
