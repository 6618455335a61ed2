"""GET /gateway/bot: what each answer means, and how often it is asked."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from curl_cffi.requests import AsyncSession, Response

from cluster.discord.account import new_launch
from cluster.discord.browser import browser
from cluster.discord.gateway_bot import (
    ATTEMPTS,
    BAN_S,
    LONGEST_WAIT_S,
    MAX_BODY_BYTES,
    GatewayInfo,
    HttpAnswer,
    Retry,
    fetch,
    judge,
)
from cluster.errors import (
    LONGEST_RETRY_S,
    ApiUnavailableError,
    ClusterError,
    RateLimitedError,
    TokenRefusedError,
)

LIMIT = {"total": 1000, "remaining": 998, "reset_after": 3_600_000, "max_concurrency": 16}
BODY = {"url": "wss://gateway.discord.gg", "shards": 9, "session_start_limit": LIMIT}
TOKEN = "MTIz.secret.token"


NOON = "Wed, 21 Oct 2026 12:00:00 GMT"
BAN = b"<!DOCTYPE html><title>Access denied | discord.com used Cloudflare</title>"


def answer(
    status: int = 200, body: object = BODY, retry_after: str | None = None, date: str | None = None
) -> HttpAnswer:
    return HttpAnswer(status, retry_after, json.dumps(body).encode(), date)


class Api:
    """Gives the answers one after the other, and notes what was asked and slept."""

    def __init__(self, *answers: HttpAnswer) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.slept: list[float] = []

    async def get(self, url: str, headers: dict[str, str]) -> HttpAnswer:
        self.asked.append((url, headers))
        return self.answers.pop(0)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def fetch(self, **options: Any) -> GatewayInfo:
        options = {"api_url": "https://discord.com/api", "api_version": 10, **options}
        return asyncio.run(
            fetch(
                token=TOKEN,
                get=self.get,
                sleep=self.sleep,
                random=lambda: 1.0,
                **options,
            )
        )


def test_what_discord_says() -> None:
    api = Api(answer())
    info = api.fetch()
    assert (info.url, info.shards) == ("wss://gateway.discord.gg", 9)
    assert info.session_start_limit.max_concurrency == 16
    ((url, headers),) = api.asked
    assert url == "https://discord.com/api/v10/gateway/bot"
    assert headers["Authorization"] == f"Bot {TOKEN}"
    assert headers["User-Agent"].startswith("DiscordBot (")


def test_a_user_account_asks_as_a_user_does() -> None:
    api = Api(answer(body={"url": "wss://gateway.discord.gg"}))
    info = api.fetch(account="user", api_version=9, client_build_number=7, launch=new_launch())
    ((url, headers),) = api.asked
    assert url == "https://discord.com/api/v9/gateway"
    assert headers["Authorization"] == TOKEN
    assert headers["User-Agent"] == browser().user_agent
    said = json.loads(base64.b64decode(headers["X-Super-Properties"]))
    assert said["browser_user_agent"] == headers["User-Agent"]
    assert said["client_build_number"] == 7
    assert (info.shards, info.session_start_limit.max_concurrency) == (1, 1)


def test_server_errors_are_asked_again_with_a_growing_wait() -> None:
    api = Api(answer(502), answer(503), HttpAnswer(0, None, b"could not connect"), answer())
    assert api.fetch().shards == 9
    assert api.slept == [1.0, 2.0, 4.0]


@pytest.mark.parametrize(
    ("limited", "waited"),
    [
        (answer(429, {"retry_after": 9.5}, "7"), 7.0),
        (answer(429, {"retry_after": 9.5}), 9.5),
        (answer(429, {"retry_after": 9.5}, "Wed, 21 Oct 2026 07:28:00 GMT"), 9.5),
        (HttpAnswer(429, None, b"<html>"), 1.0),
        (answer(429, {"retry_after": "soon"}), 1.0),
        (answer(429, {}, "Wed, 21 Oct 2026 12:00:09 GMT", NOON), 9.0),
        (answer(429, {}, "Wed, 21 Oct 2026 11:00:00 GMT", NOON), 1.0),
        (answer(429, {}, "Wed, 21 Oct 2026 12:00:09", NOON), 1.0),
        (answer(429, {}, "Wed, 99 Oct 2026 12:00:09 GMT", NOON), 1.0),
        (answer(429, {}, "-5"), 1.0),
        (answer(429, {}, "0"), 1.0),
        (answer(429, {}, "nan"), 1.0),
        (answer(429, {"retry_after": -1}), 1.0),
        (answer(429, {"retry_after": 2}, "inf"), 2.0),
        (answer(429, {"retry_after": 10**400}), 1.0),
        (answer(429, {"retry_after": True}), 1.0),
    ],
)
def test_a_rate_limit_is_waited_for_as_it_asks(limited: HttpAnswer, waited: float) -> None:
    api = Api(limited, answer())
    api.fetch()
    assert api.slept == [waited]


def test_a_long_rate_limit_is_for_a_person() -> None:
    with pytest.raises(RateLimitedError, match="rate limited for 31 s") as caught:
        Api(answer(429, {}, str(LONGEST_WAIT_S + 1))).fetch()
    assert caught.value.retry_after_s == LONGEST_WAIT_S + 1


@pytest.mark.parametrize(
    "limited",
    [answer(429, {}, "1e300"), answer(429, {"retry_after": 1e300}), answer(429, {}, "9" * 99)],
)
def test_an_absurd_rate_limit_is_one_of_a_day(limited: HttpAnswer) -> None:
    with pytest.raises(RateLimitedError, match="rate limited for 86400 s") as caught:
        Api(limited).fetch()
    assert caught.value.retry_after_s == LONGEST_RETRY_S


@pytest.mark.parametrize(
    ("limited", "said"),
    [(answer(429, {}, "1"), "for 1 s"), (HttpAnswer(429, None, b"<html>"), "does not say")],
)
def test_a_rate_limit_to_the_last_is_told_as_one(limited: HttpAnswer, said: str) -> None:
    with pytest.raises(RateLimitedError, match=f"rate limited .*{said}.*HTTP 429") as caught:
        Api(*[limited] * ATTEMPTS).fetch()
    assert "network" not in str(caught.value)
    assert caught.value.retry_after_s > 0
    assert caught.value.exit_code == 8


def test_waits_end_before_whoever_started_it_gives_up() -> None:
    api = Api(*[answer(429, {}, "29")] * ATTEMPTS)
    with pytest.raises(RateLimitedError) as caught:
        api.fetch()
    assert api.slept == [29.0, 29.0]
    assert caught.value.retry_after_s == 29.0


@pytest.mark.parametrize(
    ("retry_after", "after"), [(None, BAN_S), ("3600", 3600.0), ("1e300", 86400.0)]
)
def test_a_page_in_place_of_an_answer_is_told_as_a_ban(
    retry_after: str | None, after: float
) -> None:
    api = Api(HttpAnswer(403, retry_after, BAN))
    with pytest.raises(ApiUnavailableError, match=r"HTTP 403.*CDN.*proxy") as caught:
        api.fetch()
    assert "api_url" not in str(caught.value)
    assert caught.value.retry_after_s == after
    assert len(api.asked) == 1, "asking again would prolong it"


def test_a_403_of_the_api_itself_is_no_ban() -> None:
    with pytest.raises(ClusterError, match="HTTP 403") as caught:
        Api(answer(403, {"message": "Missing Access", "code": 50001})).fetch()
    assert not isinstance(caught.value, ApiUnavailableError)


def test_a_server_in_trouble_is_told_as_one() -> None:
    with pytest.raises(ApiUnavailableError, match="HTTP 502") as caught:
        Api(*[answer(502)] * ATTEMPTS).fetch()
    assert "ca_file" not in str(caught.value)


def test_a_server_in_trouble_may_say_for_how_long() -> None:
    api = Api(answer(503, {}, "7"), answer(503, {}, "600"))
    with pytest.raises(ApiUnavailableError, match="HTTP 503") as caught:
        api.fetch()
    assert api.slept == [7.0]
    assert caught.value.retry_after_s == 600.0


def test_one_try_is_all_where_that_is_asked_for() -> None:
    api = Api(answer(503))
    with pytest.raises(ApiUnavailableError, match=r"1 try \(HTTP 503"):
        api.fetch(attempts=1)
    assert api.slept == []


def test_it_gives_up_with_the_last_cause() -> None:
    api = Api(*[answer(500)] * (ATTEMPTS - 1), HttpAnswer(0, None, b"certificate has expired"))
    with pytest.raises(ClusterError, match="certificate has expired") as caught:
        api.fetch()
    assert len(api.asked) == ATTEMPTS
    assert len(api.slept) == ATTEMPTS - 1
    assert caught.value.action


def test_a_refused_token_is_said_at_once_and_not_shown() -> None:
    api = Api(answer(401, {"message": "401: Unauthorized", "code": 0}))
    with pytest.raises(TokenRefusedError) as caught:
        api.fetch()
    assert len(api.asked) == 1
    assert TOKEN not in str(caught.value)
    assert "DCGW_TOKEN" in caught.value.action


@pytest.mark.parametrize("status", [301, 400, 403, 404])
def test_other_answers_are_not_asked_again(status: int) -> None:
    api = Api(answer(status))
    with pytest.raises(ClusterError, match=f"HTTP {status}"):
        api.fetch()
    assert len(api.asked) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        json.dumps(BODY | {"shards": "9"}).encode(),
        json.dumps(BODY | {"session_start_limit": LIMIT | {"max_concurrency": 0}}).encode(),
        b"[" * 60_000,
    ],
)
def test_a_body_that_is_something_else_is_an_error_for_a_person(body: bytes) -> None:
    with pytest.raises(ClusterError, match="not what Discord documents"):
        judge(HttpAnswer(200, None, body), "bot")


def test_judge_says_when_to_ask_again() -> None:
    assert judge(answer(500), "bot") == Retry("HTTP 500", None, 500)
    assert judge(HttpAnswer(0, None, b"timed out"), "bot") == Retry("timed out", None)


@pytest.mark.parametrize(
    "url", ["ws://gateway.example", "http://gateway.example", "wss://a\u200bb", "wss://[", ""]
)
def test_a_gateway_that_cant_be_used_is_the_api_s_fault_and_no_configuration_s(url: str) -> None:
    """A unit is not started again after an error of the configuration, and workers may live."""
    with pytest.raises(ClusterError, match="gateway URL") as raised:
        Api(answer(body=BODY | {"url": url})).fetch()
    assert type(raised.value) is ClusterError


class Server(HTTPServer):
    """What was asked for, and with which Authorization."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[str, str]] = []


