"""A way between two sockets, in a thread of libzmq's own proxy: no message passes through Python.

Source: zmq_proxy_steerable(3).
"""

from __future__ import annotations

import logging
import threading
from typing import Final

import zmq

log = logging.getLogger(__name__)

STOP_SECONDS: Final = 5.0


class ZmqProxy:
    """A proxy that runs until ``close``. The sockets are its own from now on: a socket belongs to
    one thread at a time."""

    def __init__(
        self, name: str, front: zmq.Socket[bytes], back: zmq.Socket[bytes]
    ) -> None:  # fmt: skip
        context = front.context
        self._name = name
        endpoint = f"inproc://proxy-{id(self):x}"
        steered = context.socket(zmq.PAIR)
        steered.bind(endpoint)
        self._steering = context.socket(zmq.PAIR)
        self._steering.setsockopt(zmq.LINGER, 0)
        self._steering.connect(endpoint)
        self._thread = threading.Thread(
            target=_run, args=(front, back, steered), name=name, daemon=True
        )
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def close(self) -> None:
        """Stop the thread, which closes the sockets. Calling it again does nothing."""
        if self._steering.closed:
            return
        if self._thread.is_alive():
            self._steering.send(b"TERMINATE")
            self._thread.join(STOP_SECONDS)
        self._steering.close()
        if self._thread.is_alive():
            log.error("the thread of %s did not end within %s s", self._name, STOP_SECONDS)


def _run(
    front: zmq.Socket[bytes], back: zmq.Socket[bytes], steered: zmq.Socket[bytes]
) -> None:  # fmt: skip
    try:
        zmq.proxy_steerable(front, back, None, steered)
    except zmq.ContextTerminated:
        log.warning("a proxy ended with its context")
    finally:
        for socket in (front, back, steered):
            socket.close(0)
