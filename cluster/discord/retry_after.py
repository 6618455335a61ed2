"""How long a server asks to be left alone with a 429 or a 403. Pure.

Discord says seconds, in the Retry-After header and in the body's retry_after ("Rate Limits",
"Exceeding A Rate Limit"). A CDN or a proxy before it may say a date (RFC 9110, 10.2.3).
"""

from __future__ import annotations

import math
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import msgspec

from cluster.decode_errors import MALFORMED
from cluster.errors import LONGEST_RETRY_S

_SECOND: Final = timedelta(seconds=1)


class _RateLimited(msgspec.Struct, frozen=True):
    retry_after: float
    """Seconds after which it may be asked again."""


def retry_after(header: str | None, date: str | None, body: bytes) -> float | None:
    """Return the seconds to wait, at most LONGEST_RETRY_S, by the Retry-After header, else by a
    JSON body; None: neither says a time to come. date: the answer's Date header, from which a date
    in the other one is counted: the clock of this machine has no part in it."""
    said = _seconds(header)
    if said is None:
        said = _seconds_between(date, header)
    if said is None:
        try:
            said = msgspec.json.decode(body, type=_RateLimited).retry_after
        except MALFORMED:
            return None
    return min(said, LONGEST_RETRY_S) if said > 0 else None


def _seconds(header: str | None) -> float | None:
    """Return a header that is a number; None: it is none, or none that time is counted in."""
    try:
        number = float(header or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _seconds_between(date: str | None, later: str | None) -> float | None:
    """Return the seconds from one HTTP date to another; None: one of them is none."""
    try:
        return (parsedate_to_datetime(later or "") - parsedate_to_datetime(date or "")) / _SECOND
    except (ValueError, TypeError, OverflowError):  # TypeError: only one has a zone
        return None
