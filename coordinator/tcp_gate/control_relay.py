"""The control endpoint for TCP clients: looks at who asks and what for, and passes it on.

Requests of all clients go to the coordinator over one local socket, so each gets a number of the
TCP gate's own on the way there and its own one back. What is not allowed does not get there.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from typing import Any, ClassVar, Final, NamedTuple

import msgspec
import zmq

from cluster.decode_errors import MALFORMED, worth_saying
from cluster.endpoints.curve_keys import Client, Right
from cluster.errors import ClusterError, KeyRefusedError
from cluster.wire import control
from cluster.wire.identifies import IdentifyTurn
from cluster.wire.status import GateReport
from coordinator.tcp_gate.keyring import Keyring
from coordinator.tcp_gate.zap import user_of

log = logging.getLogger(__name__)

MAX_REQUEST_BYTES: Final = 64 * 1024
MAX_NAME: Final = 64
"""The most characters of a subscriber's name, as cluster.wire.status has it."""
MAX_UNDER_WAY: Final = 4096
"""Requests of one key that may wait for their answers."""

EVERYBODY: Final = frozenset(("ping", "subscriber"))
NEEDS: Final[dict[str, Right]] = {
    "status": "status",
    "identify": "identify",
    "identify_budget": "identify",
    "identify_ready": "identify",
    "identify_sent": "identify",
    "identify_unused": "identify",
    "send": "send",
    "shards": "send",
}
"""What a verb needs; one that is not here needs "control"."""


def refusal(client: Client | None, verb: str) -> ClusterError | None:
    """Return why this client may not ask this; None: it may. Pure."""
    if client is None:  # removed a moment ago
        return KeyRefusedError("the key is not known any more", "ask for another one")
    if verb.startswith("_"):
        return KeyRefusedError(f"{verb[:40]!r} is not for clients")
    right = NEEDS.get(verb, "control")
    if verb in EVERYBODY or right in client.may or "control" in client.may:
        return None
    return KeyRefusedError(
        f"the key {client.name!r} may not ask for {verb[:40]!r}",
        f"it takes one that was made with `--may {right}`",
    )


def named(request: control.Request, client: Client) -> control.Request:
    """Return the request as the coordinator gets it: a subscriber's report says whose key it came
    with, so that nobody passes for a program of this host. Pure."""
    name = request.args.get("name")
    if request.verb != "subscriber" or not isinstance(name, str):
        return request
    full_name = f"{client.name}: {name}"[:MAX_NAME]
    return msgspec.structs.replace(request, args=request.args | {"name": full_name})


class _Asked(NamedTuple):
    """A request that the coordinator has, and who asked."""

    sender: bytes
    key: str
    request: control.Request


class Reporters:
    """The subscribers that report themselves with each key: of one key not more than MOST at a
    time, else one client could fill `status`. Times are seconds of a monotonic clock."""

    MOST: ClassVar[int] = 64
    SILENT_S: ClassVar[float] = 10.0

    def __init__(self) -> None:
        self._seen: dict[str, dict[object, float]] = {}
        """Key -> id of a reporter -> when it was heard last."""

    def takes(self, key: str, reporter: object, now: float) -> bool:
        """Take a report, if there is room for who reports. False: there is none."""
        seen = self._seen.setdefault(key, {})
        if reporter not in seen and len(seen) >= self.MOST:
            seen = {one: heard for one, heard in seen.items() if now - heard <= self.SILENT_S}
            self._seen[key] = seen
            if len(seen) >= self.MOST:
                return False
        seen[reporter] = now
        return True


