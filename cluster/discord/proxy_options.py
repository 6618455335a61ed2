"""Options by which libcurl goes through a proxy, or through none, whatever the environment says."""

from __future__ import annotations

from curl_cffi import CurlOpt

from cluster.discord.proxy import Proxy


def proxy_options(proxy: Proxy | None) -> dict[CurlOpt, bytes | int]:
    """Return the options for a proxy; None: for a direct connection.

    User and password are options of their own, so that no message of libcurl's has them. The
    proxy's answer to CONNECT is not taken for the server's.
    """
    options: dict[CurlOpt, bytes | int] = {CurlOpt.PROXY: b"", CurlOpt.NOPROXY: b""}
    if proxy is None:
        return options
    options[CurlOpt.PROXY] = proxy.url.encode()
    options[CurlOpt.HTTPPROXYTUNNEL] = 1
    options[CurlOpt.SUPPRESS_CONNECT_HEADERS] = 1
    if proxy.user or proxy.password:
        options[CurlOpt.PROXYUSERNAME] = proxy.user.encode()
        options[CurlOpt.PROXYPASSWORD] = proxy.password.encode()
    return options
