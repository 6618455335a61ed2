"""Identifies for programs outside a cluster: what they and the coordinator that grants them say.

Requests of cluster.wire.control, with these verbs and args:

- ``identify`` (IdentifyAsk -> IdentifyTurn): may this shard identify? Answered when its turn comes,
  or after POLL_S without it; who still wants it asks again, with the same ticket. So nobody who is
  gone keeps a place, and a coordinator that was restarted is asked anew.
- ``identify_sent``, ``identify_ready`` (IdentifyNotice -> nil): the identify went out; its READY
  came.
- ``identify_unused`` (IdentifyNotice -> nil): it was not sent and will not be, or is not waited for
  any more.
- ``identify_budget`` (BudgetAsk -> Budget): what is left.

Each may be said again: what was heard already changes nothing.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Final

import msgspec

from cluster.ranges import MAX_SHARDS

POLL_S: Final = 10.0
"""An `identify` is answered within this long."""

ShardId = Annotated[int, msgspec.Meta(ge=0, lt=MAX_SHARDS)]
Key = Annotated[str, msgspec.Meta(max_length=64)]
TicketId = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class IdentifyAsk(msgspec.Struct, frozen=True, kw_only=True):
    """The args of `identify`."""

    ticket: TicketId
    """Name of this question, chosen by who asks and never used for another identify."""
    shard_id: ShardId
    shard_count: Annotated[int, msgspec.Meta(ge=0, le=MAX_SHARDS)] = 0
    """Shard count, for people to read; 0: not said. A bucket goes by the shard id alone."""
    asker: Key = ""
    """Store id of the asking coordinator; empty: the asker is another program."""
    who: Annotated[str, msgspec.Meta(max_length=80)] = ""
    """Who asks, for people to read."""
    account: Key = ""
    """The account_key of the asker's account; empty: it is not compared."""


class IdentifyTurn(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `identify`."""

    granted: bool
    good_s: float = 0.0
    """How many seconds the grant stays valid, counted from this answer; afterwards it counts as
    spent."""


class IdentifyNotice(msgspec.Struct, frozen=True, kw_only=True):
    """The args of `identify_sent`, `identify_ready` and `identify_unused`."""

    ticket: TicketId
    shard_id: ShardId


class BudgetAsk(msgspec.Struct, frozen=True, kw_only=True):
    """The args of `identify_budget`."""

    asker: Key = ""
    """Store id of the asking coordinator; empty: the asker is another program."""


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `identify_budget`."""

    store_id: Key
    account: Key
    """The account_key of the account that is granted for, with the store id as its salt."""
    total: int
    remaining: int
    reserve: int
    reset_after_s: float
    max_concurrency: int
    wait_s: float = 0.0
    """Seconds until this asker's last waiting shard gets its turn, if all goes well."""
    run: Key = ""
    """Random per coordinator process: if it changed, ask again."""


def account_key(token: str, salt: str) -> str:
    """Return a key of a bot's account that tells nothing of its token: 16 hexadecimal digits.

    A bot's token begins with the bot's id, which stays when the token is reset, as the daily limit
    does. salt: a store id, so that the key is another one in every place.
    """
    account = token.partition(".")[0] if "." in token else token
    return hashlib.blake2b(account.encode(), key=salt.encode(), digest_size=8).hexdigest()
