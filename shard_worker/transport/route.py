"""The way to a server: directly or through which proxy, and the addresses on it.

What is looked up is who the socket goes to. Behind a proxy that is the proxy: a server's name may
be known to it alone.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from typing import NamedTuple

from curl_cffi import CurlOpt

from cluster.discord.proxy import Proxy, proxy_for
from cluster.discord.proxy_options import proxy_options
from shard_worker.transport.curl_options import address_of, resolve_entry


class Route(NamedTuple):
    """How a server is reached."""

    proxy: Proxy | None
    """None: directly."""
    names: list[tuple[str, int]]
    """Hosts and ports that are looked up on this host."""

    @classmethod
    def to(cls, url: str, env: Mapping[str, str]) -> Route:
        """Return the way to this URL. ConfigError: the environment names a proxy that is none."""
        proxy = proxy_for(url, env)
        if proxy is None:
            return cls(None, [address_of(url)])
        names = [(proxy.host, proxy.port)]
        return cls(proxy, names if proxy.looks_names_up else [*names, address_of(url)])

    async def options(self) -> list[tuple[CurlOpt, object]]:
        """Look the names up and return libcurl's options for this way. Raises LookupFailedError."""
        entries = [await _entry(host, port) for host, port in self.names]
        return [*proxy_options(self.proxy).items(), (CurlOpt.RESOLVE, entries)]


class LookupFailedError(Exception):
    """A name is not found; the text says which and why."""


async def _entry(host: str, port: int) -> str:
    """Look a name up and return what is found in the form of CURLOPT_RESOLVE."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:  # UnicodeError: a label that is empty or too long
        raise LookupFailedError(f"{host} is not found: {error}") from error
    return resolve_entry(host, port, [str(info[4][0]) for info in found])
