"""What Discord says before the first connection: GET /gateway/bot.

URL, recommended shards and the session start limit ("Gateway", "Get Gateway Bot"). A user account
has no such limits told and asks GET /gateway. One request is judged by `judge` (pure); `fetch`
asks again, a bounded number of times, where that helps.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Annotated, Final, Literal, NamedTuple

import msgspec
from curl_cffi import CurlECode, CurlOpt
from curl_cffi.requests import AsyncSession, RequestsError, Response

from cluster import __version__
from cluster.backoff import Backoff
from cluster.decode_errors import MALFORMED
from cluster.discord.account import IdentifyAccount
from cluster.discord.browser import ACCEPT_ENCODING, Browser, browser
from cluster.discord.proxy import Proxy, proxy_for
from cluster.discord.proxy_options import proxy_options
from cluster.discord.retry_after import retry_after
from cluster.discord.urls import check_url
from cluster.errors import (
    ApiUnavailableError,
    ClusterError,
    ConfigError,
    RateLimitedError,
    TokenRefusedError,
)
from cluster.ranges import MAX_SHARDS

log = logging.getLogger(__name__)

ATTEMPTS: Final = 5
ATTEMPT_S: Final = 10.0
FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 30.0
"""A Retry-After beyond this is an error for a person, not a wait."""
MOST_WAITS_S: Final = 60.0
"""The most that the waits between the tries may sum up to: who started a coordinator gives it up
after 120 s."""
BAN_S: Final = 300.0
UNSAID_S: Final = 60.0
"""For how long the API is left alone after the page of a ban, and after 429 to the last, where no
Retry-After says it."""
MAX_BODY_BYTES: Final = 64 * 1024


class SessionStartLimit(msgspec.Struct, frozen=True, kw_only=True):
    """How many identifies are left, and when they are back."""

    total: int
    remaining: int
    reset_after: int
    """Milliseconds until they are back."""
    max_concurrency: Annotated[int, msgspec.Meta(ge=1)] = 1


class GatewayInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to GET /gateway/bot."""

    url: str
    """wss://host[:port]"""
    shards: Annotated[int, msgspec.Meta(ge=1, le=MAX_SHARDS)]
    session_start_limit: SessionStartLimit


REFUSED: Final = -1


class HttpAnswer(NamedTuple):
    """One HTTP answer. status 0: there was none, `body` says why; REFUSED: there will be none."""

    status: int
    retry_after: str | None
    body: bytes
    date: str | None = None
    """The server's own time, by its Date header."""


class Retry(NamedTuple):
    """Ask again. after: seconds that the server asks for; None: it does not say. status: of the
    answer; 0: there was none."""

    cause: str
    after: float | None
    status: int = 0


Get = Callable[[str, dict[str, str]], Awaitable[HttpAnswer]]


_FINAL: Final = frozenset(
    {
        CurlECode.UNSUPPORTED_PROTOCOL,
        CurlECode.URL_MALFORMAT,
        CurlECode.PEER_FAILED_VERIFICATION,
        CurlECode.SSL_CACERT_BADFILE,
        CurlECode.FILESIZE_EXCEEDED,
    }
)
"""Errors of curl that the next try would end with too."""


class _Gateway(msgspec.Struct, frozen=True):
    url: str


_UNLIMITED = SessionStartLimit(total=1000, remaining=1000, reset_after=86_400_000)
"""For user accounts, which are told no limit: as many as a bot has, one at a time."""


