"""Requests to a coordinator's control endpoint and their answers (ROUTER and DEALER).

One msgpack frame each way. A request is a map {v, id, verb, args}; the answer {v, id, ok, result}
or {v, id, ok, error: {kind, cause, action}}. ``kind`` is the name of a class of cluster.errors.
Verbs: ``status``, ``stop``, ``ping``, ``subscriber``, and those of cluster.wire.happenings,
cluster.wire.identifies, cluster.wire.operations and cluster.wire.commands. Which of them a key may
ask over TCP: coordinator/tcp_gate/control_relay.py.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

import cluster.errors as errors
from cluster.errors import ClusterError

CONTROL_VERSION: Final = 1


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request."""

    v: int = CONTROL_VERSION
    id: int
    verb: str
    args: dict[str, Any] = {}


class SealedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request whose args are not read, for who passes it on."""

    v: int = CONTROL_VERSION
    id: int
    verb: str
    args: msgspec.Raw = msgspec.Raw(b"\x80")


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request was refused: the parts of a ClusterError."""

    kind: str
    cause: str
    action: str = ""
    retry_after_s: float = 0.0
    """Seconds until a retry makes sense; 0: unknown."""
    argument: str = ""
    """The argument at fault; empty: none."""


def failure_of(error: ClusterError) -> Failure:
    """Return an error in the form that goes over a wire. A path's bytes that are no UTF-8, which
    Python keeps as lone surrogates, become question marks: no encoder takes them."""
    return Failure(
        kind=type(error).__name__,
        cause=_as_utf8(error.cause),
        action=_as_utf8(error.action),
        retry_after_s=getattr(error, "retry_after_s", 0.0),
        argument=_as_utf8(getattr(error, "argument", "")),
    )


def _as_utf8(text: str) -> str:
    return text.encode(errors="replace").decode()


def error_of(failure: Failure) -> ClusterError:
    """Return the error that a Failure stands for, as its class of cluster.errors."""
    kind = getattr(errors, failure.kind, ClusterError)
    if not (isinstance(kind, type) and issubclass(kind, ClusterError)):
        kind = ClusterError
    error = kind(failure.cause, failure.action)
    for name in ("retry_after_s", "argument"):
        if hasattr(error, name):
            setattr(error, name, getattr(failure, name))
    return error


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """One answer, to the request of the same id."""

    v: int = CONTROL_VERSION
    id: int
    ok: bool
    result: msgspec.Raw = msgspec.Raw(b"\xc0")
    error: Failure | None = None


encode = msgspec.msgpack.encode


def as_args(struct: msgspec.Struct) -> dict[str, Any]:
    """Return a struct as a request's args."""
    return msgspec.structs.asdict(struct)


decode_request = msgspec.msgpack.Decoder(Request).decode
decode_sealed = msgspec.msgpack.Decoder(SealedRequest).decode
decode_response = msgspec.msgpack.Decoder(Response).decode
