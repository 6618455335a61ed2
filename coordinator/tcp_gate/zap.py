"""Who may come in over TCP: answers libzmq's question at every CURVE handshake (ZAP), from the
file of clients' keys, which it looks at each time. Unknown is denied, and so is everybody while
the file can't be read. The domain of the sockets says what a key must be allowed.

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
from cluster.endpoints.curve_keys import Client, Right
from coordinator.tcp_gate.keyring import Keyring

log = logging.getLogger(__name__)

DOMAIN: Final = b"dcgw"
"""Domain of the sockets for clients."""
HOSTS_DOMAIN: Final = b"dcgw-host"
"""Domain of the sockets for host agents."""
NEEDS: Final[dict[bytes, Right | None]] = {DOMAIN: None, HOSTS_DOMAIN: "host"}
"""What a key must be allowed to be let in, by domain; None: nothing, every key may."""
ENDPOINT: Final = "inproc://zeromq.zap.01"
_FRAMES: Final = 7
"""Number of frames: version, request id, domain, address, routing id, mechanism, and CURVE's one
credential."""


class Zap:
    """Answers handshakes. Whoever owns it calls `answer` when its socket can be read; while it
    does not, nobody gets in (ZAP_ENFORCE_DOMAIN)."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        keyring: Keyring,
        domain: bytes = DOMAIN,
    ) -> None:
        """domain: of all sockets of this context that listen."""
        self._keyring = keyring
        self._domain = domain
        self._needs = NEEDS[domain]
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
        if len(frames) != _FRAMES or frames[2] != self._domain or frames[5] != b"CURVE":
            self.refused += 1
            return None
        key = z85.encode(frames[6]).decode()
        client = self._keyring.clients().get(key)
        address = frames[3].decode(errors="replace")
        if client is not None and self._may(client):
            self.admitted[key] += 1
            times = self.admitted[key]
            if worth_saying(times):
                log.info("%s (key %s) comes in from %s, %d", client.name, key, address, times)
            return client
        self.refused += 1
        if worth_saying(self.refused):
            what = "unknown key" if client is None else f"{client.name}, which is no host's, key"
            log.warning("refusal %d: %s %s from %s", self.refused, what, key, address)
        return None

    def _may(self, client: Client) -> bool:
        return self._needs is None or self._needs in client.may

    def lost(self) -> set[str]:
        """Return the public keys that were let in and would not be any more. They are compared with
        all that were: a key may come and go between two looks, and its connection stay. While the
        file can't be read, hosts that are in stay: without them sessions would end."""
        hosts = self._needs == "host"
        known = self._keyring.last_clients() if hosts else self._keyring.clients()
        return {key for key in self.admitted if key not in known or not self._may(known[key])}

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
