"""Every command as a method, for all who can send one.

GatewayClient has them, and ``control.shard(3)`` and ``control.guild(guild_id)`` of a ControlClient.
Parameters, defaults and documentation of a method are those of the function that makes its payload;
only what awaits an answer is written out here. Arguments are checked, and named in a CommandError,
before anything is sent.
"""

from __future__ import annotations

import functools
import inspect
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any, Concatenate, Final, ParamSpec

from cluster.commands import (
    checks,
    command,
    guilds,
    members,
    presence,
    sessions,
    streams,
    subscriptions,
    voice,
)
from cluster.commands.chunk_waiter import ChunkWaiter, OnChunk
from cluster.commands.command import Command
from cluster.commands.member_chunks import MemberChunks, Members
from cluster.discord.opcodes import Op

MEMBERS_S: Final = 60.0
"""Seconds that a request for members waits for its next chunk."""

Take = Callable[[str, bytes], None]
"""Called with an event's name and its ``d``."""
P = ParamSpec("P")


def method(
    make: Callable[P, Command | list[Command]],
) -> Callable[Concatenate[Commands, P], Coroutine[Any, Any, None]]:
    """Return a method that sends what `make` returns, with the name, parameters and docstring of
    `make`."""

    @functools.wraps(make)
    async def send(self: Commands, /, *args: P.args, **kwargs: P.kwargs) -> None:
        made = make(*args, **kwargs)
        for payload in made if isinstance(made, list) else (made,):
            await self._send(payload)

    written = inspect.signature(make)
    itself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    signature = written.replace(
        parameters=(itself, *written.parameters.values()), return_annotation=None
    )
    send.__qualname__ = f"Commands.{make.__name__}"
    send.__module__ = __name__
    send.__dict__["__signature__"] = signature  # what help() shows
    return send


class Commands(ABC):
    """The commands of one session. Each method returns when its payload was handed to the
    connection, and raises CommandError (an argument), BusyError (too much waits already; it says
    when to try again) or NotSentError (the session is not there)."""

    @abstractmethod
    async def _send(self, command: Command) -> None:
        """Send it, or raise why it was not sent."""

    @abstractmethod
    def _watch(self, take: Take) -> AbstractAsyncContextManager[None]:
        """While it is entered, `take` is called with every GUILD_MEMBERS_CHUNK and RATE_LIMITED of
        the session (others may come too), none left out; `take` does not raise."""

    # -- for bots and user accounts ------------------------------------------------------------

    update_presence = method(presence.update_presence)
    update_voice_state = method(voice.update_voice_state)
    request_soundboard_sounds = method(guilds.request_soundboard_sounds)
    request_channel_info = method(guilds.request_channel_info)
    raw = method(command.raw)

    async def request_guild_members(
        self,
        guild_id: int,
        *,
        query: str | None = None,
        limit: int | None = None,
        user_ids: Iterable[int] | None = None,
        presences: bool = False,
        nonce: str | None = None,
        patience: float = MEMBERS_S,
        on_chunk: OnChunk | None = None,
    ) -> Members:
        """Op 8: members of a guild, all chunks of them. Without query and user_ids: all members,
        once in 30 s a guild (BusyError says when it may be asked again).

        query: the beginning of a name, with limit (1 to 100). user_ids: at most 100. nonce: made
        unless given. patience: seconds that the next chunk may take; ClusterError says how many
        came. on_chunk: called when one came, with how many are here and how many there will be.
        """
        nonce = secrets.token_hex(16) if nonce is None else nonce
        made = members.request_guild_members(
            guild_id,
            query=query,
            limit=limit,
            user_ids=user_ids,
            presences=presences,
            nonce=nonce,
        )
        return await self._gather(made, MemberChunks(int(guild_id), nonce), patience, on_chunk)

    # -- for user accounts: guilds -------------------------------------------------------------

    bulk_guild_subscribe = method(subscriptions.bulk_guild_subscribe)
    guild_subscribe = method(subscriptions.guild_subscribe)
    request_forum_unreads = method(guilds.request_forum_unreads)
    get_deleted_entity_ids_not_matching_hash = method(
        guilds.get_deleted_entity_ids_not_matching_hash
    )
    request_last_messages = method(guilds.request_last_messages)
    request_channel_statuses = method(guilds.request_channel_statuses)
    resync_guild_channels = method(guilds.resync_guild_channels)
    request_channel_member_count = method(guilds.request_channel_member_count)

    async def search_recent_members(
        self,
        guild_id: int,
        query: str = "",
        *,
        continuation_token: int | None = None,
        nonce: str | None = None,
        patience: float = MEMBERS_S,
    ) -> Members:
        """Op 35: the members that joined last, up to 1,000, or the one of this name."""
        nonce = secrets.token_hex(16) if nonce is None else nonce
        made = members.search_recent_members(
            guild_id, query, continuation_token=continuation_token, nonce=nonce
        )
        chunks = MemberChunks(int(guild_id), nonce, Op.SEARCH_RECENT_MEMBERS)
        return await self._gather(made, chunks, patience)

    # -- for user accounts: voice, streams, lobbies --------------------------------------------

    ping_voice_server = method(voice.ping_voice_server)
    request_call_connect = method(voice.request_call_connect)
    update_lobby_voice_states = method(voice.update_lobby_voice_states)
    ping_lobby_voice_server = method(voice.ping_lobby_voice_server)
    create_stream = method(streams.create_stream)
    delete_stream = method(streams.delete_stream)
    watch_stream = method(streams.watch_stream)
    ping_stream_server = method(streams.ping_stream_server)
    set_stream_paused = method(streams.set_stream_paused)
    create_speed_test = method(voice.create_speed_test)
    delete_speed_test = method(voice.delete_speed_test)

    # -- for user accounts: the client itself --------------------------------------------------

    remote_command = method(sessions.remote_command)
    qos_heartbeat = method(sessions.qos_heartbeat)
    update_time_spent_session_id = method(sessions.update_time_spent_session_id)

    # -- answers -------------------------------------------------------------------------------

    async def _gather(
        self,
        request: Command,
        chunks: MemberChunks,
        patience: float,
        on_chunk: OnChunk | None = None,
    ) -> Members:
        """Send the request and wait for all of its answer; each chunk may take `patience`
        seconds."""
        patience = checks.seconds("patience", patience)
        waiter = ChunkWaiter(chunks, on_chunk)
        async with self._watch(waiter.take):
            await self._send(request)
            return await waiter.wait(patience)
