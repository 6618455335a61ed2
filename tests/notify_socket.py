"""The socket of a service manager, played: what systemd would hear."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import Self

Message = dict[str, str]


class NotifySocket:
    """Takes notifications (sd_notify(3)). ``address`` is what NOTIFY_SOCKET says."""

    def __init__(self, channel: socket.socket, address: str) -> None:
        self.address = address
        self._channel = channel

    @classmethod
    @contextlib.contextmanager
    def bound(cls, address: str) -> Iterator[Self]:
        """Bind one at a path, or at "@name", an abstract one."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.bind(f"\0{address[1:]}" if address.startswith("@") else address)
            channel.setblocking(False)
            yield cls(channel, address)

    def heard(self) -> list[Message]:
        """Return what came since this was asked last."""
        messages = list[Message]()
        while True:
            try:
                data = self._channel.recv(8192)
            except BlockingIOError:
                return messages
            messages.append(dict(line.split("=", 1) for line in data.decode().split("\n")))
