"""Identifies for programs outside a cluster: what they and the coordinator that grants them say.

Requests of cluster.wire.control, with these verbs and args:

- ``identify`` (Ask -> Turn): may this shard identify? Answered when its turn comes, or after
  POLL_S without it; who still wants it asks again, with the same ticket. So nobody who is gone
  keeps a place, and a coordinator that was restarted is asked anew.
- ``identify_sent``, ``identify_ready`` (Told -> nil): the identify went out; its READY came.
- ``identify_unused`` (Told -> nil): it was not sent and will not be, or is not waited for any more.
- ``identify_budget`` (Budgeted -> Budget): what is left.

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
    """Args of `identify`."""

    ticket: TicketId
    """Chosen by who asks, never used for another identify."""
    shard_id: ShardId
    shard_count: Annotated[int, msgspec.Meta(ge=0, le=MAX_SHARDS)] = 0
    """For people to read; 0: not said. A bucket goes by the shard id alone."""
    asker: Key = ""
    """The same in all that one coordinator asks; empty: a program that is none."""
    who: Annotated[str, msgspec.Meta(max_length=80)] = ""
    """For people to read."""
    account: Key = ""
    """account_key of the asker's account; empty: it is not compared."""


class IdentifyTurn(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to `identify`."""

    granted: bool
    good_s: float = 0.0
    """Of a grant: for so long after this was said. After it the grant is taken for spent."""


class IdentifyNotice(msgspec.Struct, frozen=True, kw_only=True):
    """Args of `identify_sent`, `identify_ready` and `identify_unused`."""

    ticket: TicketId
    shard_id: ShardId


class Budgeted(msgspec.Struct, frozen=True, kw_only=True):
    """Args of `identify_budget`."""

    asker: Key = ""


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to `identify_budget`."""

    store_id: Key
    account: Key
    """account_key of the account that is granted for, with the store id as its salt."""
    total: int
    remaining: int
    reserve: int
    reset_after_s: float
    max_concurrency: int
    wait_s: float = 0.0
    """Until the last turn of what this asker waits for, if all goes well."""
    run: Key = ""
    """Another one after each restart: what was asked before will not be answered."""


def account_key(token: str, salt: str) -> str:
    """A key of a bot's account that tells nothing of its token: 16 hexadecimal digits.

    A bot's token begins with the bot's id, which stays when the token is reset, as the daily limit
    does. salt: a store id, so that the key is another one in every place.
    """
    account = token.partition(".")[0] if "." in token else token
    return hashlib.blake2b(account.encode(), key=salt.encode(), digest_size=8).hexdigest()