class Handler(BaseHTTPRequestHandler):
    """Answers by the first part of the path, over a real socket."""

    def do_GET(self) -> None:
        case = self.path.split("/")[1]
        assert isinstance(self.server, Server)
        first = not self.server.seen
        self.server.seen.append((case, self.headers["Authorization"]))
        body, status = json.dumps(BODY | {"url": "ws://localhost:1"}).encode(), 200
        headers: dict[str, str] = {}
        if case == "busy" and first:
            status, headers, body = 429, {"Retry-After": "0.01"}, b"{}"
        elif case == "broken" and first:
            status, body = 502, b"<html>bad gateway</html>"
        elif case == "moved":
            status, headers = 302, {"Location": "/ok"}
        elif case == "long":
            body = bytes(MAX_BODY_BYTES + 1)
        elif case == "bomb":
            body, headers = gzip.compress(bytes(100 * MAX_BODY_BYTES)), {"Content-Encoding": "gzip"}
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # who had enough hangs up
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def api() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def ask(api: Server, case: str) -> GatewayInfo:
    async def at_once(seconds: float) -> None:
        pass

    url = f"http://127.0.0.1:{api.server_port}/{case}"
    return asyncio.run(fetch(api_url=url, api_version=10, token=TOKEN, sleep=at_once))


