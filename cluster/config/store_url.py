"""The URL of a store in PostgreSQL: whether it can be used, and its name without the password.

No message holds the URL or a part of its password: a mistake in it may be in any place.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Final
from urllib.parse import SplitResult, urlsplit

from cluster.errors import ConfigError

FORM: Final = "postgresql://USER:PASSWORD@HOST[:PORT][,HOST[:PORT]]/DATABASE"


def check_store(url: str, find: Callable[[str], object | None] = find_spec) -> None:
    """Refuse a URL that is none, and one for which the extra is not installed. ConfigError. Empty:
    the store is in the state folder. find: returns None for a module that is not there."""
    if not url:
        return
    _parts(url)
    if find("psycopg") is None:
        raise ConfigError(
            "store is in PostgreSQL, and psycopg is not installed here",
            "`pip install 'dcgw-cluster[postgres]'`",
        )


def store_name(url: str) -> str:
    """Return the store's name for people: its URL without the password and all that comes after the
    database. ConfigError as check_store."""
    parts = _parts(url)
    user, at, hosts = parts.netloc.rpartition("@")
    return f"postgresql://{user.partition(':')[0]}{at}{hosts}{parts.path}"


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise _refused() from None
    # An @, a / or a # that belongs to the password would show a part of it as a host.
    stray = parts.netloc.count("@") > 1 or "@" in parts.path + parts.query or "#" in url
    if parts.scheme not in ("postgresql", "postgres") or not url.isprintable() or stray:
        raise _refused()
    if "//" not in url or any(space in url for space in " \t"):
        raise _refused()
    return parts


def _refused() -> ConfigError:
    return ConfigError(
        "store is not the URL of a PostgreSQL database",
        f"write {FORM}, with what is special in the password as %40 for @, %2F for /, %23 for #",
    )
