"""What a GatewayClient is connected with: its arguments, checked before anything is sent."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from curl_cffi import Curl

from cluster.config.checks import (
    capabilities_of,
    check_presence,
    check_readable,
    guilds_of,
    intents_of,
)
from cluster.decode_errors import MALFORMED
from cluster.discord import gateway_bot
from cluster.discord.account import LARGE_THRESHOLD, USER_API_VERSION, IdentifyAccount, new_launch
from cluster.discord.browser import browser
from cluster.discord.gateway_bot import GatewayInfo, SessionStartLimit
from cluster.discord.urls import check_urls
from cluster.errors import ConfigError, TokenRefusedError
from cluster.ranges import MAX_EPOCH, MAX_SEQ, MAX_SHARDS
from cluster.wire.link import Login, ShardPlan
from shard_worker.protocol import payloads
from shard_worker.protocol.session import Resumable
from shard_worker.sending.limiter import check_size

API_URL: Final = "https://discord.com/api"
BOT_API_VERSION: Final = 10
_TOKEN: Final = re.compile(r"[\x21-\x7e]+")
_CHROME: Final = re.compile(r"chrome([0-9]+[a-z]?)?")
"""What we say in headers and properties is what Chrome on a desktop says."""
_PREFIX: Final = re.compile(r"Bot(\s+|$)")
_UNLIMITED: Final = SessionStartLimit(total=1000, remaining=1000, reset_after=86_400_000)
"""Where nobody can be asked: one identify in 5 s, and a day's worth of them."""

