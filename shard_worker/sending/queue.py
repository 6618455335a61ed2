"""Commands that wait to be sent on one shard's connection. Pure: time is passed in.

A command goes out at once if the session is ready and the limit of 120 payloads a minute leaves
room. Otherwise it waits, over a reconnect too: at most 64 commands, and 30 s for a session. Its
sender hears once: that it was handed to the connection, or why it was not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from cluster.commands import BusyError, Command, NotSentError
from cluster.errors import ClusterError
from shard_worker.sending.limiter import SendLimiter, check_size
from shard_worker.sending.member_requests import MemberRequests, whole_guilds

MOST_WAITING: Final = 64
"""Commands that may wait: fewer than a minute's worth, so that all go out within that time."""
PATIENCE_S: Final = 30.0
"""Seconds that a command waits for a session that is not ready."""

Done = Callable[[ClusterError | None], None]
"""Called once: with None when a command was sent, or with the error for which it was not."""


class _Waiting(NamedTuple):
    command: Command
    guilds: tuple[str, ...]
    done: Done
    expires: float


class SendQueue:
    """The waiting commands of one shard. Times are seconds of the caller's monotonic clock."""

    def __init__(self) -> None:
        self._waiting: deque[_Waiting] = deque()
        self._requests = MemberRequests()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, command: Command, done: Done, now: float, free_at: float | None) -> None:
        """Queue a command. free_at: when the first that waits goes out; None: nobody knows.

        Raises BusyError (too many wait, or all members of this guild were asked for a moment ago)
        or PayloadTooLargeError. Then it is not queued, and `done` is not called.
        """
        check_size(command.payload)
        if len(self._waiting) >= MOST_WAITING:
            again = self._waiting[0].expires if free_at is None else free_at
            raise BusyError.after(
                max(0.0, again - now), f"{len(self._waiting)} commands wait for this shard already"
            )
        guilds = whole_guilds(command.op, command.payload)
        self._requests.queue(guilds, now)
        self._waiting.append(_Waiting(command, guilds, done, now + PATIENCE_S))

    def take(self, limiter: SendLimiter, now: float) -> tuple[Command, Done] | None:
        """Remove and return the next command if it may be sent now, and count it as sent."""
        if not self._waiting or limiter.wait(now) > 0.0:
            return None
        command, guilds, done, _ = self._waiting.popleft()
        limiter.send(now)
        self._requests.sent(guilds, now)
        return command, done

    @property
    def expires(self) -> float | None:
        """When the oldest command has waited long enough for a session; None: none waits."""
        return self._waiting[0].expires if self._waiting else None

    def expire(self, now: float, make_error: Callable[[], ClusterError]) -> None:
        """The session is not ready: fail the commands that have waited long enough for it."""
        while self._waiting and self._waiting[0].expires <= now:
            self._drop(make_error())

    def fail(self, error: NotSentError) -> None:
        """Fail all that wait: none of them will be sent."""
        while self._waiting:
            self._drop(error)

    def _drop(self, error: ClusterError) -> None:
        waiting = self._waiting.popleft()
        self._requests.dropped(waiting.guilds)
        waiting.done(error)
