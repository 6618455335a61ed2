"""What a service manager is told: systemd's notifications, a datagram each (sd_notify(3)).

Made here and not taken from sdnotify, whose socket blocks where the manager does not read: a
coordinator must never wait for whoever watches it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from collections.abc import Mapping
from typing import Final, Self

log = logging.getLogger(__name__)

SOCKET: Final = "NOTIFY_SOCKET"
WATCHDOG: Final = "WATCHDOG_USEC"
LONGEST_STATUS: Final = 400


class ServiceManager:
    """The end of a service manager's socket; where there is none, what is said goes nowhere."""

    def __init__(self, address: str = "", watchdog_s: float = 0.0) -> None:
        """address: path of a socket, or "@name" of an abstract one; empty: there is no manager.
        watchdog_s: seconds within which it wants to hear that all is well; 0: it does not."""
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self.watchdog_s = watchdog_s if address else 0.0
        self._failed = 0

    @classmethod
    def of(cls, env: Mapping[str, str] = os.environ) -> Self:
        """Return the one that an environment names. WATCHDOG_PID is not heeded: it is the pid of
        the command that the unit starts, and the coordinator is its child."""
        address = env.get(SOCKET, "")
        if not address.startswith(("/", "@")):  # vsock and the like: no unit on this host
            return cls()
        text = env.get(WATCHDOG, "")
        return cls(address, int(text) / 1e6 if text.isascii() and text.isdigit() else 0.0)

    @property
    def is_there(self) -> bool:
        return bool(self._address)

    def tell(self, **fields: str | int) -> bool:
        """Send one notification, in the words of sd_notify(3) as names. False: it was not taken;
        what matters is said again."""
        if not self._address:
            return False
        text = "\n".join(f"{name}={_one_line(value)}" for name, value in fields.items())
        try:
            with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as channel:
                channel.setblocking(False)
                channel.sendto(text.encode(errors="replace"), self._address)
        except OSError as error:
            self._failed += 1
            if self._failed == 1:
                log.warning("the service manager can't be told: %s", error)
            return False
        self._failed = 0
        return True


def _one_line(value: str | int) -> str:
    return " ".join(str(value)[:LONGEST_STATUS].split())
