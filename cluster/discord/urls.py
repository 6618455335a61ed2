"""URLs of Discord's API and gateway: what is refused, so that no token leaves unencrypted."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from cluster.endpoints.tcp import is_loopback
from cluster.errors import ConfigError
from cluster.plain_text import unseen

GATEWAY_URL: Final = "wss://gateway.discord.gg"
"""What the API says as a rule, for who must guess before it is asked."""


def check_urls(api_url: str, gateway_url: str) -> None:
    """Refuse what is no URL, and unencrypted ones that would leave this machine with a token."""
    check_url("api_url", api_url, "https", "http")
    if gateway_url:
        check_url("gateway_url", gateway_url, "wss", "ws")


def check_url(key: str, url: str, secure: str, plain: str) -> None:
    """Raise ConfigError, which names the key, unless the URL has the secure scheme, or the plain
    one on this machine. Line ends in it are refused before `urlsplit`, which passes over them."""
    if character := unseen(url):
        raise ConfigError(
            f"{key} holds a character that can't be seen ({character})", "write it anew"
        )
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError as error:
        raise ConfigError(f"{key} is no URL ({error})", f"give {secure}://host[:port]") from None
    if parts.username or parts.password:
        raise ConfigError(f"{key} holds a user name or password", "leave them out")
    if not host or parts.scheme not in (secure, plain):
        raise ConfigError(f"{key} is {url!r}", f"give {secure}://host[:port]")
    if parts.scheme == plain and not is_loopback(host):
        raise ConfigError(
            f"{key} is {url!r}, which would send the token unencrypted",
            f"use {secure}://; {plain}:// is taken only for this machine (localhost, 127.0.0.1)",
        )