def judge(answer: HttpAnswer, account: Literal["bot", "user"]) -> GatewayInfo | Retry:
    """Return what one answer means. TokenRefusedError, ClusterError: asking again would not
    help. ApiUnavailableError: asking again at once would not."""
    if answer.status == REFUSED:
        raise ClusterError(
            f"the API could not be asked ({answer.body.decode(errors='replace')})",
            "check api_url, and ca_file if it has a certificate of its own",
        )
    if answer.status == 0 or answer.status >= 500:
        cause = answer.body.decode(errors="replace") if answer.status == 0 else ""
        return Retry(cause or f"HTTP {answer.status}", _asked_wait(answer), answer.status)
    if answer.status == 429:
        return Retry("HTTP 429", _asked_wait(answer), 429)
    if answer.status == 401:
        raise TokenRefusedError(
            "Discord refused the token (HTTP 401)",
            "put the account's current token into DCGW_TOKEN or token_file, without the word Bot",
        )
    if answer.status == 403 and not _is_json_object(answer.body):
        raise _banned(answer)
    if answer.status != 200:
        raise ClusterError(
            f"the gateway could not be asked for (HTTP {answer.status})",
            "check api_url and api_version",
        )
    try:
        if account == "bot":
            return msgspec.json.decode(answer.body, type=GatewayInfo)
        url = msgspec.json.decode(answer.body, type=_Gateway).url
        return GatewayInfo(url=url, shards=1, session_start_limit=_UNLIMITED)
    except MALFORMED as error:
        raise ClusterError(
            f"the answer to GET /gateway is not what Discord documents ({error})",
            "check that api_url leads to Discord's API or to a server that speaks as it does",
        ) from error


def _asked_wait(answer: HttpAnswer) -> float | None:
    return retry_after(answer.retry_after, answer.date, answer.body)


def _is_json_object(body: bytes) -> bool:
    """Whether a body is one that the API itself may have sent, which answers in JSON."""
    try:
        msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except MALFORMED:
        return False
    return True


def _banned(answer: HttpAnswer) -> ApiUnavailableError:
    """Return the error of a 403 with a page: a CDN or a proxy answered, and the API never saw the
    request."""
    error = ApiUnavailableError(
        "a page came instead of the API's answer (HTTP 403): what stands before the API, Discord's "
        "CDN or a proxy of this network, lets this address ask nothing",
        "a ban of the address ends by itself, often within an hour, and sooner the less is asked; "
        "if it stays, look at the proxy, or ask from another address",
    )
    error.retry_after_s = _asked_wait(answer) or BAN_S
    return error


async def fetch(
    *,
    api_url: str,
    api_version: int,
    token: str,
    account: Literal["bot", "user"] = "bot",
    client_build_number: int = 0,
    launch: str = "",
    ca_file: str = "",
    impersonate: str = "chrome",
    attempts: int = ATTEMPTS,
    env: Mapping[str, str] = os.environ,
    get: Get | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    random: Callable[[], float] = random.random,
) -> GatewayInfo:
    """Ask, at most so many times: after no answer, 5xx and 429 again, with a growing wait or the
    one that Retry-After asks for. client_build_number, launch: of a user account, as its IDENTIFY
    will say them. impersonate: the browser, as the WebSocket will be that of. env: the environment,
    which may name a proxy.

    TokenRefusedError: 401. ApiUnavailableError: no answer, 5xx, or a page in place of the API's
    answer; RateLimitedError, which is one: 429 to the last, or a wait beyond LONGEST_WAIT_S.
    ConfigError: an api_url or a proxy that can't be used. ClusterError: everything else.
    """
    check_url("api_url", api_url, "https", "http")
    path = "/gateway/bot" if account == "bot" else "/gateway"
    url = f"{api_url.rstrip('/')}/v{api_version}{path}"
    ours = browser(impersonate)
    headers = _headers(ours, account, token, client_build_number, launch)
    backoff = Backoff(FIRST_WAIT_S, LONGEST_WAIT_S, random, least=0.5)
    proxy = proxy_for(url, env)
    tries, waited = 0, 0.0
    async with _Getter(ours, ca_file, proxy, headers) as getter:
        while True:
            tries += 1
            judged = judge(await (get or getter.get)(url, headers), account)
            if isinstance(judged, GatewayInfo):
                _check_gateway(judged.url)
                return judged
            wait = backoff.after(tries) if judged.after is None else judged.after
            if tries >= attempts or wait > LONGEST_WAIT_S or waited + wait > MOST_WAITS_S:
                raise _given_up(url, judged, tries)
            log.warning("GET %s: %s; asking again in %.1f s", url, judged.cause, wait)
            await sleep(wait)
            waited += wait


def _check_gateway(url: str) -> None:
    """Raise ClusterError if the URL that the API gave can't be used. That is no fault of the
    configuration."""
    try:
        check_url("the gateway URL that the API gave", url, "wss", "ws")
    except ConfigError as error:
        raise ClusterError(
            error.cause, "check that api_url leads to Discord's API, or wait for it to recover"
        ) from None


