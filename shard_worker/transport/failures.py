"""Why a connection ended, in words that may go into a log or onto a terminal."""

from __future__ import annotations

from typing import Final

from curl_cffi import CurlECode, CurlError

UNTRUSTED: Final = (CurlECode.PEER_FAILED_VERIFICATION, CurlECode.SSL_CACERT_BADFILE)
"""What libcurl says of a certificate that is not trusted."""


def is_untrusted(failure: BaseException | None) -> bool:
    """Whether the server's certificate is not trusted."""
    return isinstance(failure, CurlError) and failure.code in UNTRUSTED


def printable(text: str) -> str:
    """Return the text as it may go into a log or onto a terminal: a server may write anything."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def explain(failure: BaseException | None) -> str:
    """Return libcurl's message without curl_cffi's frame around it."""
    if failure is None:
        return "the server ended the connection"
    text = str(failure)
    return text.split("curl: ", 1)[-1].split(". See https://", 1)[0]
