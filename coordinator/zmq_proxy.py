"""A way between two sockets, in a thread of libzmq's own proxy: no message passes through Python.

Source: zmq_proxy_steerable(3).
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from typing import Final

import zmq

log = logging.getLogger(__name__)

STOP_SECONDS: Final = 5.0


class ZmqProxy:
    """A proxy that runs until ``close``. The sockets are its own from now on: a socket belongs to
    one thread at a time, and whoever must do something with them has it done by `call`."""

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
        self._steering_lock = threading.Lock()
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        """What is to be done between two runs of libzmq's proxy; None: the end."""
        self._context = context
        self._ends_with_context = False
        self._thread = threading.Thread(
            target=self._run, args=(front, back, steered), name=name, daemon=True
        )
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def call(self, work: Callable[[], None]) -> bool:
        """Let the thread that has the sockets do some short work; return when it is done. False:
        the thread has ended, and it was not done. Messages wait meanwhile, none is lost."""
        done = threading.Event()

        def work_and_tell() -> None:
            try:
                work()
            except Exception:  # whatever it is: the thread has everybody's sockets, and lives on
                log.exception("work of the proxy %s failed", self._name)
            finally:
                done.set()

        if not self._interrupt(work_and_tell):
            return False
        while not done.wait(0.1):
            if not self.alive:
                return done.is_set()
        return True

    def _interrupt(self, call: Callable[[], None] | None) -> bool:
        with self._steering_lock:
            if self._steering.closed or not self.alive:
                return False
            self._calls.put(call)
            self._steering.send(b"TERMINATE")
            return True

    def close(self) -> None:
        """Stop the thread, which closes the sockets. Calling it again does nothing."""
        if self._interrupt(None):
            self._thread.join(STOP_SECONDS)
        with self._steering_lock:
            if self._steering.closed:
                return
            self._steering.close()
        if self._thread.is_alive():
            log.error("the thread of %s did not end within %s s", self._name, STOP_SECONDS)

    def end_with_context(self) -> None:
        """Terminate the sockets' context, which must be of this proxy alone, and with it the
        thread, wherever that is: it may wait in a send for room that never comes (XPUB_NODROP),
        where `close` does not reach it. The sockets must have had LINGER 0 from the beginning.
        Calling it again does nothing."""
        self.release()
        self._context.term()
        self.join()

    def release(self) -> None:
        """Let whoever terminates the sockets' context end the thread by that, as above. Calling it
        again does nothing."""
        self._ends_with_context = True
        with self._steering_lock:
            self._steering.close()

    def join(self) -> None:
        """Wait until the thread has ended, by the context's end."""
        self._thread.join()

    def _run(
        self, front: zmq.Socket[bytes], back: zmq.Socket[bytes], steered: zmq.Socket[bytes]
    ) -> None:
        try:
            while True:
                zmq.proxy_steerable(front, back, None, steered)
                call = self._calls.get()  # what was put there before the word came
                if call is None:
                    return
                call()
        except zmq.ContextTerminated:
            if not self._ends_with_context:
                log.warning("a proxy ended with its context")
        finally:
            for socket in (front, back, steered):
                socket.close(0)