def _given_up(url: str, last: Retry, tries: int) -> ApiUnavailableError:
    """Return why the API was not asked again after its last answer, or the last that was none."""
    if last.status == 429:
        return _rate_limited(url, last.after)
    times = f"{tries} {'try' if tries == 1 else 'tries'}"
    if last.status == 0:
        return ApiUnavailableError(
            f"{url} gave no answer after {times} ({last.cause})",
            "check the network, api_url and ca_file, or wait for Discord to recover",
        )
    error = ApiUnavailableError(
        f"{url} has failed in {times} ({last.cause})",
        "the server there has trouble, and is to be waited for; https://discordstatus.com has "
        "Discord's",
    )
    error.retry_after_s = last.after or 0.0
    return error


def _headers(
    ours: Browser, account: Literal["bot", "user"], token: str, build_number: int, launch: str
) -> dict[str, str]:
    """Return the headers of a GET, in the order in which they are sent."""
    if account == "bot":  # "Reference", "User Agent": a bot says that it is one
        return {
            "User-Agent": f"DiscordBot (dcgw-cluster, {__version__})",
            "Accept": "*/*",
            "Accept-Encoding": ACCEPT_ENCODING,
            "Authorization": f"Bot {token}",
        }
    said = IdentifyAccount(kind="user", client_build_number=build_number)
    return ours.fetch_headers(
        authorization=token, super_properties=said.super_properties(ours, launch)
    )


def _rate_limited(url: str, seconds: float | None) -> RateLimitedError:
    """Return the error of a 429. seconds: how long the API asks to be left alone; None: it does
    not say."""
    until = "for a time that it does not say" if seconds is None else f"for {seconds:.0f} s"
    error = RateLimitedError(
        f"{url} is rate limited {until} (HTTP 429)",
        "leave it alone until then; what else uses this token or this address counts too",
    )
    error.retry_after_s = seconds or UNSAID_S
    return error


class _Getter:
    """GET through curl_cffi; certificates always verified, no redirects, a bounded body."""

    def __init__(
        self, ours: Browser, ca_file: str, proxy: Proxy | None, order: Iterable[str]
    ) -> None:
        """order: names of the headers that will be given, in the order in which they are sent."""
        self._proxy = proxy
        self._session: AsyncSession[Response] = AsyncSession(
            impersonate=ours.target,
            default_headers=False,  # those of a page that is opened
            verify=ca_file or True,  # type: ignore[arg-type]  # a path is taken, the type is narrow
            trust_env=False,  # the proxy was chosen: see proxy.py
            timeout=ATTEMPT_S,
            allow_redirects=False,
            curl_options=proxy_options(proxy)
            | {
                CurlOpt.MAXFILESIZE_LARGE: MAX_BODY_BYTES,
                CurlOpt.HTTPHEADER_ORDER: ",".join(order),  # else the order of a page's
            },
        )

    async def __aenter__(self) -> _Getter:
        return self

    async def __aexit__(self, *_: object) -> None:
        # In a task of its own: close() takes the cancellation of whoever awaits it for that of its
        # own task, and swallows it.
        closing = asyncio.ensure_future(self._session.close())
        try:
            await asyncio.shield(closing)
        finally:
            if not closing.done():
                await asyncio.wait([closing])

    async def get(self, url: str, headers: dict[str, str]) -> HttpAnswer:
        try:
            response = await self._session.get(
                url, headers=headers, accept_encoding=ACCEPT_ENCODING
            )
        except RequestsError as error:
            status = REFUSED if error.code in _FINAL else 0
            cause = str(error).partition(". See ")[0].removeprefix("Failed to perform, curl: ")
            if self._proxy is not None:
                if (refusal := self._proxy.refusal(cause)) is not None:
                    raise ApiUnavailableError(refusal.cause, refusal.action) from None
                cause = self._proxy.explain(cause)
            return HttpAnswer(status, None, cause.encode())
        headers_in = response.headers
        return HttpAnswer(
            response.status_code,
            headers_in.get("Retry-After"),
            response.content,
            headers_in.get("Date"),
        )
