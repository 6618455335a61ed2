"""The keys of the clients that may come in over TCP, as their file has them now."""

from __future__ import annotations

import logging
from pathlib import Path

from cluster.endpoints.curve_keys import Client, KeyFolder, ServerKeys
from cluster.errors import ConfigError

log = logging.getLogger(__name__)

Mark = tuple[int, int, int]


class Keyring:
    """The clients by their public keys, as the file has them now."""

    def __init__(self, folder: Path) -> None:
        """folder: of the keys."""
        self._folder = KeyFolder(folder)
        self._mark: Mark | None = None
        self._server_mark: Mark | None = None
        self._clients: dict[str, Client] = {}
        self._last: dict[str, Client] = {}
        """The clients as they could last be read."""
        self.trouble = ""
        """Why nobody is let in; empty: there is no reason."""

    def clients(self) -> dict[str, Client]:
        """Return the clients by public key."""
        mark = _look(self._folder.clients_file)
        if mark != self._mark or self.trouble:
            self._mark = mark
            try:
                self._clients = {one.public: one for one in self._folder.clients()}
                self._last = self._clients
                self.trouble = ""
            except ConfigError as error:
                self._clients = {}
                self._say(str(error))
        return self._clients

    def last_clients(self) -> dict[str, Client]:
        """Return the clients by public key; while the file can't be read, those that it had
        before."""
        self.clients()
        return self._last

    def renewed(self, server: ServerKeys) -> bool:
        """Whether the server's keys are other ones now."""
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
    """Return what tells one state of a file from another: a change replaces the file. None: it is
    not there."""
    try:
        info = file.stat()
    except OSError:
        return None
    return info.st_ino, info.st_mtime_ns, info.st_size
