"""Errors that a person reads: each has a cause and a way out.

``str(error)`` is one line: what happened, then what to do. The command line prints it as it is
and ends with ``exit_code``; a traceback is never part of the answer to a foreseen failure.
"""

from __future__ import annotations

from typing import Final

LONGEST_RETRY_S: Final = 86_400.0
"""The longest wait that is believed, in seconds, whoever asks for one: the limits of Discord are of
a day at most, and its bans of an address of an hour or so."""


class ClusterError(Exception):
    """Something that was foreseen went wrong.

    cause: what happened, in the reader's words, with the values that matter (never a secret).
    action: what the reader can do about it; may be empty where nothing can be done.
    """

    exit_code = 1

    def __init__(self, cause: str, action: str = "") -> None:
        super().__init__(cause, action)
        self.cause = cause
        self.action = action

    def __str__(self) -> str:
        return f"{self.cause}: {self.action}" if self.action else self.cause


class ConfigError(ClusterError):
    """A configuration value is missing, unknown, of the wrong type or out of range."""

    exit_code = 2


class NotRunningError(ClusterError):
    """No cluster answers where one was asked for."""

    exit_code = 3


class AlreadyRunningError(ClusterError):
    """Another process owns the state folder, the socket or the port."""

    exit_code = 4


class TokenRefusedError(ClusterError):
    """Discord refused the token (401, or close code 4004)."""

    exit_code = 5


class BudgetError(ClusterError):
    """The identify budget does not allow what was asked."""

    exit_code = 6


class ApiUnavailableError(ClusterError):
    """Discord's API does not answer at this moment, or lets this address ask nothing. That ends
    without anything being changed here."""

    exit_code = 8
    retry_after_s = 0.0
    """Seconds to leave the API alone, from when the error was raised; 0: nobody asked for that."""


class RateLimitedError(ApiUnavailableError):
    """The API asks to be left alone for longer than a start waits."""


class KeyRefusedError(ClusterError):
    """A cluster on TCP does not know this key, or the key may not do what was asked."""

    exit_code = 7


class CacheError(ClusterError):
    """A cluster's cache can't be opened, read or written."""


class CommandError(ClusterError):
    """An argument of a command is none that Discord takes. Nothing was sent."""

    exit_code = 2

    def __init__(self, cause: str, action: str = "", argument: str = "") -> None:
        super().__init__(cause, action)
        self.argument = argument
        """Name of the argument; the cause begins with it."""


class NotSentError(ClusterError):
    """A command was good, and was not sent: the shard has no session, or is not there."""


class BusyError(NotSentError):
    """A command was not sent, since too many were before it."""

    retry_after_s = 0.0
    """Seconds until there is room again, from when the error was raised."""

    @classmethod
    def after(cls, seconds: float, cause: str) -> BusyError:
        """Return a BusyError whose action says when to try again. seconds: as a server said them,
        too: below nought, or above LONGEST_RETRY_S, they are not believed."""
        wait = min(max(0.0, seconds), LONGEST_RETRY_S)
        error = cls(cause, f"try again in {max(0.1, wait):.1f} s")
        error.retry_after_s = wait
        return error


class GatewayRefusedError(ClusterError):
    """The gateway closed for good: trying again with the same would end the same."""

    code = 0
    """Discord's close code ("Gateway Close Event Codes")."""


class ConnectionLostError(ClusterError):
    """A client's connection is gone, and nothing tries for another."""


class ClientClosedError(ClusterError):
    """A client was shut down: there is nothing more to come, and nobody to send."""