Compress = Literal["zlib-stream", "zstd-stream", "none", ""]
Names = int | str | Iterable[str]
"""Bits, or the names that stand for them."""
_COMPRESS: Final = {"zlib-stream": "zlib-stream", "zstd-stream": "zstd-stream", "none": "", "": ""}


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Of one client."""

    login: Login
    plan: ShardPlan
    api_url: str
    held: Resumable | None
    reconnect: bool
    queue_events: int

    def __repr__(self) -> str:  # there is a token in it, and a session id
        return f"Options({self.login!r})"

    @property
    def account(self) -> str:
        """What tells this account's identifies from others': nothing of the token."""
        text = "\n".join((self.api_url, self.login.gateway_url, self.login.token))
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    async def fetch(self) -> GatewayInfo:
        """Where the gateway is and how many identifies are left: asks Discord, unless the gateway
        was given. Raises what gateway_info.fetch raises."""
        login = self.login
        if login.gateway_url:
            return GatewayInfo(url=login.gateway_url, shards=1, session_start_limit=_UNLIMITED)
        try:
            return await gateway_bot.fetch(
                api_url=self.api_url,
                api_version=login.api_version,
                token=login.token,
                account=login.kind,
                ca_file=login.ca_file,
                client_build_number=login.client_build_number,
                launch=login.launch,
                impersonate=login.impersonate,
            )
        except TokenRefusedError as error:
            raise TokenRefusedError(
                error.cause, "give the current token, a bot's with intents"
            ) from None


def options(
    token: str,
    *,
    intents: Names | None = None,
    shard: tuple[int, int] | None = None,
    capabilities: Names | None = None,
    client_build_number: int | None = None,
    subscribe_guilds: Literal["all"] | Iterable[int] = (),
    presence: dict[str, Any] | None = None,
    large_threshold: int = LARGE_THRESHOLD,
    session: Resumable | bytes | str | None = None,
    reconnect: bool = True,
    compress: Compress = "zlib-stream",
    api_url: str | None = None,
    gateway_url: str | None = None,
    api_version: int | None = None,
    ca_file: str | os.PathLike[str] | None = None,
    impersonate: str = "chrome",
    queue_events: int = 1000,
    env: Mapping[str, str] = os.environ,
) -> Options:
    """Raises ConfigError, which names the argument and never quotes the token."""
    account = IdentifyAccount.of(
        intents=None if intents is None else intents_of(intents),
        capabilities=None if capabilities is None else capabilities_of(capabilities),
        client_build_number=client_build_number,
        presence=presence,
        large_threshold=large_threshold,
    )
    bare = _token(token, account.kind)
    if type(large_threshold) is not int or not 50 <= large_threshold <= 250:
        raise ConfigError(f"large_threshold is {large_threshold!r}", "give 50 to 250")
    if type(queue_events) is not int or queue_events < 1:
        raise ConfigError(f"queue_events is {queue_events!r}", "give 1 or more")
    if not isinstance(compress, str) or compress not in _COMPRESS:
        given = ", ".join(repr(name) for name in _COMPRESS if name)
        raise ConfigError(f"compress is {compress!r}", f"give {given}")
    if api_version is None:
        api_version = USER_API_VERSION if account.kind == "user" else BOT_API_VERSION
    if api_version not in (9, 10):
        raise ConfigError(f"api_version is {api_version!r}", "give 9 or 10")
    guilds = guilds_of(subscribe_guilds)
    if guilds and account.kind == "bot":
        raise ConfigError(
            "subscribe_guilds is given with intents", "it is a user account's: leave it out"
        )
    if presence is not None:
        check_presence(presence, account.kind)
    api_url = api_url or env.get("DCGW_API_URL") or API_URL
    gateway_url = env.get("DCGW_GATEWAY_URL", "") if gateway_url is None else gateway_url
    ca_file = env.get("DCGW_CA_FILE", "") if ca_file is None else ca_file
    for name, url in (("api_url", api_url), ("gateway_url", gateway_url)):
        if not isinstance(url, str):
            raise ConfigError(f"{name} is {url!r}", "give it as a text")
    check_urls(api_url, gateway_url)
    if ca_file:
        check_readable("ca_file", Path(ca_file))
    if not isinstance(impersonate, str) or not _CHROME.fullmatch(impersonate):
        raise ConfigError(f"impersonate is {impersonate!r}", 'give "chrome" or such as "chrome146"')
    if Curl().impersonate(browser(impersonate).target, default_headers=False) != 0:
        raise ConfigError(f"impersonate is {impersonate!r}", 'give "chrome" or such as "chrome146"')
    login = Login(
        token=bare,
        kind=account.kind,
        intents=account.intents,
        capabilities=account.capabilities,
        client_build_number=account.client_build_number,
        launch=new_launch(),
        subscribe_guilds=guilds,
        gateway_url=gateway_url,
        api_version=api_version,
        compress=_COMPRESS[compress],
        ca_file=str(ca_file or ""),
        impersonate=impersonate,
        presence=presence,
        large_threshold=large_threshold,
    )
    plan = _plan(shard, account.kind)
    check_size(payloads.identify(login, plan, bare))
    return Options(
        login=login,
        plan=plan,
        api_url=api_url,
        held=_session(session),
        reconnect=reconnect,
        queue_events=queue_events,
    )


def _token(token: str, kind: Literal["bot", "user"]) -> str:
    if kind == "user" and isinstance(token, str) and _PREFIX.match(token.strip()):
        raise ConfigError(
            'token begins with "Bot", and capabilities are given',
            "give a user account's token, or a bot's intents in place of capabilities",
        )
    bare = _PREFIX.sub("", token.strip()) if isinstance(token, str) else ""
    if not bare:
        raise ConfigError("token is empty", "give the account's token as it is")
    if not _TOKEN.fullmatch(bare):
        raise ConfigError("token holds what no token does", "give it as it is, in one line")
    return bare


def _plan(shard: tuple[int, int] | None, kind: Literal["bot", "user"]) -> ShardPlan:
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


def _session(session: Resumable | bytes | str | None) -> Resumable | None:
    """A session as it was saved. Where it is none: ConfigError, which does not quote it."""
    if session is None:
        return None
    try:
        made = (
            session
            if isinstance(session, Resumable)
            else msgspec.json.decode(session, type=Resumable)
        )
        if (
            0 < len(made.session_id.encode()) <= payloads.MAX_SESSION_ID_BYTES
            and len(made.resume_url) <= payloads.MAX_RESUME_URL
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
