"""A verb of the control endpoint: what takes a request's arguments and returns its result."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, TypeVar

import msgspec

from cluster.decode_errors import MALFORMED
from cluster.errors import ClusterError

Args = TypeVar("Args", bound=msgspec.Struct)


Verb = Callable[[dict[str, Any]], Awaitable[object]]
"""Takes a request's args and returns the `result` of its answer. ClusterError: the answer is that
error."""


class Parcel(NamedTuple):
    """What a verb returns that must know when nobody is there to take it."""

    result: object
    undelivered: Callable[[], None]


def args_of(args: dict[str, Any], kind: type[Args]) -> Args:
    """Return a request's args as the struct that they must be. ClusterError for anything else."""
    try:
        return msgspec.convert(args, kind)
    except MALFORMED as error:
        raise ClusterError(f"not the arguments of this request ({error})") from None
