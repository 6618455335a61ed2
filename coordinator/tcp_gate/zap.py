"""Who may come in over TCP: answers libzmq's question at every CURVE handshake (ZAP), from the
file of clients' keys, which it looks at each time. Unknown is denied, and so is everybody while
the file can't be read.

Our own, and not pyzmq's authenticator, because that one lets NULL in unless told otherwise, needs
an event loop or a thread, and does not say from where a key that it refused came.

Source: ZAP (ZeroMQ RFC 27).
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import Final

import zmq
from zmq.utils import z85

from cluster.decode_errors import worth_saying
from cluster.endpoints.curve_keys import Client
from coordinator.tcp_gate.keyring import Keyring

log = logging.getLogger(__name__)

DOMAIN: Final = b"dcgw"
ENDPOINT: Final = "inproc://zeromq.zap.01"
_FRAMES: Final = 7
"""Number of frames: version, request id, domain, address, routing id, mechanism, and CURVE's one
credential."""


class Zap:
    """Answers handshakes. Whoever owns it calls `answer` when its socket can be read; while it
    does not, nobody gets in (ZAP_ENFORCE_DOMAIN)."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], keyring: Keyring) -> None:
        self._keyring = keyring
        self.refused = 0
        self.admitted: Counter[str] = Counter()
        """How often each public key was let in."""
        self.socket = context.socket(zmq.REP)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.bind(ENDPOINT)

    def answer(self) -> None:
        """Answer one question."""
        frames = self.socket.recv_multipart()
        version, request = (*frames, b"", b"")[:2]
        client = self._admit(frames)
        if client is not None:
            verdict = (b"200", b"OK", user_id(client))
        elif self._keyring.trouble:
            # Who has a key is not told that it has none, on which libzmq would never try again
            verdict = (b"300", b"later", b"")
        else:
            verdict = (b"400", b"refused", b"")
        self.socket.send_multipart([version, request, *verdict, b""])

    def _admit(self, frames: list[bytes]) -> Client | None:
        if len(frames) != _FRAMES or frames[2] != DOMAIN or frames[5] != b"CURVE":
            self.refused += 1
            return None
        key = z85.encode(frames[6]).decode()
        client = self._keyring.clients().get(key)
        address = frames[3].decode(errors="replace")
        if client is not None:
            self.admitted[key] += 1
            times = self.admitted[key]
            if worth_saying(times):
                log.info("%s (key %s) comes in from %s, %d", client.name, key, address, times)
            return client
        self.refused += 1
        if worth_saying(self.refused):
            log.warning("refusal %d: unknown key %s from %s", self.refused, key, address)
        return None

    def close(self) -> None:
        self.socket.close(0)


def user_id(client: Client) -> bytes:
    """Return the name of a connection as its messages carry it (libzmq's User-Id): the public key,
    since a name may be given a second time."""
    return client.public.encode()


def user_of(frame: zmq.Frame) -> str:
    """Return the user id of who sent this frame; empty: nobody was asked at its handshake."""
    try:
        return str(frame.get("User-Id"))
    except zmq.ZMQError:
        return ""
