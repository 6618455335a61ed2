"""Checks of [proxy]: where the gateway proxy may listen, and what it needs for that."""

from __future__ import annotations

import re
import ssl
from typing import Final, Literal

from cluster.config.keys import ProxyConfig
from cluster.endpoints.listening import PROXY
from cluster.errors import ConfigError

_URL: Final = re.compile(r"wss?://[A-Za-z0-9.\-\[\]:]{1,260}/?")


def check_proxy(proxy: ProxyConfig, account: Literal["bot", "user"] = "bot") -> None:
    """Raise ConfigError unless the proxy can be had: for bots alone, and with TLS where others than
    this machine reach it, since what clients show is the bot's token."""
    if not proxy.listen:
        return
    address = PROXY.address(proxy.listen)
    if account == "user":
        raise ConfigError(
            'proxy.listen is set, and account is "user"', "take it out: the proxy is for bots"
        )
    if bool(proxy.certificate) != bool(proxy.private_key):
        there, missing = ("certificate", "private_key")[:: 1 if proxy.certificate else -1]
        raise ConfigError(
            f"proxy.{there} is set, and proxy.{missing} is not", "give both, or neither"
        )
    if not address.loopback and not proxy.certificate:
        raise ConfigError(
            f"proxy.listen is {proxy.listen}, which other hosts can reach, and there is no "
            "certificate",
            "set proxy.certificate and proxy.private_key: what clients show must not be read on "
            "the way",
        )
    if proxy.url and not _URL.fullmatch(proxy.url):
        raise ConfigError(
            f"proxy.url is {proxy.url[:80]!r}", "give wss://HOST:PORT, or ws:// on this machine"
        )


def tls_of(certificate: str, private_key: str) -> ssl.SSLContext | None:
    """Return what the proxy's listener needs for TLS; None: it has none. ConfigError: the files
    can't be used."""
    if not certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # A key that has a passphrase would be asked for on a terminal.
        context.load_cert_chain(certificate, private_key, password=lambda: "")
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        why = error.strerror or type(error).__name__ if isinstance(error, OSError) else error
        raise ConfigError(
            f"proxy.certificate {certificate} and proxy.private_key {private_key} can't be used "
            f"({why})",
            "give the chain and its key as PEM files, the key without a passphrase",
        ) from None
    return context