class ControlRelay:
    """Passes requests and answers on between two sockets, which it does not own."""

    def __init__(
        self, outside: zmq.Socket[bytes], inside: zmq.Socket[bytes], keyring: Keyring
    ) -> None:
        """outside: ROUTER on TCP. inside: DEALER to the control endpoint."""
        self._outside = outside
        self._inside = inside
        self._keyring = keyring
        self._asked: dict[int, _Asked] = {}
        self._under_way: Counter[str] = Counter()
        self._reporters = Reporters()
        self._number = 0
        self.refused = 0
        """How many messages were no requests, or requests that were not allowed."""

    def take_request(self) -> None:
        """Take one message from outside."""
        frames = self._outside.recv_multipart(copy=False)
        sender = frames[0].bytes
        try:
            if len(frames) != 2:
                raise msgspec.DecodeError(f"{len(frames) - 1} frames; a request has one")
            request = control.decode_request(frames[1].bytes)
        except (ValueError, *MALFORMED) as error:
            self._refuse(sender, 0, "nonsense", ClusterError(f"not a control request ({error})"))
            return
        key = user_of(frames[1])
        client = self._keyring.clients().get(key)
        why = refusal(client, request.verb) or self._too_much(key, request)
        if why is not None:
            self._refuse(sender, request.id, client.name if client else key, why)
            return
        assert client is not None  # else it was refused
        number = self._tell(named(request, client))
        if number is None:
            busy = ClusterError("the coordinator takes no requests", "ask again later")
            self._refuse(sender, request.id, key, busy)
            return
        self._asked[number] = _Asked(sender, key, request)
        self._under_way[key] += 1

    def _too_much(self, key: str, request: control.Request) -> ClusterError | None:
        if self._under_way[key] >= MAX_UNDER_WAY:
            return ClusterError(f"{MAX_UNDER_WAY} requests wait already", "ask again later")
        if request.verb == "subscriber":
            reporter = str(request.args.get("id"))[:64]
            if not self._reporters.takes(key, reporter, time.monotonic()):
                return ClusterError(f"{Reporters.MOST} subscribers report with this key already")
        return None

    def _refuse(self, sender: bytes, number: int, who: str, error: ClusterError) -> None:
        self.refused += 1
        if worth_saying(self.refused):
            log.warning("control request %d refused (%s): %s", self.refused, who, error)
        self._send(sender, control.Response(id=number, ok=False, error=control.failure_of(error)))

    def take_answer(self) -> None:
        """Take one answer of the coordinator."""
        response = control.decode_response(self._inside.recv())
        asked = self._asked.pop(response.id, None)
        if asked is None:
            return  # it answers a request of the TCP gate's own
        self._under_way[asked.key] -= 1
        answer = msgspec.structs.replace(response, id=asked.request.id)
        if not self._send(asked.sender, answer) and _is_grant(asked.request, response):
            self._give_back(asked.request.args)

    def report(self, report: GateReport) -> None:
        """Tell the coordinator how the TCP gate fares."""
        self._tell(control.Request(id=0, verb="_gate", args=control.as_args(report)))

    def _give_back(self, args: dict[str, Any]) -> None:
        """Give a grant back whose asker is gone: somebody else can have it."""
        grant = {"ticket": args.get("ticket"), "shard_id": args.get("shard_id")}
        self._tell(control.Request(id=0, verb="identify_unused", args=grant))

    def _tell(self, request: control.Request) -> int | None:
        """Send a request to the coordinator. Return its number there; None: it was not taken."""
        self._number += 1
        numbered = msgspec.structs.replace(request, id=self._number)
        try:
            self._inside.send(control.encode(numbered), zmq.NOBLOCK)
        except zmq.Again:
            return None
        return self._number

    def _send(self, sender: bytes, response: control.Response) -> bool:
        """Send an answer to a client. False: who asked is gone, or does not read."""
        try:
            self._outside.send_multipart([sender, control.encode(response)], zmq.NOBLOCK)
        except zmq.ZMQError as error:
            if error.errno not in (zmq.EAGAIN, zmq.EHOSTUNREACH):
                raise
            return False
        return True


def _is_grant(request: control.Request, response: control.Response) -> bool:
    if request.verb != "identify" or not response.ok:
        return False
    return msgspec.msgpack.decode(response.result, type=IdentifyTurn).granted
