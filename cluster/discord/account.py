"""IdentifyAccount: who identifies, and as what: a bot by its intents, a user client by its
capabilities, of which a bot may have some, too.

A bot names its library. A user client says what Discord's web client says in the browser whose
handshakes are ours (cluster/discord/browser.py). Automating a user account breaks Discord's Terms
of Service and can end that account.

Sources: Discord's documentation, "Gateway Events", "Identify"; for user accounts the unofficial
one: "Gateway Events", "Identify", and "Reference", "Client Properties".
"""

from __future__ import annotations

import base64
import hashlib
import os
import platform
import uuid
from typing import Any, Final, Literal, Self

import msgspec

from cluster.discord.browser import Browser
from cluster.errors import ConfigError

Kind = Literal["bot", "user"]

TERMS: Final = (
    "Automating a user account breaks Discord's Terms of Service and can end that account"
)
"""Warning that is given wherever a user account is started."""
LARGE_THRESHOLD: Final = 250
USER_API_VERSION: Final[Literal[9]] = 9
"""What Discord's own clients speak; bots speak 10."""
_LIBRARY: Final = "dcgw-cluster"
_OS: Final = {"Darwin": "macOS", "Linux": "Linux"}
_MOD_BITS: Final = sum(1 << bit for bit in (119, 108, 100, 91, 84, 75, 61, 55, 48, 38, 24, 11))
"""Bits of a launch signature that stand for modifications of the client: none of them is set."""
_UNKNOWN_PRESENCE: Final[dict[str, Any]] = {
    "status": "unknown",
    "since": 0,
    "activities": [],
    "afk": False,
}


class IdentifyAccount(msgspec.Struct, frozen=True, kw_only=True):
    """What an account asks for when it identifies. The token is not part of it."""

    kind: Kind = "bot"
    intents: int = 0
    """Bit mask; set for bots only."""
    capabilities: int = 0
    """Bit mask; a bot sends it only if it is not 0."""
    client_build_number: int = 0
    """Build of Discord's web client; set for user clients only."""
    presence: dict[str, Any] | None = None
    """Presence to identify with; None: a bot is shown as online, a user as it last was."""
    large_threshold: int = LARGE_THRESHOLD

    @classmethod
    def from_options(
        cls,
        *,
        intents: int | None = None,
        capabilities: int | None = None,
        client_build_number: int | None = None,
        presence: dict[str, Any] | None = None,
        large_threshold: int = LARGE_THRESHOLD,
    ) -> Self:
        """Return an account of the kind that the arguments say: intents make a bot, capabilities
        without them a user. ConfigError names what is of the one kind and of the other."""
        if intents is not None and client_build_number is not None:
            raise ConfigError(
                "intents and client_build_number are given",
                "intents are a bot's, client_build_number is a user account's: leave one side out",
            )
        if intents is not None:
            account = cls(
                intents=intents,
                capabilities=capabilities or 0,
                presence=presence,
                large_threshold=large_threshold,
            )
        elif capabilities is None:
            raise ConfigError(
                "neither intents nor capabilities are given",
                "a bot identifies with intents, a user account with capabilities",
            )
        else:
            account = cls(
                kind="user",
                capabilities=capabilities,
                client_build_number=client_build_number or 0,
                presence=presence,
                large_threshold=large_threshold,
            )
        account.check()
        return account

    def check(self) -> None:
        """Raise ConfigError for what a gateway could not take."""
        for name in ("intents", "capabilities", "client_build_number"):
            value = getattr(self, name)
            if type(value) is not int or not 0 <= value < 1 << 53:
                raise ConfigError(f"{name} is {value!r}", "give a whole number from 0 to 2**53 - 1")
        if self.kind == "user" and not self.client_build_number:
            raise ConfigError(
                "client_build_number is not set",
                "a user account needs that of Discord's web client of today, such as 500334",
            )

    def identify(
        self, token: str, browser: Browser, launch: str, shard: tuple[int, int] | None
    ) -> dict[str, Any]:
        """Return ``d`` of op 2. launch: what `new_launch` made, of this run of the client. shard:
        shard id and shard count, which a user account has none of."""
        if self.kind == "user":
            return self._as_user(token, browser, launch)
        d: dict[str, Any] = {
            "token": token,
            "intents": self.intents,
            # A bot names its library, and the same one in both places.
            "properties": {
                "os": _OS.get(platform.system(), platform.system()),
                "browser": _LIBRARY,
                "device": _LIBRARY,
            },
            "large_threshold": self.large_threshold,
        }
        if self.capabilities:
            d["capabilities"] = self.capabilities
        if shard is not None:
            d["shard"] = list(shard)
        if self.presence is not None:
            d["presence"] = self.presence
        return d

    def _as_user(self, token: str, browser: Browser, launch: str) -> dict[str, Any]:
        d: dict[str, Any] = {
            "token": token,
            "capabilities": self.capabilities,
            "properties": self.properties(browser, launch) | {"is_fast_connect": False},
            "presence": self.presence or _UNKNOWN_PRESENCE,
            "compress": False,
            "client_state": {"guild_versions": {}, "api_code_version": 0},
        }
        if self.large_threshold != LARGE_THRESHOLD:  # the web client names none: this is Discord's
            d["large_threshold"] = self.large_threshold
        return d

    def properties(self, browser: Browser, launch: str) -> dict[str, Any]:
        """Return a user client's properties, as IDENTIFY and X-Super-Properties have them."""
        return browser.properties() | {
            "client_build_number": self.client_build_number,
            "client_event_source": None,
            "client_launch_id": launch,
            "launch_signature": str(uuid.UUID(int=_derived(launch, "signature").int & ~_MOD_BITS)),
            "client_heartbeat_session_id": str(_derived(launch, "heartbeat")),
            "client_app_state": "focused",
        }

    def super_properties(self, browser: Browser, launch: str) -> str:
        """Return the value of the X-Super-Properties header."""
        made = msgspec.json.encode(self.properties(browser, launch))
        return base64.b64encode(made).decode()


def new_launch(random: bytes | None = None) -> str:
    """Return the id of a run of the client: a UUID from 16 random bytes."""
    return str(uuid.UUID(bytes=random if random is not None else os.urandom(16), version=4))


def _derived(launch: str, what: str) -> uuid.UUID:
    """Return another random id of a run of the client, the same in every process of it."""
    digest = hashlib.blake2b(f"{launch}/{what}".encode(), digest_size=16).digest()
    return uuid.UUID(bytes=digest, version=4)
