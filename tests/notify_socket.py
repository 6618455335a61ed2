"""The socket of a service manager, played: what systemd would hear."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Iterator
from typing import Self

Message = dict[str, str]

LOOK_S = 0.1


class NotifySocket:
    """Takes notifications (sd_notify(3)). ``address`` is what NOTIFY_SOCKET says."""

    def __init__(self, channel: socket.socket, address: str) -> None:
        self.address = address
        self._channel = channel
        self._listening = False
        self._messages = list[Message]()

    @classmethod
    @contextlib.contextmanager
    def bound(cls, address: str) -> Iterator[Self]:
        """Bind one at a path, or at "@name", an abstract one."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.bind(f"\0{address[1:]}" if address.startswith("@") else address)
            channel.setblocking(False)
            yield cls(channel, address)

    @classmethod
    @contextlib.contextmanager
    def listening(cls, address: str) -> Iterator[Self]:
        """Bind one that is read all the time, as systemd's is: the system keeps ten messages."""
        with cls.bound(address) as notify:
            thread = threading.Thread(target=notify._listen, name="notify socket")
            notify._listening = True
            thread.start()
            try:
                yield notify
            finally:
                notify._listening = False
                thread.join()

    def _listen(self) -> None:
        while self._listening:
            if select.select([self._channel], [], [], LOOK_S)[0]:
                self._take()

    def _take(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                lines = self._channel.recv(8192).decode().split("\n")
                self._messages.append(dict(line.split("=", 1) for line in lines))

    def heard(self) -> list[Message]:
        """Return what came since this was asked last."""
        if not self._listening:
            self._take()
        count = len(self._messages)
        messages, self._messages[:count] = self._messages[:count], []
        return messages
