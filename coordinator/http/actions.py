"""What changes the cluster over HTTP: POST /restart and POST /reshard.

Each begins a long operation, as the verb of the same name does, and is answered when that has
begun: how it goes on is `operation` in /status. It goes on when who asked goes away.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, TypeVar

import msgspec
from aiohttp import web

from cluster.decode_errors import MALFORMED
from cluster.errors import ClusterError, CommandError, NotRunningError
from cluster.wire.operations import ReshardArgs
from cluster.wire.status import Operation
from coordinator.http import answers

log = logging.getLogger(__name__)

MAX_BODY_BYTES: Final = 1024
BODY_S: Final = 5.0
"""Seconds within which a body must be there."""
Begin = Callable[[str, dict[str, Any]], Awaitable[Operation]]
"""Begins an operation by its verb and args. ClusterError: why it can't."""
Body = TypeVar("Body", bound=msgspec.Struct)

Number = Annotated[int, msgspec.Meta(ge=0)]


class RestartBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of POST /restart: one of the three."""

    rolling: bool = False
    """All workers, one by one."""
    worker: Number | None = None
    shard: Number | None = None


class ReshardBody(ReshardArgs, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of POST /reshard."""


class Actions:
    """Answers the requests that change something. Whether they may is decided before."""

    def __init__(self, begin: Begin) -> None:
        self._begin = begin

    async def restart(self, request: web.Request) -> web.Response:
        """Begin to restart all workers, a worker, or a shard."""
        try:
            body = await _body(request, RestartBody)
            named = {"worker": body.worker, "shard": body.shard}
            given = {name: number for name, number in named.items() if number is not None}
            if len(given) + body.rolling != 1:
                raise CommandError(
                    "it must be said what to restart",
                    'send {"rolling": true}, {"worker": 0} or {"shard": 0}',
                )
        except ClusterError as error:
            return answers.failed(400, error)
        return await self._began(request, "restart", given)

    async def reshard(self, request: web.Request) -> web.Response:
        """Begin to change the shard count."""
        try:
            body = await _body(request, ReshardBody)
        except ClusterError as error:
            return answers.failed(400, error)
        return await self._began(request, "reshard", msgspec.structs.asdict(body))

    async def _began(self, request: web.Request, verb: str, args: dict[str, Any]) -> web.Response:
        """Begin an operation; 202, as it goes on behind the answer."""
        try:
            operation = await self._begin(verb, args)
        except NotRunningError as error:
            return answers.failed(503, error)
        except ClusterError as error:
            return answers.failed(409, error)
        log.info("%s, asked by %s", operation.kind, request.remote)
        return answers.data(msgspec.json.encode(operation), "application/json", 202)


async def _body(request: web.Request, kind: type[Body]) -> Body:
    """Return the body of a request. CommandError: it is none of this kind, or does not come."""
    try:
        async with asyncio.timeout(BODY_S):
            text = await request.read()
    except TimeoutError:
        raise CommandError(f"the body did not come within {BODY_S:g} s") from None
    except web.HTTPRequestEntityTooLarge:
        raise CommandError(f"the body is longer than {MAX_BODY_BYTES} bytes") from None
    try:
        return msgspec.json.decode(text, type=kind)
    except MALFORMED as error:
        raise CommandError(f"the body is not what is expected ({error})") from None
