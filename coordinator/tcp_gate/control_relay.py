"""The control endpoint for TCP clients: looks at who asks and what for, and passes it on.

Requests of all clients go to the coordinator over one local socket, so each gets a number of the
TCP gate's own on the way there and its own one back. What is not allowed does not get there. Args
are not looked into, but for the few verbs of which the gate must know more; those are read as what
they must be, so that no client's nesting is walked here.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from typing import ClassVar, Final, NamedTuple, TypeVar

import msgspec
import zmq

from cluster.decode_errors import MALFORMED, worth_saying
from cluster.endpoints.curve_keys import Client, Right
from cluster.errors import ClusterError, KeyRefusedError
from cluster.wire import control
from cluster.wire.identifies import IdentifyNotice, IdentifyTurn
from cluster.wire.proxies import ProxyReport
from cluster.wire.status import GateReport, SubscriberReport
from coordinator.tcp_gate.keyring import Keyring
from coordinator.tcp_gate.zap import user_of

log = logging.getLogger(__name__)

MAX_REQUEST_BYTES: Final = 64 * 1024
MAX_NAME: Final = 64
"""The most characters of a subscriber's name, as cluster.wire.status has it."""
MAX_UNDER_WAY: Final = 4096
"""Requests of one key that may wait for their answers."""

EVERYBODY: Final = frozenset(("ping", "proxy", "subscriber"))
NEEDS: Final[dict[str, Right]] = {
    "status": "status",
    "happenings": "status",
    "cache": "cache",
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


_Args = TypeVar("_Args", bound=msgspec.Struct)


def unsealed(request: control.SealedRequest, verb: str, kind: type[_Args]) -> _Args | None:
    """Return the args of a request of this verb; None: it is of another one. ClusterError: they are
    not what the verb takes. Pure."""
    if request.verb != verb:
        return None
    try:
        return msgspec.msgpack.decode(request.args, type=kind)
    except MALFORMED as error:
        raise ClusterError(f"not the arguments of this request ({error})") from None


def named(
    request: control.SealedRequest, report: SubscriberReport, client: Client
) -> control.SealedRequest:
    """Return a subscriber's report as the coordinator gets it: it says whose key it came with, so
    that nobody passes for a program of this host. Pure."""
    name = f"{client.name}: {report.name}"[:MAX_NAME]
    args = control.encode(msgspec.structs.replace(report, name=name))
    return msgspec.structs.replace(request, args=msgspec.Raw(args))


def keyed(
    request: control.SealedRequest, report: ProxyReport, client: Client
) -> control.SealedRequest:
    """Return a proxy's report as the coordinator gets it: with the key's name, too. Pure."""
    args = control.encode(msgspec.structs.replace(report, key=client.name))
    return msgspec.structs.replace(request, args=msgspec.Raw(args))


class _Sender(NamedTuple):
    """Who sent a request."""

    address: bytes
    key: str
    client: Client


class _Asked(NamedTuple):
    """A request that the coordinator has, and who asked."""

    sender: bytes
    key: str
    number: int
    """The request's id, as the client gave it."""
    identify: IdentifyNotice | None
    """The identify that it asks for; None: it asks for something else."""


class Reporters:
    """Who reports itself with each key, subscribers and proxies: of one key not more than MOST at
    a time, else one client could fill `status`. Times are seconds of a monotonic clock."""

    MOST: ClassVar[int] = 64
    SILENT_S: ClassVar[float] = 10.0

    def __init__(self) -> None:
        self._seen: dict[str, dict[str, float]] = {}
        """Key -> id of a reporter -> when it was heard last."""

    def takes(self, key: str, reporter: str, now: float) -> bool:
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
            request = control.decode_sealed(frames[1].bytes)
        except MALFORMED as error:
            self._refuse(sender, 0, "nonsense", ClusterError(f"not a control request ({error})"))
            return
        key = user_of(frames[1])
        client = self._keyring.clients().get(key)
        try:
            if (why := refusal(client, request.verb)) is not None:
                raise why
            assert client is not None  # else it was refused
            self._pass_on(_Sender(sender, key, client), request)
        except ClusterError as error:
            self._refuse(sender, request.id, client.name if client else key, error)

    def _pass_on(self, who: _Sender, request: control.SealedRequest) -> None:
        """Pass a request on that this client may make. ClusterError: it was not."""
        if self._under_way[who.key] >= MAX_UNDER_WAY:
            raise ClusterError(f"{MAX_UNDER_WAY} requests wait already", "ask again later")
        identify = unsealed(request, "identify", IdentifyNotice)
        report = unsealed(request, "subscriber", SubscriberReport)
        if report is not None:
            self._take_reporter(who.key, report.id)
            request = named(request, report, who.client)
        proxy = unsealed(request, "proxy", ProxyReport)
        if proxy is not None:
            self._take_reporter(who.key, proxy.id)
            request = keyed(request, proxy, who.client)
        number = self._tell(request)
        if number is None:
            raise ClusterError("the coordinator takes no requests", "ask again later")
        self._asked[number] = _Asked(who.address, who.key, request.id, identify)
        self._under_way[who.key] += 1

    def _take_reporter(self, key: str, reporter: str) -> None:
        """Take note of who reports. ClusterError: with this key too many do."""
        if not self._reporters.takes(key, reporter, time.monotonic()):
            raise ClusterError(
                f"{Reporters.MOST} subscribers and proxies report with this key already"
            )

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
        answer = msgspec.structs.replace(response, id=asked.number)
        if self._send(asked.sender, answer):
            return
        if asked.identify is not None and _is_grant(response):
            self._give_back(asked.identify)

    def report(self, report: GateReport) -> None:
        """Tell the coordinator how the TCP gate fares."""
        self._tell(_request("_gate", report))

    def _give_back(self, identify: IdentifyNotice) -> None:
        """Give a grant back whose asker is gone: somebody else can have it."""
        self._tell(_request("identify_unused", identify))

    def _tell(self, request: control.SealedRequest) -> int | None:
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


def _request(verb: str, args: msgspec.Struct) -> control.SealedRequest:
    """Return a request of the TCP gate's own, which has no number yet."""
    return control.SealedRequest(id=0, verb=verb, args=msgspec.Raw(control.encode(args)))


def _is_grant(response: control.Response) -> bool:
    """Whether the answer to an `identify` gives a grant."""
    if not response.ok:
        return False
    return msgspec.msgpack.decode(response.result, type=IdentifyTurn).granted
