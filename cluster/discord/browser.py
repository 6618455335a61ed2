"""The browser that we look like, in one place: its name to libcurl, its version, its User-Agent,
what it says of itself in HTTP headers and in a user client's properties.

Who looks for clients that are not what they say compares TLS, HTTP headers and IDENTIFY with each
other, so nothing else makes up a version or a system. Sources: Chromium's reduced User-Agent and
"User-Agent Client Hints" (components/embedder_support/user_agent_utils.cc); the unofficial
documentation, "Reference", "Client Properties".
"""

from __future__ import annotations

import platform
import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec

LOCALE: Final = "en-US"
ACCEPT_LANGUAGE: Final = f"{LOCALE},en;q=0.9"
ACCEPT_ENCODING: Final = "gzip, deflate, br, zstd"


class System(NamedTuple):
    """An operating system as Chrome and Discord's web client name it."""

    agent: str
    """Name of the system in the User-Agent."""
    os: str
    version: str
    platform: str
    """Name of the system in Sec-CH-UA-Platform."""


SYSTEMS: Final = {
    "Linux": System("X11; Linux x86_64", "Linux", "", "Linux"),
    "Darwin": System("Macintosh; Intel Mac OS X 10_15_7", "Mac OS X", "10.15.7", "macOS"),
    "Windows": System("Windows NT 10.0; Win64; x64", "Windows", "10", "Windows"),
}
"""Systems by platform.system(); another one passes for Linux."""

_ORDERS: Final = ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
_GREASE_SIGNS: Final = (" ", "(", ":", "-", ".", "/", ")", ";", "=", "?", "_")
_GREASE_VERSIONS: Final = ("8", "99", "24")


class Browser(msgspec.Struct, frozen=True, kw_only=True):
    """A version of Chrome on a system."""

    target: str
    """The name under which libcurl knows its handshakes: "chrome152"."""
    major: int
    system: System

    @property
    def version(self) -> str:
        """The version as Chrome tells it: only the major number is true."""
        return f"{self.major}.0.0.0"

    @property
    def user_agent(self) -> str:
        return (
            f"Mozilla/5.0 ({self.system.agent}) AppleWebKit/537.36 (KHTML, like Gecko) "
            f"Chrome/{self.version} Safari/537.36"
        )

    @property
    def brands(self) -> str:
        """Sec-CH-UA: Chromium, the brand, and one that means nothing, which change places and signs
        with the version."""
        seed = self.major
        signs = (_GREASE_SIGNS[(seed + n) % len(_GREASE_SIGNS)] for n in (0, 1))
        grease = "Not{}A{}Brand".format(*signs)
        named = (
            (grease, _GREASE_VERSIONS[seed % len(_GREASE_VERSIONS)]),
            ("Chromium", str(seed)),
            ("Google Chrome", str(seed)),
        )
        placed = sorted(zip(_ORDERS[seed % len(_ORDERS)], named, strict=True))
        return ", ".join(f'"{name}";v="{version}"' for _, (name, version) in placed)

    def fetch_headers(self, *, authorization: str, super_properties: str) -> dict[str, str]:
        """Return what Discord's web client sends with a GET of the API, in Chrome's order."""
        return {
            "sec-ch-ua-platform": f'"{self.system.platform}"',
            "Authorization": authorization,
            "X-Debug-Options": "bugReporterEnabled",
            "sec-ch-ua": self.brands,
            "sec-ch-ua-mobile": "?0",
            "X-Super-Properties": super_properties,
            "X-Discord-Locale": LOCALE,
            "User-Agent": self.user_agent,
            "Accept": "*/*",
            "Sec-Fetch-Site": "same-origin",
            "Sec-Fetch-Mode": "cors",
            "Sec-Fetch-Dest": "empty",
            "Referer": "https://discord.com/channels/@me",
            "Accept-Encoding": ACCEPT_ENCODING,
            "Accept-Language": ACCEPT_LANGUAGE,
            "Priority": "u=1, i",
        }

    def properties(self) -> dict[str, Any]:
        """Return what Discord's web client says of the browser, in its order."""
        return {
            "os": self.system.os,
            "browser": "Chrome",
            "device": "",
            "system_locale": LOCALE,
            "has_client_mods": False,
            "browser_user_agent": self.user_agent,
            "browser_version": self.version,
            "os_version": self.system.version,
            "referrer": "",
            "referring_domain": "",
            "referrer_current": "",
            "referring_domain_current": "",
            "release_channel": "stable",
        }


def browser(impersonate: str = "chrome", system: str | None = None) -> Browser:
    """Return the browser of this name, "chrome" for the newest whose handshakes are known. system:
    one of SYSTEMS; None: this machine's."""
    # It takes 50 ms to import, which only who connects to Discord should wait for.
    from curl_cffi.requests.impersonate import resolve_latest_browser_type

    # libcurl knows versions only, and answers "chrome" with an error code.
    latest: Callable[[str], str] = resolve_latest_browser_type
    target = latest(impersonate)
    version = re.search(r"[0-9]+", target)
    return Browser(
        target=target,
        major=int(version.group()) if version else 0,
        system=SYSTEMS.get(system or platform.system(), SYSTEMS["Linux"]),
    )