@pytest.mark.parametrize("case", ["busy", "broken"])
def test_over_a_socket_it_asks_again(api: Server, case: str) -> None:
    assert ask(api, case).shards == 9
    assert api.seen == [(case, f"Bot {TOKEN}")] * 2


def test_over_a_socket_the_token_follows_no_redirect(api: Server) -> None:
    with pytest.raises(ClusterError, match="HTTP 302"):
        ask(api, "moved")
    assert [case for case, _ in api.seen] == ["moved"]


@pytest.mark.parametrize("case", ["long", "bomb"])
def test_over_a_socket_the_body_is_bounded_inflated_too(api: Server, case: str) -> None:
    with pytest.raises(ClusterError, match="file size"):
        ask(api, case)
    assert len(api.seen) == 1


def test_nobody_there_is_no_answer_after_the_last_try() -> None:
    server = Server()
    server.server_close()
    with pytest.raises(ClusterError, match=f"no answer after {ATTEMPTS} tries"):
        ask(server, "ok")


def test_who_is_cancelled_while_the_session_closes_is_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """curl_cffi takes it for the end of a task of its own."""
    close = AsyncSession.close

    async def cancelled_within(session: AsyncSession[Response]) -> None:
        asyncio.get_running_loop().call_soon(asking[0].cancel)
        await close(session)

    monkeypatch.setattr(AsyncSession, "close", cancelled_within)
    asking: list[asyncio.Task[GatewayInfo]] = []

    async def main() -> None:
        made = fetch(
            api_url="https://discord.com/api", api_version=10, token=TOKEN, get=Api(answer()).get
        )
        asking.append(asyncio.ensure_future(made))
        with pytest.raises(asyncio.CancelledError):
            await asking[0]

    asyncio.run(main())
