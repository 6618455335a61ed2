"""Which proxy applies, compared with libcurl's own choice; what is shown of it; REST through it."""

from __future__ import annotations

import asyncio
from urllib.parse import quote, urlsplit

import pytest
from curl_cffi import Curl, CurlError, CurlInfo, CurlOpt
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.discord.gateway_bot import ATTEMPTS, fetch
from cluster.discord.proxy import SCHEMES, Proxy, proxy_for, read_proxy
from cluster.discord.proxy_options import proxy_options
from cluster.errors import ClusterError, ConfigError
from tests.connect_proxy import connect_proxy

URL = "wss://gateway.discord.gg/?v=10"
NOBODY = "127.0.0.1:9"
"""A port where nobody listens."""


def libcurl_takes_a_proxy(url: str, env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> bool:
    """Return whether libcurl, left alone with this environment, goes through a proxy."""
    with monkeypatch.context() as patch:
        for name, value in env.items():
            patch.setenv(name, value)
        curl = Curl()
        parts = urlsplit(url)
        curl.setopt(CurlOpt.URL, parts._replace(netloc=f"{parts.netloc}:9").geturl().encode())
        # Nothing is looked up, and nothing leaves this machine.
        curl.setopt(CurlOpt.RESOLVE, [f"*:9:{NOBODY.partition(':')[0]}"])
        curl.setopt(CurlOpt.INTERFACE, b"host!127.0.0.1")
        with pytest.raises(CurlError):
            curl.perform()
        used = curl.getinfo(CurlInfo.USED_PROXY)
        curl.close()
    return bool(used)


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for scheme in ("http", "https", "ws", "wss", "all", "no"):
        monkeypatch.delenv(f"{scheme}_proxy", raising=False)
        monkeypatch.delenv(f"{scheme}_proxy".upper(), raising=False)
    return monkeypatch


@pytest.mark.parametrize("url", [URL, "ws://h.example/", "https://10.1.2.3/api"])
def test_each_spelling_of_the_variables_counts_as_with_libcurl(
    no_proxies: pytest.MonkeyPatch, url: str
) -> None:
    for scheme in ("http", "https", "ws", "wss", "all", "ftp"):
        for name in (f"{scheme}_proxy", f"{scheme}_proxy".upper()):
            env = {name: NOBODY}
            ours = proxy_for(url, env)
            assert (ours is not None) == libcurl_takes_a_proxy(url, env, no_proxies), (url, name)
            assert ours is None or ours.variable == name
    both = {"https_proxy": "\r", "HTTPS_PROXY": "a:1", "all_proxy": "b:1", "http_proxy": "c:1"}
    assert str(proxy_for("https://discord.com", both)) == "a:1 (HTTPS_PROXY)"


@pytest.mark.parametrize("no_proxy", [
    "discord.gg", ".discord.gg", "gateway.discord.gg", "gg", "Discord.GG.", "x, discord.gg",
    "x,\tdiscord.gg ,", "*", "*.discord.gg", "a,*", "iscord.gg", "gateway.discord.gg:443", ".",
    "10.1.2.3", "10.0.0.0/8", "10.9.9.9/8", "10.1.2.3/32", "10.1.2.0/24", "10.1.2", "10.1.2.3/33",
    "fe80::1", "fe80::/10", "[fe80::1]", "2001:db8::/32", "::ffff:10.1.2.3",
])  # fmt: skip
def test_no_proxy_is_read_as_by_libcurl(no_proxies: pytest.MonkeyPatch, no_proxy: str) -> None:
    for url in (URL, "wss://discord.gg./", "wss://10.1.2.3/", "wss://[fe80::1]/"):
        env = {"https_proxy": NOBODY, "NO_PROXY": no_proxy}
        ours = proxy_for(url, env) is not None
        assert ours == libcurl_takes_a_proxy(url, env, no_proxies), url
    with pytest.raises(ConfigError, match="NO_PROXY stands in quotes"):
        proxy_for(URL, {"https_proxy": NOBODY, "NO_PROXY": f'"{no_proxy}"'})
    env = {"https_proxy": NOBODY, "no_proxy": "*\r", "NO_PROXY": "other"}
    assert proxy_for(URL, env) is None, "the lower case comes first"


def test_this_machine_is_reached_directly() -> None:
    for host in ("localhost", "127.0.0.1", "127.8.8.8", "[::1]"):
        assert proxy_for(f"wss://{host}:8443/", {"ALL_PROXY": NOBODY}) is None


@pytest.mark.parametrize(
    ("value", "url", "user", "password"),
    [
        ("proxy", "http://proxy:1080", "", ""),
        (" proxy:3128\r\n", "http://proxy:3128", "", ""),
        ("https://Proxy.Example", "https://proxy.example:443", "", ""),
        ("http://u:p%2Fw%40@[::1]:8", "http://[::1]:8", "u", "p/w@"),
        ("me:p@ss@10.0.0.1:8/", "http://10.0.0.1:8", "me", "p@ss"),
        ("SOCKS5h://me@s:9", "socks5h://s:9", "me", ""),
        ("socks://s:9", "socks4://s:9", "", ""),
    ],
)
def test_what_a_value_names(value: str, url: str, user: str, password: str) -> None:
    proxy = read_proxy("HTTPS_PROXY", value)
    assert (proxy.url, proxy.user, proxy.password) == (url, user, password)
    options = proxy_options(proxy)
    assert options[CurlOpt.PROXY] == url.encode()
    assert options.get(CurlOpt.PROXYPASSWORD, b"") == password.encode()


@pytest.mark.parametrize("value", [
    "ftp://me:secret@h:1", "http://me:secret@", "http://me:secret@h:99999", "me:se/cret@h:1",
    "http://me:1/secret@h:1", "http://me:secret@h h", "http://me:sec%0aret@h:1", "h:0", "//h:1",
    "http://me:1?secret@h:2", "http://me:secret@[::1", "http:h:1", "http://me:sec\nret@h:1",
])  # fmt: skip
def test_what_names_no_proxy_is_refused_and_not_shown(value: str) -> None:
    with pytest.raises(ConfigError, match="HTTPS_PROXY is no URL of a proxy") as caught:
        read_proxy("HTTPS_PROXY", value)
    shown = str(caught.value)
    assert not any(part in shown for part in ("me:", "cret", "h:1", "99999"))


def all_said_of(proxy: Proxy) -> list[str]:
    explained = [proxy.explain(f"CONNECT tunnel failed, response {n}") for n in (0, 403, 407, 502)]
    return [*explained, str(proxy), repr(proxy), proxy.url]


@settings(max_examples=40)
@given(
    scheme=st.sampled_from(SCHEMES),
    password=st.text(min_size=5, max_size=8).map("{}!".format),
    quoted=st.booleans(),
)
def test_no_password_is_in_any_text(scheme: str, password: str, quoted: bool) -> None:
    written = quote(password, safe="") if quoted else password
    try:
        proxy = read_proxy("ALL_PROXY", f"{scheme}://me:{written}@proxy.test:3128")
    except ConfigError as refused:
        said = [str(refused)]
    else:
        said = all_said_of(proxy)
    assert not any(password in text or written in text for text in said)


def test_rest_goes_through_the_proxy_and_says_so() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async def ask(proxy: str) -> str:
        try:
            await fetch(
                api_url="https://api.test/api", api_version=10, token="t", sleep=sleep,
                env={"HTTPS_PROXY": f"http://me:secret@{proxy}"},
            )  # fmt: skip
        except ClusterError as error:
            return str(error)
        raise AssertionError("nobody can answer")

    async def main() -> None:
        async with connect_proxy(user="another:one") as proxy:
            said = await ask(proxy.address)
            assert f"the proxy {proxy.address} (HTTPS_PROXY) answered CONNECT with 407" in said
            assert (proxy.asked, slept) == (["api.test:443"], []), "a person must mend it"
        async with connect_proxy(user="me:secret") as proxy:
            said = await ask(proxy.address)
            assert f"the proxy {proxy.address} (HTTPS_PROXY) answered CONNECT with 502" in said
            assert (len(proxy.asked), len(slept)) == (ATTEMPTS, ATTEMPTS - 1)
        assert "secret" not in said
        assert "HTTPS_PROXY is no URL of a proxy" in await ask("no proxy")

    asyncio.run(main())
