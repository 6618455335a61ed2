"""The sandbox's own certificate authority: made at start, gone at stop.

Clients verify as they always do, against the file that ``SandboxInfo.ca_file`` names.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import shutil
import ssl
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_NAME: Final = "dcgw sandbox authority"
_LIFETIME = datetime.timedelta(days=30)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: str, public_key: ec.EllipticCurvePublicKey, now: datetime.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(AUTHORITY_NAME))
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        # Clocks of containers and hosts differ a little: valid from an hour ago.
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def make_certificates(
    now: datetime.datetime, names: Iterable[str] = ("localhost",)
) -> tuple[bytes, bytes, bytes]:
    """(authority certificate, server chain, server key), PEM; EC P-256, RFC 5280 extensions. names:
    the server's, beside its loopback addresses."""
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = (
        _builder(AUTHORITY_NAME, authority_key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(authority=True), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    key = ec.generate_private_key(ec.SECP256R1())
    alternatives = [
        *map(x509.DNSName, names),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        x509.IPAddress(ipaddress.ip_address("::1")),
    ]
    leaf = (
        _builder("localhost", key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()),
            critical=False,
        )
        .sign(authority_key, hashes.SHA256())
    )
    return (
        authority.public_bytes(serialization.Encoding.PEM),
        leaf.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


class Certificates:
    """The authority's file and the server's TLS context. ``close`` removes what was written."""

    def __init__(self, ca_file: str = "") -> None:
        authority, chain, key = make_certificates(datetime.datetime.now(datetime.UTC))
        self._folder = Path(tempfile.mkdtemp(prefix="dcgw-sandbox-"))
        try:
            self.ca_file = Path(ca_file) if ca_file else self._folder / "ca.pem"
            try:
                _write_private(self.ca_file, authority)
            except OSError as error:
                raise ValueError(f"ca_file: {self.ca_file}: {error.strerror}") from error
            # ssl takes keys from files only; this one lives as long as the call.
            pair = self._folder / "server.pem"
            _write_private(pair, chain + key)
            self.server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.server_context.minimum_version = ssl.TLSVersion.TLSv1_2
            self.server_context.load_cert_chain(pair)
            self.server_context.set_alpn_protocols(["http/1.1"])
            pair.unlink()
        except BaseException:
            shutil.rmtree(self._folder)
            raise

    def close(self) -> None:
        self.ca_file.unlink(missing_ok=True)
        shutil.rmtree(self._folder)


def _write_private(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
