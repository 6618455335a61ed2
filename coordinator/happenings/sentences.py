"""The sentences of what happens, a row a kind, and how much each matters (pure)."""

from __future__ import annotations

from typing import Final, NamedTuple

from cluster.discord.close_codes import CLOSE_CODES
from cluster.wire.happenings import HappeningKind, Severity
from cluster.words import ranges

MOST_RANGES: Final = 6
"""How many ranges of shards a sentence names."""
LONGEST_CAUSE: Final = 300
"""Characters of a cause; what is longer is cut."""

INFO, WARNING, ERROR = Severity.INFO, Severity.WARNING, Severity.ERROR


class Sentence(NamedTuple):
    """How a kind is told. Both texts are formats of the fields of `what`; {cause} follows by itself
    where there is one."""

    severity: Severity
    one: str
    """Text for one happening. Fields: worker, shard, epoch, what."""
    many: str
    """Text for several together. Fields: count, seconds, shards."""


_K = HappeningKind
SENTENCES: Final[dict[HappeningKind, Sentence]] = {
    _K.STARTED: Sentence(INFO, "{what}", "{count} starts"),
    _K.STOPPING: Sentence(INFO, "the cluster stops{what}", "{count} stops"),
    _K.RELOAD_REFUSED: Sentence(
        WARNING, "the configuration was read again and can't be used; what was holds",
        "the configuration was read again {count} times and can't be used",
    ),
    _K.RELOADED: Sentence(
        INFO, "the configuration was read again: {what}",
        "the configuration was read again {count} times",
    ),
    _K.ALL_READY: Sentence(INFO, "{what}", "all shards became ready {count} times"),
    _K.WORKER_STARTED: Sentence(INFO, "worker {worker} started, {what}", "{count} workers started"),
    _K.WORKER_ADOPTED: Sentence(
        INFO, "worker {worker}, {what}, was taken over, and its sessions go on",
        "{count} workers were taken over, and their sessions go on",
    ),
    _K.WORKER_ENDED: Sentence(INFO, "worker {worker} ended", "{count} workers ended"),
    _K.WORKER_DIED: Sentence(
        WARNING, "worker {worker} died, {what}", "{count} workers died"
    ),
    _K.WORKER_FAILED: Sentence(ERROR, "worker {worker} failed, {what}", "{count} workers failed"),
    _K.WORKER_MISSING: Sentence(
        WARNING, "worker {worker} reports no more", "{count} workers report no more"
    ),
    _K.SHARD_LOST: Sentence(
        INFO, "shard {shard} lost its connection", "{count} shards ({shards}) lost their connection"
    ),
    _K.CONNECT_FAILED: Sentence(
        WARNING, "shard {shard} can't connect", "{count} shards ({shards}) can't connect"
    ),
    _K.SHARD_RESUMED: Sentence(
        INFO, "shard {shard} resumed its session, epoch {epoch}",
        "{count} shards ({shards}) resumed their sessions",
    ),
    _K.SHARD_IDENTIFIED: Sentence(
        INFO, "shard {shard} is ready with a new session, epoch {epoch}",
        "{count} shards ({shards}) are ready with new sessions",
    ),
    _K.SHARD_REFUSED: Sentence(
        ERROR, "shard {shard} was refused and has given up",
        "{count} shards ({shards}) were refused and have given up",
    ),
    _K.IDENTIFY_GRANTED: Sentence(
        INFO, "shard {shard} may identify, as epoch {epoch}",
        "{count} identifies were granted ({shards})",
    ),
    _K.BUDGET_LOW: Sentence(WARNING, "{what}", "the identify budget was low {count} times"),
    _K.OPERATION_BEGAN: Sentence(INFO, "{what} begins", "{count} operations began"),
    _K.OPERATION_DONE: Sentence(INFO, "{what} is done", "{count} operations are done"),
    _K.OPERATION_FAILED: Sentence(ERROR, "{what} failed", "{count} operations failed"),
    _K.CHILD_ENDED: Sentence(
        WARNING, "the {what} ended and is started again",
        "processes beside the workers ended {count} times and were started again",
    ),
    _K.HOST_JOINED: Sentence(INFO, "host {what} is here", "{count} hosts are here"),
    _K.HOST_AWAY: Sentence(
        WARNING, "host {what} is not heard of", "{count} hosts are not heard of"
    ),
    _K.HOST_GONE: Sentence(WARNING, "host {what} is gone", "{count} hosts are gone"),
    _K.HOST_LEFT: Sentence(INFO, "host {what} has left", "{count} hosts have left"),
    _K.SUBSCRIBER_CAME: Sentence(INFO, "{what} subscribes", "{count} subscribers came"),
    _K.SUBSCRIBER_LEFT: Sentence(INFO, "{what} subscribes no more", "{count} subscribers left"),
    _K.GAP: Sentence(
        WARNING, "{what} was told of events that can't be had again",
        "subscribers were told {count} times of events that can't be had again",
    ),
}  # fmt: skip

CAUSES: Final = {
    "op 7": "Discord asked for it (op 7)",
    "op 9": "Discord ended the session (op 9)",
    "zombie": "its heartbeats were not answered",
    "late heartbeat": "the worker was held up, its heartbeat came late",
    "connection lost": "the connection broke",
    "restart": "it was asked to reconnect",
    "refresh": "it was asked to identify anew",
    "corrupt stream": "what came could not be read",
    "protocol error": "what came broke the protocol",
}
"""The causes of a lost connection as a shard counts them, in words. Others are words already, or a
close code."""


def cause_in_words(cause: str) -> str:
    """Return a shard's cause of a lost connection for people: "closed 4009" as "Discord closed with
    4009, session timed out"."""
    if cause in CAUSES:
        return CAUSES[cause]
    label, _, code = cause.partition(" ")
    if label == "closed" and code.isdecimal():
        known = CLOSE_CODES.get(int(code))
        return f"Discord closed with {code}" + (f", {known.name}" if known else "")
    return cause


def one(kind: HappeningKind, cause: str, **fields: object) -> str:
    """Return the sentence of one happening. fields: worker, shard, epoch, what."""
    return _because(SENTENCES[kind].one.format_map(fields), cause)


def many(
    kind: HappeningKind, cause: str, *, count: int, more: bool, seconds: float, shards: list[int]
) -> str:
    """Return the sentence of several. more: some of the kind were told one by one just before."""
    told = f"{count:,} more" if more else f"{count:,}"
    names = ranges(sorted(set(shards)), MOST_RANGES)
    text = SENTENCES[kind].many.format(count=told, seconds=seconds, shards=names)
    text = text.replace(" ()", "")
    return f"{_because(text, cause)}, within {seconds:.0f} s"


def _because(text: str, cause: str) -> str:
    return f"{text}: {cause}" if cause else text
