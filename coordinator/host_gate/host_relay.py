"""Passes messages of host agents on to one of the coordinator's processes, and its messages back.

Inside, a message is a host id and the frames that are the message. An agent chooses the id of its
connection itself ("NAME/INSTANCE"), so each of its messages is looked at: NAME must be that of its
key. Nobody waits for anybody here: what can't be passed on at once is dropped and counted, since
both sides say again what they have to say.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from typing import Final

import msgspec
import zmq

from cluster.decode_errors import worth_saying
from cluster.endpoints.curve_keys import Client
from cluster.wire.hosts import name_of
from coordinator.tcp_gate.keyring import Keyring
from coordinator.tcp_gate.zap import user_of

log = logging.getLogger(__name__)

AT_ONCE: Final = 64
"""How many messages are taken of one socket before the other ones have their turn."""
MOST_IDS: Final = 8
"""Ids of one host that are kept: of its agent, and of those before."""


def fault(identity: bytes, parts: int, wanted: int, client: Client | None) -> str:
    """Return what is wrong with a message from outside; empty: nothing. Pure.

    identity: of the connection. parts: how many frames the message has. wanted: how many it is to
    have. client: whose key it came with; None: nobody's any more.
    """
    if client is None or "host" not in client.may:
        return "its key is no host's any more"
    try:
        name = name_of(identity)
    except (ValueError, msgspec.ValidationError):
        return "its id is none of a host"
    if name != client.name:
        return f"it says that it is {name}"
    if parts != wanted:
        return f"{parts} frames in place of {wanted}"
    return ""


class HostIds:
    """The ids under which hosts have spoken, each with its own key: only they are spoken to. Of one
    host the last MOST_IDS."""

    def __init__(self) -> None:
        self._of: dict[str, OrderedDict[bytes, None]] = {}
        """Name -> ids, the one that spoke last at the end."""
        self._known: set[bytes] = set()

    def spoke(self, name: str, identity: bytes) -> None:
        """Take note that a host of this name has spoken."""
        ids = self._of.setdefault(name, OrderedDict())
        ids[identity] = None
        ids.move_to_end(identity)
        self._known.add(identity)
        if len(ids) > MOST_IDS:
            oldest, _ = ids.popitem(last=False)
            self._known.discard(oldest)

    def __contains__(self, identity: bytes) -> bool:
        return identity in self._known


class HostRelay:
    """Passes messages on between two sockets, which it does not own."""

    def __init__(
        self,
        name: str,
        outside: zmq.Socket[bytes],
        inside: zmq.Socket[bytes],
        keyring: Keyring,
        ids: HostIds,
        parts: int,
    ) -> None:
        """name: for people. outside: ROUTER on TCP, with ROUTER_MANDATORY. inside: DEALER. ids: of
        the hosts that have spoken, here or by another relay. parts: frames of a message, without
        the host id."""
        self._name = name
        self._outside = outside
        self._inside = inside
        self._keyring = keyring
        self._parts = parts
        self._ids = ids
        self.refused = 0
        """How many messages from outside were not passed on, since they were none of the
        sender's."""
        self.dropped = 0
        """How many messages, of both ways, were dropped since nobody took them."""

    def take_from_hosts(self) -> None:
        """Take the messages that have come from outside."""
        for _ in range(AT_ONCE):
            try:
                frames = self._outside.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            self._pass_on(frames)

    def take_for_hosts(self) -> None:
        """Take the messages that have come from inside."""
        for _ in range(AT_ONCE):
            try:
                frames = self._inside.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            identity = frames[0].bytes
            if len(frames) != 1 + self._parts or identity not in self._ids:
                self._drop(f"a message for {identity[:64]!r}, which is not here")
            else:
                self._send(self._outside, frames, f"a message for {identity.decode()}")

    def _pass_on(self, frames: list[zmq.Frame]) -> None:
        identity = frames[0].bytes
        client = self._keyring.last_clients().get(user_of(frames[-1]))
        if why := fault(identity, len(frames) - 1, self._parts, client):
            self.refused += 1
            if worth_saying(self.refused):
                who = client.name if client else "an unknown key"
                log.warning(
                    "%s: message %d refused, of %s as %r: %s",
                    self._name, self.refused, who, identity[:64], why,
                )  # fmt: skip
            return
        assert client is not None  # else it was refused
        self._ids.spoke(client.name, identity)
        self._send(self._inside, frames, f"a message of {identity.decode()}")

    def _send(self, socket: zmq.Socket[bytes], frames: list[zmq.Frame], what: str) -> None:
        try:
            socket.send_multipart(frames, zmq.NOBLOCK)
        except zmq.ZMQError as error:
            if error.errno not in (zmq.EAGAIN, zmq.EHOSTUNREACH):
                raise
            self._drop(f"{what} ({zmq.strerror(error.errno)})")

    def _drop(self, what: str) -> None:
        self.dropped += 1
        if worth_saying(self.dropped):
            log.warning("%s: dropped, %d by now: %s", self._name, self.dropped, what)
