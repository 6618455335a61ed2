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
from pathlib import Path
from typing import Final

import zmq
from zmq.utils import z85

from cluster.endpoints.curve_keys import Client, KeyFolder, ServerKeys
from cluster.errors import ConfigError

log = logging.getLogger(__name__)

DOMAIN: Final = b"dcgw"
ENDPOINT: Final = "inproc://zeromq.zap.01"
_FRAMES: Final = 7
"""Version, request id, domain, address, routing id, mechanism, and CURVE's one credential."""

Mark = tuple[int, int, int]


class Keyring:
    """The clients by their public keys, as the file has them now."""

    def __init__(self, folder: Path) -> None:
        """folder: of the keys."""
        self._folder = KeyFolder(folder)
        self._mark: Mark | None = None
        self._server_mark: Mark | None = None
        self._clients: dict[str, Client] = {}
        self.trouble = ""
        """Why nobody is let in; empty: there is no reason."""

    def clients(self) -> dict[str, Client]:
        """By public key."""
        mark = _look(self._folder.clients_file)
        if mark != self._mark or self.trouble:
            self._mark = mark
            try:
                self._clients = {one.public: one for one in self._folder.clients()}
                self.trouble = ""
            except ConfigError as error:
                self._clients = {}
                self._say(str(error))
        return self._clients

    def renewed(self, server: ServerKeys) -> bool:
        """Whether the server's keys are not these any more."""
        mark = _look(self._folder.server_file)
        if mark == self._server_mark:
            return False
        self._server_mark = mark
        try:
            return self._folder.server() != server
        except ConfigError:
            return True  # whoever makes the sockets anew says why it can't

    def _say(self, text: str) -> None:
        if text != self.trouble:
            log.error("nobody is let in over TCP: %s", text)
        self.trouble = text


def _look(file: Path) -> Mark | None:
    """What tells one state of a file from another: a change replaces it. None: it is not there."""
    try:
        info = file.stat()
    except OSError:
        return None
    return info.st_ino, info.st_mtime_ns, info.st_size


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
        """Take one question."""
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
            if times & (times - 1) == 0:  # the 1st, 2nd, 4th ...: no flood of lines
                log.info("%s (key %s) comes in from %s, %d", client.name, key, address, times)
            return client
        self.refused += 1
        if self.refused & (self.refused - 1) == 0:
            log.warning("refusal %d: unknown key %s from %s", self.refused, key, address)
        return None

    def close(self) -> None:
        self.socket.close(0)


def user_id(client: Client) -> bytes:
    """The name of a connection as its messages carry it (libzmq's User-Id): the public key, since
    a name may be given a second time."""
    return client.public.encode()


def user_of(frame: zmq.Frame) -> str:
    """The user id of who sent this frame; empty: nobody was asked at its handshake."""
    try:
        return str(frame.get("User-Id"))
    except zmq.ZMQError:
        return ""
