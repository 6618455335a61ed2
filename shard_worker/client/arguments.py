"""Checks of the arguments of GatewayClient.connect, before anything is sent.

Each function returns an argument as it is used, or raises ConfigError, which names the argument and
quotes neither the token nor the session.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import msgspec
from curl_cffi import Curl

from cluster.config.checks import (
    capabilities_of,
    check_presence,
    check_readable,
    guilds_of,
    intents_of,
)
from cluster.config.tokens import bare_token
from cluster.decode_errors import MALFORMED
from cluster.discord.account import USER_API_VERSION, IdentifyAccount
from cluster.discord.browser import browser
from cluster.discord.intents import CapabilityName, IntentName
from cluster.discord.urls import check_urls
from cluster.errors import ConfigError
from cluster.plain_text import in_environment
from cluster.ranges import MAX_EPOCH, MAX_SEQ, MAX_SHARDS
from cluster.wire.link import ShardPlan
from shard_worker.protocol.ready import MAX_RESUME_URL, MAX_SESSION_ID_BYTES
from shard_worker.protocol.session import Resumable

API_URL: Final = "https://discord.com/api"
BOT_API_VERSION: Final = 10
_CHROME: Final = re.compile(r"chrome([0-9]+[a-z]?)?")
"""Desktop Chromes: what we say in headers and properties is what those say."""

Kind = Literal["bot", "user"]
Compress = Literal["zlib-stream", "zstd-stream", "none", ""]
Intended = int | IntentName | Iterable[IntentName]
"""Bits (`Intents`), or the names that stand for them."""
Capable = int | CapabilityName | Iterable[CapabilityName]
"""Bits (`Capabilities`), or the names that stand for them."""
_COMPRESS: Final = {"zlib-stream": "zlib-stream", "zstd-stream": "zstd-stream", "none": "", "": ""}


def checked_account(
    intents: Intended | None,
    capabilities: Capable | None,
    client_build_number: int | None,
    presence: dict[str, Any] | None,
    large_threshold: int,
) -> IdentifyAccount:
    """Return what the account identifies with: a bot where intents are given, else a user."""
    able = None
    if capabilities is not None:
        kind: Kind = "user" if intents is None else "bot"
        able = capabilities_of(capabilities, kind, client_build_number)
    account = IdentifyAccount.from_options(
        intents=None if intents is None else intents_of(intents),
        capabilities=able,
        client_build_number=client_build_number,
        presence=presence,
        large_threshold=large_threshold,
    )
    if type(large_threshold) is not int or not 50 <= large_threshold <= 250:
        raise ConfigError(f"large_threshold is {large_threshold!r}", "give 50 to 250")
    check_presence(presence, account.kind)
    return account


def given_token(token: str, kind: Kind) -> str:
    """Return the token as it is sent: without "Bot", and without what can't be seen around it."""
    return bare_token(token if isinstance(token, str) else "", "the argument token", kind)


def subscribed_guilds(
    guilds: Literal["all"] | Iterable[int], kind: Kind
) -> Literal["all"] | list[int]:
    """Return the guilds that a user account subscribes to: "all" or ids."""
    ids = guilds_of(guilds)
    if ids and kind == "bot":
        raise ConfigError(
            "subscribe_guilds is given with intents", "it is a user account's: leave it out"
        )
    return ids


class Addresses(NamedTuple):
    """The addresses of Discord."""

    api_url: str
    gateway_url: str
    """wss://host[:port]; empty: the API is asked for it."""
    ca_file: str
    """PEM file of the certificate authority; empty: the system's."""


def addresses(
    api_url: str | None, gateway_url: str | None, ca_file: str | os.PathLike[str] | None
) -> Addresses:
    """Return the addresses given, else those of the environment, else Discord's."""
    api_url = api_url or in_environment("DCGW_API_URL") or API_URL
    gateway_url = in_environment("DCGW_GATEWAY_URL") if gateway_url is None else gateway_url
    ca_file = in_environment("DCGW_CA_FILE") if ca_file is None else ca_file
    for name, url in (("api_url", api_url), ("gateway_url", gateway_url)):
        if not isinstance(url, str):
            raise ConfigError(f"{name} is {url!r}", "give it as a text")
    check_urls(api_url, gateway_url)
    if ca_file:
        check_readable("ca_file", Path(ca_file))
    return Addresses(api_url, gateway_url, str(ca_file or ""))


def known_api_version(version: int | None, kind: Kind) -> int:
    """Return the version of the API; None stands for the one that this kind of account speaks."""
    if version is None:
        return USER_API_VERSION if kind == "user" else BOT_API_VERSION
    if version not in (9, 10):
        raise ConfigError(f"api_version is {version!r}", "give 9 or 10")
    return version


def known_compression(name: Compress) -> str:
    """Return the value of the query parameter ``compress``; "" for none."""
    if not isinstance(name, str) or name not in _COMPRESS:
        given = ", ".join(repr(known) for known in _COMPRESS if known)
        raise ConfigError(f"compress is {name!r}", f"give {given}")
    return _COMPRESS[name]


def known_browser(name: str) -> str:
    """Return the name of a desktop Chrome that libcurl knows."""
    if (
        not isinstance(name, str)
        or not _CHROME.fullmatch(name)
        or Curl().impersonate(browser(name).target, default_headers=False) != 0
    ):
        raise ConfigError(f"impersonate is {name!r}", 'give "chrome" or such as "chrome146"')
    return name


def queue_bound(events: int) -> int:
    """Return the number of events that may wait: 1 at least."""
    if type(events) is not int or events < 1:
        raise ConfigError(f"queue_events is {events!r}", "give 1 or more")
    return events


def shard_plan(shard: tuple[int, int] | None, kind: Kind) -> ShardPlan:
    """Return the plan of this (shard id, shard count); None stands for the only shard of one."""
    if shard is not None and kind == "user":
        raise ConfigError(
            f"shard is {shard!r}, and a user account has one session, which is never sharded",
            "leave it out",
        )
    try:
        shard_id, count = shard or (0, 1)
        if not 0 <= shard_id < count <= MAX_SHARDS:
            raise ValueError
        return ShardPlan(shard_id=int(shard_id), shard_count=int(count))
    except (TypeError, ValueError):
        raise ConfigError(f"shard is {shard!r}", "give (id, count) with 0 <= id < count") from None


def saved_session(session: Resumable | bytes | str | None) -> Resumable | None:
    """Return a session as it was saved: the object itself, or read from its JSON."""
    if session is None:
        return None
    try:
        made = (
            session
            if isinstance(session, Resumable)
            else msgspec.json.decode(session, type=Resumable)
        )
        if (
            0 < len(made.session_id.encode()) <= MAX_SESSION_ID_BYTES
            and len(made.resume_url) <= MAX_RESUME_URL
            and 0 <= made.seq < MAX_SEQ
            and 0 <= made.epoch <= MAX_EPOCH
        ):
            return made
        cause = "a field out of range"
    except MALFORMED as error:
        cause = str(error)
    except (TypeError, AttributeError) as error:
        cause = type(error).__name__
    raise ConfigError(
        f"session is no saved session ({cause})",
        "give what `client.session` was, or msgspec.json.encode() of it, or leave it out",
    )
