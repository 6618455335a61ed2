"""SandboxControl: the client of a sandbox's control server, a method a request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Self

import aiohttp

from cluster.errors import ClusterError

_PAGE = 10_000
_TIMEOUT_S = 60.0


class SandboxRefusedError(ClusterError):
    """The sandbox did not take a control request; the cause names the field."""


class SandboxControl:
    """An asynchronous client of one sandbox's control server.

    Use it as an asynchronous context manager, or ``close`` it. Every method raises
    SandboxRefusedError for what the sandbox does not take, aiohttp.ClientError when there is no
    sandbox.
    """

    def __init__(self, control_url: str, control_token: str) -> None:
        self._url = control_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {control_token}"}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _ask(
        self, method: str, path: str, body: Any = None, query: dict[str, Any] | None = None
    ) -> Any:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers=self._headers, timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S)
            )
        params = {name: str(value) for name, value in (query or {}).items() if value is not None}
        async with self._session.request(
            method, self._url + path, json=body, params=params
        ) as response:
            answer = await response.json()
        if response.status != 200:
            raise SandboxRefusedError(f"the sandbox refused {method} {path}", answer["error"])
        return answer

    async def traffic(
        self, *, rate: float | None = None, mix: dict[str, float] | None = None
    ) -> float:
        """Set the traffic: world events a second, and weights by event name. Return the rate."""
        body = {"rate": rate, "mix": mix}
        answer = await self._ask(
            "POST", "/traffic", {key: value for key, value in body.items() if value is not None}
        )
        return float(answer["rate"])

    async def emit(
        self,
        name: str,
        guild_id: int | str | None = None,
        count: int = 1,
        shard: int | tuple[int, int] | None = None,
        *,
        direct: bool = False,
    ) -> dict[str, int]:
        """Let an event happen ``count`` times.

        Return how often each name happened: some events need another one first.

        guild_id, shard: where; neither: anywhere. direct: in a direct message.
        """
        body: dict[str, Any] = {"name": name, "count": count}
        if guild_id is not None:
            body["guild_id"] = str(guild_id)
        if shard is not None:
            body["shard"] = shard
        if direct:
            body["direct"] = True
        answer: dict[str, int] = (await self._ask("POST", "/emit", body))["events"]
        return answer

    async def access(self, guild_id: int | str, **change: Any) -> dict[str, int]:
        """Change what the bot may view; return how often each event happened.

        change: ``role_id`` and ``permissions``, ``channel_id`` and ``overwrites``, or
        ``bot_roles``; ids and permissions as decimal strings.
        """
        body = {"guild_id": str(guild_id)} | change
        answer: dict[str, int] = (await self._ask("POST", "/access", body))["events"]
        return answer

    async def fault(self, **spec: Any) -> dict[str, Any]:
        """Let a fault happen, ``fault(kind="cut", how="rst", shard=3)``; return what was done."""
        answer: dict[str, Any] = await self._ask("POST", "/faults", spec)
        return answer

    async def faults(self) -> list[dict[str, Any]]:
        """Every fault so far, with the moment and whom it met."""
        answer: list[dict[str, Any]] = (await self._ask("GET", "/faults"))["applied"]
        return answer

    async def clear_faults(self) -> None:
        """End every fault that lasts."""
        await self._ask("DELETE", "/faults")

    async def state(self) -> dict[str, Any]:
        """Traffic, limits, sessions, connections and counters (docs/sandbox.md)."""
        answer: dict[str, Any] = await self._ask("GET", "/state")
        return answer

    async def ledger_summary(self) -> dict[str, int]:
        answer: dict[str, int] = await self._ask("GET", "/ledger")
        return answer

    async def ledger_world(self, after: int = 0, limit: int = _PAGE) -> list[dict[str, Any]]:
        """Return a page of rows {n, name, guild_id, hash, at} with n > after."""
        query = {"after": after, "limit": limit}
        rows: list[dict[str, Any]] = (await self._ask("GET", "/ledger/world", query=query))["rows"]
        return rows

    async def ledger_dispatches(
        self,
        after: int = 0,
        limit: int = _PAGE,
        shard: int | None = None,
        session: str | None = None,
    ) -> list[dict[str, Any]]:
        """Return a page of rows {n, shard, shard_count, session, s, name, hash, at, replayed?}."""
        query = {"after": after, "limit": limit, "shard": shard, "session": session}
        answer = await self._ask("GET", "/ledger/dispatches", query=query)
        rows: list[dict[str, Any]] = answer["rows"]
        return rows

    async def all_dispatches(self, shard: int | None = None) -> AsyncIterator[dict[str, Any]]:
        """Yield every row of the dispatch ledger, read page by page."""
        after = 0
        while rows := await self.ledger_dispatches(after, shard=shard):
            for row in rows:
                yield row
            after = rows[-1]["n"]

    async def quiesce(self) -> dict[str, Any]:
        """Stop the traffic and wait until all that was dispatched has left; return the counts.

        SandboxRefusedError: a client does not read (30 s).
        """
        answer: dict[str, Any] = await self._ask("POST", "/quiesce")
        return answer

    async def sessions(self, after: int = 0) -> list[dict[str, Any]]:
        """Every session with n > after, in the order in which they began (docs/sandbox.md)."""
        answer = await self._ask("GET", "/sessions", query={"after": after})
        rows: list[dict[str, Any]] = answer["sessions"]
        return rows

    async def commands(self) -> list[dict[str, Any]]:
        """What clients have sent besides heartbeats, without tokens."""
        answer: list[dict[str, Any]] = (await self._ask("GET", "/commands"))["commands"]
        return answer

    async def token(self) -> str:
        """The bot's present token; another than at start once the daily limit was passed."""
        return str((await self._ask("GET", "/token"))["token"])
