"""Readers' questions as they come in, and the socket by which they do, at the replay server, and at
the door that asks several of them."""

from __future__ import annotations

import logging
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
import zmq

from cluster.decode_errors import MALFORMED, worth_saying
from cluster.wire import replay
from coordinator.replay.fair_queue import Address, FairQueue

log = logging.getLogger(__name__)

ANSWERS_HWM: Final = 4
"""How many slices wait in the socket for one reader; past them it gets no answers."""
MAX_QUESTION: Final = 64 * 1024
MAX_FRAMES: Final = 3
"""Address and question; for who came through the TCP gate, the address there between them."""

AnySocket = TypeVar("AnySocket", bound=zmq.Socket[Any])


class Refused(NamedTuple):
    """A question that is not taken."""

    reader: Address
    refusal: replay.Refusal


def for_readers(socket: AnySocket) -> AnySocket:
    """Set the options of a ROUTER to which readers connect, and return it."""
    socket.setsockopt(zmq.SNDHWM, ANSWERS_HWM)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.MAXMSGSIZE, MAX_QUESTION)
    socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
    return socket


class Questions(FairQueue[replay.Request]):
    """The questions that wait."""

    def __init__(self) -> None:
        super().__init__()
        self.refused = 0

    def take_in(self, frames: list[bytes]) -> Refused | None:
        """Let the question of a message wait; what refuses it, if it is not taken."""
        reader = tuple(frames[: max(1, min(len(frames), MAX_FRAMES) - 1)])
        number, cause = self._take_in(reader, frames)
        if not cause:
            return None
        self.refused += 1
        if worth_saying(self.refused):
            log.warning("a question was refused (the %d.): %s", self.refused, cause)
        return Refused(reader, replay.Refusal(id=number, cause=cause))

    def _take_in(self, reader: Address, frames: list[bytes]) -> tuple[int, str]:
        """Return the question's number, and why it is not taken; empty: it is."""
        try:
            if not 2 <= len(frames) <= MAX_FRAMES:
                raise msgspec.DecodeError(f"{len(frames) - 1} frames; a question has one")
            question = replay.decode_request.decode(frames[-1])
        except MALFORMED as error:
            return -1, str(error)
        if question.v != replay.REPLAY_VERSION:
            return question.id, f"version {question.v}: this server speaks {replay.REPLAY_VERSION}"
        if not self.add(reader, question):
            return question.id, "too many questions wait already"
        return question.id, ""
