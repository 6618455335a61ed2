"""Every command as a method, written once for all who can send one.

GatewayClient has them, and the doors of ControlClient (``control.shard(3)``,
``control.guild(guild_id)``). Arguments are checked, and named in a CommandError, before anything is
sent.
"""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from cluster.commands import (
    checks,
    guilds,
    members,
    presence,
    sessions,
    streams,
    subscriptions,
    voice,
)
from cluster.commands.chunk_waiter import ChunkWaiter
from cluster.commands.command import Command, raw
from cluster.commands.member_chunks import MemberChunks, Members
from cluster.commands.presence import Activity
from cluster.commands.subscriptions import EVERYTHING, Subscription
from cluster.commands.voice import LobbyVoiceState
from cluster.discord.opcodes import Op

MEMBERS_S: Final = 60.0
"""Seconds that a request for members waits for its next chunk."""

Take = Callable[[str, bytes], None]
"""Told an event: its name and its ``d``."""


class Commands(ABC):
    """The commands of one session. Each method returns when its payload was handed to the
    connection, and raises CommandError (an argument), BusyError (too much waits already; it says
    when to try again) or NotSentError (the session is not there)."""

    @abstractmethod
    async def _send(self, command: Command) -> None:
        """Send it, or raise why it was not sent."""

    @abstractmethod
    def _watch(self, take: Take) -> AbstractAsyncContextManager[None]:
        """While it is entered, `take` is told every GUILD_MEMBERS_CHUNK and RATE_LIMITED of the
        session (others may come too), none left out; it does not raise."""

    # -- for bots and user accounts ------------------------------------------------------------

    async def update_presence(
        self,
        status: str = "online",
        *,
        activities: Iterable[Activity] = (),
        since: int | None = 0,
        afk: bool = False,
    ) -> None:
        """Op 3: what the account shows of itself. status: "online", "idle", "dnd", "invisible".
        activities: each with `name` and `type`. since: Unix ms since when it is idle."""
        made = presence.update_presence(status, activities=activities, since=since, afk=afk)
        await self._send(made)

    async def update_voice_state(
        self,
        guild_id: int | None,
        channel_id: int | None,
        *,
        self_mute: bool = False,
        self_deaf: bool = False,
        self_video: bool | None = None,
        preferred_region: str | None = None,
        preferred_regions: Iterable[str] | None = None,
        flags: int | None = None,
    ) -> None:
        """Op 4: join, move to or leave (channel_id None) a voice channel."""
        await self._send(
            voice.update_voice_state(
                guild_id,
                channel_id,
                self_mute=self_mute,
                self_deaf=self_deaf,
                self_video=self_video,
                preferred_region=preferred_region,
                preferred_regions=preferred_regions,
                flags=flags,
            )
        )

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
    ) -> Members:
        """Op 8: members of a guild, all chunks of them. Without query and user_ids: all members,
        once in 30 s a guild (BusyError says when it may be asked again).

        query: the beginning of a name, with limit (1 to 100). user_ids: at most 100. nonce: made
        unless given. patience: seconds that the next chunk may take; ClusterError says how many
        came.
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
        return await self._gather(made, MemberChunks(int(guild_id), nonce), patience)

    async def request_soundboard_sounds(self, guild_ids: Iterable[int]) -> None:
        """Op 31: answered by a SOUNDBOARD_SOUNDS for each guild."""
        await self._send(guilds.request_soundboard_sounds(guild_ids))

    async def request_channel_info(
        self, guild_id: int, fields: Iterable[str] = guilds.CHANNEL_FIELDS
    ) -> None:
        """Op 43: answered by CHANNEL_INFO. fields: "status", "voice_start_time"."""
        await self._send(guilds.request_channel_info(guild_id, fields))

    async def raw(self, op: int, d: Any = None) -> None:
        """Any op that is no affair of the session's own, with this ``d``."""
        await self._send(raw(op, d))

    # -- for user accounts: guilds -------------------------------------------------------------

    async def bulk_guild_subscribe(
        self,
        guild_ids: Iterable[int] | Mapping[int, Subscription],
        subscription: Subscription = EVERYTHING,
    ) -> None:
        """Op 37: subscribe to guilds, in as many payloads as they take."""
        for made in subscriptions.bulk_guild_subscribe(guild_ids, subscription):
            await self._send(made)

    async def guild_subscribe(self, guild_id: int, subscription: Subscription = EVERYTHING) -> None:
        """Op 14, which Discord deprecates: subscribe to one guild."""
        await self._send(subscriptions.guild_subscribe(guild_id, subscription))

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
        gathering = MemberChunks(int(guild_id), nonce, Op.SEARCH_RECENT_MEMBERS)
        return await self._gather(made, gathering, patience)

    async def request_forum_unreads(
        self, guild_id: int, channel_id: int, threads: Mapping[int, int | None]
    ) -> None:
        """Op 28: threads of a forum, each with the id of the message that was read last."""
        await self._send(guilds.request_forum_unreads(guild_id, channel_id, threads))

    async def get_deleted_entity_ids_not_matching_hash(
        self,
        guild_id: int,
        *,
        channel_ids_hash: int | str,
        role_ids_hash: int | str,
        emoji_ids_hash: int | str,
        sticker_ids_hash: int | str,
    ) -> None:
        """Op 30: answered by DELETED_ENTITY_IDS."""
        await self._send(
            guilds.get_deleted_entity_ids_not_matching_hash(
                guild_id,
                channel_ids_hash=channel_ids_hash,
                role_ids_hash=role_ids_hash,
                emoji_ids_hash=emoji_ids_hash,
                sticker_ids_hash=sticker_ids_hash,
            )
        )

    async def request_last_messages(self, guild_id: int, channel_ids: Iterable[int]) -> None:
        """Op 34: of at most 100 channels; answered by LAST_MESSAGES."""
        await self._send(guilds.request_last_messages(guild_id, channel_ids))

    async def request_channel_statuses(self, guild_id: int) -> None:
        """Op 36: answered by CHANNEL_STATUSES."""
        await self._send(guilds.request_channel_statuses(guild_id))

    async def resync_guild_channels(self, guild_id: int, channel_ids: Iterable[int]) -> None:
        """Op 38: answered by CHANNEL_SYNC."""
        await self._send(guilds.resync_guild_channels(guild_id, channel_ids))

    async def request_channel_member_count(self, guild_id: int, channel_id: int) -> None:
        """Op 39: answered by CHANNEL_MEMBER_COUNT_UPDATE."""
        await self._send(guilds.request_channel_member_count(guild_id, channel_id))

    # -- for user accounts: voice, streams, lobbies --------------------------------------------

    async def ping_voice_server(self) -> None:
        """Op 5."""
        await self._send(voice.ping_voice_server())

    async def request_call_connect(self, channel_id: int) -> None:
        """Op 13: answered by CALL_CREATE, if there is a call."""
        await self._send(voice.request_call_connect(channel_id))

    async def update_lobby_voice_states(self, states: Iterable[LobbyVoiceState]) -> None:
        """Op 17."""
        await self._send(voice.update_lobby_voice_states(states))

    async def ping_lobby_voice_server(self, lobby_id: int) -> None:
        """Op 42."""
        await self._send(voice.ping_lobby_voice_server(lobby_id))

    async def create_stream(
        self,
        type: str,
        channel_id: int,
        *,
        guild_id: int | None = None,
        preferred_region: str | None = None,
    ) -> None:
        """Op 18. type: "guild" (with guild_id) or "call"."""
        made = streams.create_stream(
            type, channel_id, guild_id=guild_id, preferred_region=preferred_region
        )
        await self._send(made)

    async def delete_stream(self, stream_key: str) -> None:
        """Op 19. stream_key: guild:GUILD:CHANNEL:OWNER or call:CHANNEL:OWNER."""
        await self._send(streams.delete_stream(stream_key))

    async def watch_stream(self, stream_key: str) -> None:
        """Op 20."""
        await self._send(streams.watch_stream(stream_key))

    async def ping_stream_server(self, stream_key: str) -> None:
        """Op 21."""
        await self._send(streams.ping_stream_server(stream_key))

    async def set_stream_paused(self, stream_key: str, paused: bool = True) -> None:
        """Op 22."""
        await self._send(streams.set_stream_paused(stream_key, paused))

    async def create_speed_test(self, preferred_region: str | None = None) -> None:
        """Op 32."""
        await self._send(voice.create_speed_test(preferred_region))

    async def delete_speed_test(self) -> None:
        """Op 33."""
        await self._send(voice.delete_speed_test())

    # -- for user accounts: the client itself --------------------------------------------------

    async def remote_command(self, target_session_id: str, payload: Any) -> None:
        """Op 29: to another session of the account, which gets REMOTE_COMMAND."""
        await self._send(sessions.remote_command(target_session_id, payload))

    async def qos_heartbeat(
        self, *, active: bool = True, reasons: Iterable[str] = ("foregrounded",)
    ) -> None:
        """Op 40, beside the session's own heartbeats. reasons: "foregrounded", "rtc_connected"."""
        await self._send(sessions.qos_heartbeat(active=active, reasons=reasons))

    async def update_time_spent_session_id(
        self, initialization_timestamp: int, session_id: str, client_launch_id: str
    ) -> None:
        """Op 41. initialization_timestamp: Unix ms; the ids are UUIDs."""
        made = sessions.update_time_spent_session_id(
            initialization_timestamp, session_id, client_launch_id
        )
        await self._send(made)

    # -- answers -------------------------------------------------------------------------------

    async def _gather(self, made: Command, gathering: MemberChunks, patience: float) -> Members:
        """Send it and wait for all of its answer; each chunk may take `patience` seconds."""
        patience = checks.seconds("patience", patience)
        waiter = ChunkWaiter(gathering)
        async with self._watch(waiter.take):
            await self._send(made)
            return await waiter.wait(patience)
