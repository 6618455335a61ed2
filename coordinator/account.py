"""The account that the cluster runs for, and where Discord is: from the spec, or from a sandbox."""

from __future__ import annotations

import hashlib
from typing import Literal, Self

import msgspec

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.discord import gateway_bot
from cluster.discord.account import new_launch
from cluster.discord.gateway_bot import GatewayInfo
from cluster.sandbox.options import SandboxInfo


class ApiAccount(msgspec.Struct, frozen=True, kw_only=True):
    """All that it takes to ask the API of Discord, or of a sandbox."""

    kind: Literal["bot", "user"]
    token: str
    api_url: str
    api_version: int
    ca_file: str
    client_build_number: int = 0
    """The build number of the web client that a user account says it is."""
    launch: str = ""
    """Id of this run of the client, the same in all its processes."""
    run: str = ""
    """What tells a sandbox's account from that of the sandbox before: its budget and sessions are
    new. Empty for Discord's."""

    @classmethod
    def from_spec(cls, spec: CoordinatorSpec, sandbox: SandboxInfo | None, started: float) -> Self:
        """Make the account of a spec, or of the sandbox that stands in for Discord. started: Unix
        seconds of this coordinator's start."""
        return cls(
            kind=spec.account,
            token=_token(spec, sandbox),
            api_url=sandbox.api_url if sandbox else spec.api_url,
            api_version=spec.api_version,
            ca_file=sandbox.ca_file if sandbox else spec.ca_file,
            client_build_number=spec.client_build_number,
            launch=new_launch(),
            run=f"{started}" if sandbox else "",
        )

    def __repr__(self) -> str:
        return f"ApiAccount(kind={self.kind!r}, api_url={self.api_url!r}, token=<hidden>)"

    def key(self, store_id: str) -> str:
        """Return the account's name in the ledger, which tells nothing of the token. A bot's token
        begins with the bot's id, which stays when the token is reset, as the daily limit does."""
        account = self.token.partition(".")[0] if "." in self.token else self.token
        text = "\n".join((self.api_url, account, self.run)).encode()
        return hashlib.blake2b(text, key=store_id.encode(), digest_size=8).hexdigest()

    async def fetch(self, attempts: int = gateway_bot.ATTEMPTS) -> GatewayInfo:
        """Ask GET /gateway/bot, or /gateway for a user account, at most so many times. Raises what
        cluster.discord.gateway_bot.fetch raises."""
        return await gateway_bot.fetch(
            api_url=self.api_url,
            api_version=self.api_version,
            token=self.token,
            account=self.kind,
            client_build_number=self.client_build_number,
            launch=self.launch,
            ca_file=self.ca_file,
            attempts=attempts,
        )


def _token(spec: CoordinatorSpec, sandbox: SandboxInfo | None) -> str:
    if sandbox is None:
        return spec.token
    return sandbox.token if spec.account == "bot" else sandbox.user_token
