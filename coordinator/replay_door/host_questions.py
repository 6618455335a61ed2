"""Questions to the replay servers of hosts, through the host gate (DEALER, ipc).

Frames out [host id][token][question], in [host id][token][answer]. The token is a number of ours: a
host that was slow answers a question that nobody asks any more. How large an answer may be, the
host gate bounds: libzmq never reconnects a socket here that had hung up on one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import struct
from collections import defaultdict
from typing import Any, Final

import msgspec
import zmq
import zmq.asyncio

from cluster.decode_errors import MALFORMED, worth_saying
from cluster.errors import ClusterError
from cluster.wire import replay

log = logging.getLogger(__name__)

ANSWER_S: Final = 2.0
"""How long an answer is waited for; a host that takes longer counts as away. Who asks the door
waits for 5 s, in which it may have to ask twice."""
PROBE_S: Final = 0.25
"""How long an answer is waited for of a host that did not answer the question before."""
EACH: Final = 2
"""Questions to one host that are under way at a time: it answers one after another, and two slices
within ANSWER_S come over a way of 8 Mbit/s."""
ALL: Final = 32
"""Questions to all hosts together that are under way at a time."""
QUESTIONS_HWM: Final = 1000
ANSWERS_HWM: Final = 2 * ALL
"""Answers that wait in the socket. The host gate drops what finds no room."""
_token: Final = struct.Struct("!Q")


class NoHostAnswerError(ClusterError):
    """A host did not answer, refused the question, or its answer is of no use."""


class HostQuestions:
    """One DEALER socket; questions may overlap. `run` takes the answers."""

    def __init__(self, context: zmq.asyncio.Context, endpoint: str) -> None:
        """endpoint: where the host gate is, or will be."""
        self.refused = 0
        """How many messages were no answer to any question."""
        self.silent: set[str] = set()
        """Ids of hosts that have not answered the last question that they had to."""
        self._numbers = 0
        self._waiting: dict[int, tuple[str, asyncio.Future[replay.Response]]] = {}
        """Token -> the host that is asked, and its answer."""
        self._places: defaultdict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(EACH)
        )
        self._all = asyncio.Semaphore(ALL)
        self._socket = context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.SNDHWM, QUESTIONS_HWM)
        self._socket.setsockopt(zmq.RCVHWM, ANSWERS_HWM)
        self._socket.setsockopt(zmq.IMMEDIATE, 1)  # nothing is kept for a gate to come
        self._socket.connect(endpoint)

    def close(self) -> None:
        self._socket.close()

    def keep(self, hosts: set[str]) -> None:
        """Forget all hosts but these. hosts: their ids."""
        self.silent &= hosts
        for host in self._places.keys() - hosts:
            if not self._places[host].locked():
                del self._places[host]

    async def heads(self, host: str) -> replay.HeadsAnswer:
        """Ask a host what its journals hold. NoHostAnswerError."""
        patience = PROBE_S if host in self.silent else ANSWER_S
        answer = await self._ask(host, replay.HeadsRequest(id=self._number()), patience)
        if not isinstance(answer, replay.HeadsAnswer):
            raise NoHostAnswerError(f"host {host} answered {_words(answer)}")
        return answer

    async def range(self, host: str, question: replay.RangeRequest) -> replay.RangeAnswer:
        """Ask a host for a slice. NoHostAnswerError."""
        async with self._places[host]:
            if host in self.silent:
                raise NoHostAnswerError(f"host {host} does not answer")
            asked = msgspec.structs.replace(question, id=self._number())
            answer = await self._ask(host, asked, ANSWER_S)
        if not isinstance(answer, replay.RangeAnswer):
            raise NoHostAnswerError(f"host {host} answered {_words(answer)}")
        return answer

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    async def _ask(self, host: str, question: replay.Request, patience: float) -> replay.Response:
        answer: asyncio.Future[replay.Response] = asyncio.get_running_loop().create_future()
        self._waiting[question.id] = host, answer
        frames = [host.encode(), _token.pack(question.id), replay.encode(question)]
        try:
            async with self._all, asyncio.timeout(patience):
                await self._socket.send_multipart(frames)
                return await answer
        except TimeoutError:
            self.silent.add(host)
            raise NoHostAnswerError(f"host {host} did not answer in {patience} s") from None
        finally:
            del self._waiting[question.id]

    async def run(self) -> None:
        """Take answers until cancelled."""
        while True:
            frames: list[Any] = await self._socket.recv_multipart()
            try:
                self._take(frames)
            except (ValueError, struct.error, *MALFORMED) as error:
                self.refused += 1
                if worth_saying(self.refused):
                    log.warning("an answer of a host is refused (the %d.): %s", self.refused, error)

    def _take(self, frames: list[bytes]) -> None:
        identity, token, data = frames
        host = identity.decode()
        asked, waiting = self._waiting.get(_token.unpack(token)[0], ("", None))
        if waiting is None:
            self.silent.discard(host)  # late
            raise ValueError(f"host {host[:100]!r} answers what nobody asks")
        if asked != host:
            raise ValueError(f"host {host[:100]!r} answers what was asked of {asked}")
        answer = replay.decode_response.decode(data)
        self.silent.discard(host)
        with contextlib.suppress(asyncio.InvalidStateError):  # a second answer
            waiting.set_result(answer)


def _words(answer: replay.Response) -> str:
    return answer.cause[:200] if isinstance(answer, replay.Refusal) else type(answer).__name__
