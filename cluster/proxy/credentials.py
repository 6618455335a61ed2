"""Who a client of the proxy is, by what it shows in IDENTIFY or RESUME as its token.

The proxy never has the bot's token: its coordinator gives it a digest of it, keyed with what is
random at each start, so that neither the proxy's memory nor its spec tells anybody the token.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Final

DIGEST_BYTES: Final = 32
KEY_BYTES: Final = 32
_PREFIX: Final = "Bot "
"""Some libraries send the token as the Authorization header of REST has it."""


def token_digest(key: bytes, token: str) -> bytes:
    """Return the digest of a token or a secret. key: KEY_BYTES random bytes."""
    shown = token.encode(errors="surrogatepass")
    return hashlib.blake2b(shown, key=key, digest_size=DIGEST_BYTES).digest()


class Credentials:
    """What a client may show, as digests. The secrets may be renewed while clients come."""

    def __init__(self, *, token_key: bytes = b"", digest_of_token: bytes = b"") -> None:
        """token_key, digest_of_token: of the bot's token (token_digest); empty: this proxy does not
        know it, and takes secrets alone."""
        self._token_key = token_key
        self._token = digest_of_token
        self._secrets_key = secrets.token_bytes(KEY_BYTES)
        self._secrets: dict[str, bytes] = {}

    def renew(self, named: Mapping[str, str]) -> None:
        """Take these secrets in place of those before. named: secret by the client's name."""
        key = self._secrets_key
        self._secrets = {name: token_digest(key, secret) for name, secret in named.items()}

    def client(self, shown: str) -> str | None:
        """Return the name of the client that shows this: that of its secret, or "" for the bot's
        token; None: nobody has it. It takes as long whatever is shown."""
        shown = shown.removeprefix(_PREFIX)
        found = None
        if self._token and hmac.compare_digest(token_digest(self._token_key, shown), self._token):
            found = ""
        digest = token_digest(self._secrets_key, shown)
        for name, secret in self._secrets.items():
            if hmac.compare_digest(digest, secret):
                found = name
        return found

    def __len__(self) -> int:
        """How many clients there may be."""
        return len(self._secrets) + bool(self._token)
