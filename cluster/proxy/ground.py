"""What a process of the proxy stands on before it serves anybody: the socket that clients come by,
who they may be, and its certificate."""

from __future__ import annotations

import logging
import socket
import ssl
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from cluster.config.proxy import tls_of
from cluster.config.tokens import read_secrets
from cluster.endpoints.listening import AUTO, PROXY
from cluster.errors import ClusterError, ConfigError
from cluster.proxy.credentials import Credentials
from cluster.proxy.spec import ProxySpec

log = logging.getLogger(__name__)

EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""Where one on this host finds what listens everywhere."""


class Ground:
    """A context manager: left, the socket is closed."""

    def __init__(
        self,
        spec: ProxySpec,
        listener: socket.socket,
        credentials: Credentials,
        tls: ssl.SSLContext | None,
    ) -> None:
        self.spec = spec
        self.listener = listener
        self.credentials = credentials
        self.tls = tls
        host, port = listener.getsockname()[:2]
        self.url = local_url(host, port, tls=tls is not None)
        """Where a client on this host finds it."""

    @classmethod
    def take(cls, spec: ProxySpec) -> Self:
        """Take the socket and read the files. ClusterError: it can't be had, or they can't be
        used."""
        credentials, tls = spec.credentials(), tls_of(spec.certificate, spec.private_key)
        if spec.secrets_file:
            credentials.renew(secrets_of(spec))
        if not len(credentials):
            raise ConfigError(
                "nobody could connect: this proxy does not know the bot's token, and there are no "
                "secrets",
                "give a file of them: a line NAME SECRET each",
            )
        return cls(spec, listener_of(spec), credentials, tls)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.listener.close()

    def renew(self) -> None:
        """Read the secrets and the certificate again; what can't be used changes nothing."""
        spec = self.spec
        try:
            if spec.secrets_file:
                self.credentials.renew(secrets_of(spec))
            if self.tls is not None:
                tls_of(spec.certificate, spec.private_key)  # both fit: else half would be changed
                self.tls.load_cert_chain(spec.certificate, spec.private_key)
        except (ClusterError, OSError) as error:
            log.error("the secrets and the certificate stay what they were: %s", error)
        else:
            log.info("the secrets and the certificate were read again")


def secrets_of(spec: ProxySpec) -> dict[str, str]:
    """Return the secrets by their client's name. Raises ConfigError."""
    named, warnings = read_secrets(Path(spec.secrets_file))
    for warning in warnings:
        log.warning("%s", warning)
    return named


def listener_of(spec: ProxySpec) -> socket.socket:
    """Return the socket that the process was given, or else one of its own. ClusterError: it can't
    listen there."""
    if spec.listener >= 0:
        try:
            return socket.socket(fileno=spec.listener)
        except OSError as error:
            raise ConfigError(f"descriptor {spec.listener} is no socket ({error})") from None
    address = PROXY.address(spec.listen)
    return PROXY.listener(address.host, address.port, or_next=spec.listen == AUTO)


def local_url(host: str, port: int, *, tls: bool) -> str:
    """Return where a client on this host finds what listens there."""
    reached = EVERYWHERE.get(host, host)
    scheme = "wss" if tls else "ws"
    return f"{scheme}://[{reached}]:{port}" if ":" in reached else f"{scheme}://{reached}:{port}"
