"""What a check of `doctor` found: one line of what it shows."""

from __future__ import annotations

from typing import Literal, Self

import msgspec

from cluster.errors import ClusterError

State = Literal["ok", "warning", "failed", "skipped"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one check found."""

    check: str
    """The name of the check: "packages", "token" ..."""
    state: State
    text: str
    action: str = ""
    """What the reader can do; empty where all is well."""

    @classmethod
    def failed(cls, check: str, error: ClusterError) -> Self:
        """Return the finding of a check that failed with this error."""
        return cls(check=check, state="failed", text=error.cause, action=error.action)
