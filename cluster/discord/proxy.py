"""The proxy between this host and Discord, as the environment names it, for REST and the gateway.

The rules are curl's (its man page, "ENVIRONMENT"): `https_proxy`, then `HTTPS_PROXY`, then
`all_proxy`, then `ALL_PROXY`; hosts of `no_proxy`, else `NO_PROXY`, are reached directly, and so is
this machine: a proxy would look for it on its own host. What is decided here is told to libcurl,
which then asks the environment nothing.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote, urlsplit

import msgspec

from cluster.endpoints.tcp import is_loopback
from cluster.errors import ClusterError, ConfigError
from cluster.plain_text import in_environment, trimmed

_ALL: Final = ("all_proxy", "ALL_PROXY")
_HTTPS: Final = ("https_proxy", "HTTPS_PROXY", *_ALL)
_HTTP: Final = ("http_proxy", *_ALL)  # not HTTP_PROXY: a CGI program has it from whoever asks it
VARIABLES: Final = {
    "https": _HTTPS,
    "wss": ("wss_proxy", "WSS_PROXY", *_HTTPS),
    "http": _HTTP,
    "ws": ("ws_proxy", "WS_PROXY", *_HTTP),
}
"""Where a proxy is named, by the scheme of what is asked for; the first that is set counts."""
_DEFAULT_PORT: Final = 1080
"""Port of a proxy that names none, as with curl; an https:// one has 443."""
LOCAL_LOOKUP: Final = ("socks", "socks4", "socks5")
"""Schemes whose proxies are given an address: the name is looked up on this host."""
SCHEMES: Final = ("http", "https", *LOCAL_LOOKUP, "socks4a", "socks5h")
_HOST: Final = re.compile(r"[a-z0-9_.-]+|[0-9a-f:.]+")
_ANSWERED: Final = re.compile(r"CONNECT tunnel failed, response ([0-9]+)")


class Proxy(msgspec.Struct, frozen=True, kw_only=True):
    """A proxy. Only libcurl's options have its user and password: they are in no text."""

    variable: str
    """The environment's variable that names it."""
    scheme: str
    host: str
    port: int
    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"Proxy({str(self)!r})"

    def __str__(self) -> str:
        return f"{self.address} ({self.variable})"

    @property
    def address(self) -> str:
        """Return HOST:PORT."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """Return its URL, without user and password."""
        return f"{self.scheme}://{self.address}"

    @property
    def looks_names_up(self) -> bool:
        """Whether the proxy is given names, which it alone may know."""
        return self.scheme not in LOCAL_LOOKUP

    def refusal(self, cause: str) -> ClusterError | None:
        """Return the error that a person must mend where this proxy refused to connect us; None: it
        did not. cause: libcurl's words, which hold no password since its URL of the proxy has
        none."""
        refused = _ANSWERED.search(cause)
        if refused is None or (status := refused[1]) not in ("403", "405", "407"):
            return None
        action = (
            f"put the user and password that it wants into {self.variable}, as "
            "http://USER:PASSWORD@HOST:PORT"
            if status == "407"
            else "let it allow CONNECT to Discord's hosts, port 443, or except them by NO_PROXY"
        )
        return ClusterError(f"the proxy {self} answered CONNECT with {status}", action)

    def explain(self, cause: str) -> str:
        """Return in one line why a connection through this proxy failed. cause: libcurl's words, or
        ours."""
        if (refusal := self.refusal(cause)) is not None:
            return str(refusal)
        if (answered := _ANSWERED.search(cause)) is not None:
            return f"the proxy {self} answered CONNECT with {answered[1]}: its log says why"
        return f"through the proxy {self}: {cause}"


def proxy_for(url: str, env: Mapping[str, str]) -> Proxy | None:
    """Return the proxy by which a URL (https, wss, http, ws) is reached; None: it is reached
    directly. ConfigError: the variable names no proxy, or stands in quotes."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_loopback(host):
        return None
    for variable in VARIABLES[parts.scheme]:
        if value := in_environment(variable, env):
            break
    else:
        return None
    direct = in_environment("no_proxy", env) or in_environment("NO_PROXY", env)
    return None if _excepted(host, direct) else read_proxy(variable, value)


def read_proxy(variable: str, value: str) -> Proxy:
    """Return the proxy that a variable's value names: [SCHEME://][USER:PASSWORD@]HOST[:PORT].
    Raises ConfigError, which does not quote it."""
    text = trimmed(value)
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _refusal(variable) from None
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    behind = parts.path + parts.query + parts.fragment
    if (
        parts.scheme not in SCHEMES
        or not _HOST.fullmatch(host)
        or not (user + password + text).isprintable()
        or "@" in behind  # a password with a "/" in it, whose first part would pass for a port
        or port == 0
    ):
        raise _refusal(variable)
    if port is None:
        port = 443 if parts.scheme == "https" else _DEFAULT_PORT
    scheme = "socks4" if parts.scheme == "socks" else parts.scheme
    return Proxy(
        variable=variable, scheme=scheme, host=host, port=port, user=user, password=password
    )


def _refusal(variable: str) -> ConfigError:
    return ConfigError(
        f"{variable} is no URL of a proxy (it is not shown: it may hold a password)",
        "give http://[USER:PASSWORD@]HOST:PORT (or https, socks4a, socks5h), with signs such as "
        '"/" and "@" in USER and PASSWORD written as %2F and %40',
    )


def _excepted(host: str, no_proxy: str) -> bool:
    """Return whether a host is in a NO_PROXY: "*" alone, names with all that is under them, and
    addresses or networks (CIDR) where the host is an address."""
    if no_proxy == "*":
        return True
    tokens = re.split(r"[\s,]+", no_proxy.lower())
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = f".{host.lower().removesuffix('.')}"
        names = (token.removesuffix(".").removeprefix(".") for token in tokens)
        return any(token and name.endswith(f".{token}") for token in names)
    return any(address in network for network in map(_network, tokens) if network is not None)


def _network(token: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """Return the addresses that a token of NO_PROXY means; None: it is a name."""
    try:
        return ipaddress.ip_network(token, strict=False)
    except ValueError:
        return None
