"""Topics: what a ZeroMQ subscription matches, and the form of every message that is published.

A message is one frame: ``topic``, a NUL byte, a msgpack array. A topic is ``NAME.NUMBER.``: the
event's name and the shard that it came to, so that a subscription by prefix takes an event type
(``MESSAGE_CREATE.``) or an event type of one shard (``MESSAGE_CREATE.7.``). Names that begin with
``_`` are the cluster's own.
"""

from __future__ import annotations

import re
from typing import Final

SEPARATOR: Final = b"\x00"
WATERMARK: Final = "_watermark"
"""Name of a watermark; its number is the worker's slot."""
EPOCH_END: Final = "_epoch_end"
HOLE: Final = "_hole"
"""Name of a batch whose events are ranges of seqs that the session skipped."""
RESHARD: Final = "_reshard"
"""Name of a resharding's announcement; its number is the shard count that is to come into force."""
MAX_TOPIC: Final = 128
"""Most bytes of a topic; a longer one is not ours."""
MAX_MESSAGE: Final = 192 * 1024 * 1024
"""Most bytes of a message: the largest event that a worker takes fits. A socket hangs up on
more."""


_head: Final = re.compile(rb"([0-9A-Za-z_]+)\.([0-9]+)\.\x00")
"""A topic, and the NUL byte after it."""


class WireError(Exception):
    """Bytes that are no message of this protocol."""


def topic(name: str, number: int) -> bytes:
    """Return the topic of an event name and a shard id (of a watermark: a slot)."""
    return f"{name}.{number}.".encode()


def subscription(name: str, number: int | None = None) -> bytes:
    """Return the prefix that takes a name, of one shard or of all."""
    return f"{name}.".encode() if number is None else topic(name, number)


def split(message: bytes) -> tuple[str, int, memoryview]:
    """Return the name, number and payload of a message. Raises WireError."""
    found = _head.match(message, 0, MAX_TOPIC + 1)
    if found is None:
        end = message.find(SEPARATOR, 0, MAX_TOPIC + 1)
        if end < 0:
            raise WireError(f"no topic in the first {MAX_TOPIC} bytes")
        raise WireError(f"the topic {message[:end]!r} is not NAME.NUMBER.")
    name, number = found.groups()
    return name.decode(), int(number), memoryview(message)[found.end() :]


def name_of(message: bytes) -> bytes:
    """Return the name alone, unchecked: for filters over messages of our own journal."""
    return message[: message.find(b".", 0, MAX_TOPIC)]
