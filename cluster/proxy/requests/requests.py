"""Requests: takes what clients ask, and has it sent."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, Final

import msgspec

from cluster.commands import Command, NotSentError
from cluster.control import ControlClient
from cluster.decode_errors import MALFORMED
from cluster.discord.limits import shard_of_guild
from cluster.discord.opcodes import Op
from cluster.errors import ClusterError
from cluster.proxy.interfaces import Session
from cluster.proxy.refusal import Refused
from cluster.proxy.requests import nonces, payloads
from cluster.proxy.requests.answers import Answers
from cluster.proxy.requests.counts import RequestCounts
from cluster.proxy.requests.lanes import MOST_OF_SESSION, Lanes, Request
from cluster.proxy.requests.open_requests import OpenRequests
from cluster.proxy.requests.sender import Sender
from cluster.proxy.requests.shown import Shown
from cluster.proxy.requests.store import NONCES_S, RequestStoreError, Store
from cluster.proxy.requests.unsent import Unsent
from cluster.proxy.requests.voices import Voices

log = logging.getLogger(__name__)

PATIENCE_S: Final = 120.0
"""Seconds within which a request is sent, or given up: a session is back long before that."""
LIMITED_S: Final = 600.0
"""The same where Discord's limits alone hold it up: all members of a guild may be asked for once in
30 s, by whomever."""
LOOK_S: Final = 1.0
TOO_MANY: Final = NotSentError(
    f"the session has {MOST_OF_SESSION} requests waiting", "it asks too much while a shard is away"
)


class Requests:
    """What the clients of one proxy process ask of Discord; an interfaces.Commands. `asked` says
    whose the answers are."""

    def __init__(
        self,
        control: ControlClient,
        folder: Path,
        *,
        shard_count: Callable[[], int],
        process: int = 0,
        clock: Callable[[], float] = time.monotonic,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """folder: where the proxy's processes of this host keep what outlives them; it is there.
        shard_count: that of the cluster, which is in force. process: the number of this one among
        them. clock: monotonic seconds. now_ns: Unix time. RequestStoreError."""
        self._count_in_force = shard_count
        self._known_count = shard_count()
        self._clock = clock
        self._now_ns = now_ns
        self._store = Store(folder)
        self._lanes = Lanes()
        self._open = OpenRequests()
        self._unsent = Unsent()
        self._sent_count = 0
        self._prune_at = clock()
        self._shown = Shown(self._store, process, now_ns)
        self._voices = Voices(self._store, process, leave=self._leave, clock=clock)
        self._voices.begin()
        self.asked = Answers(self._store, self._open, clock)
        self._sender = Sender(
            control,
            self._lanes,
            self._shown.queue,
            shown=lambda shard_id: self._shown.command(shard_id, self._look_at_plan()),
            sent=self._sent,
            given_up=self._given_up,
            unsent=self._unsent,
            clock=clock,
        )
        self._handlers: dict[int, Callable[[Session, Any], None]] = {
            Op.PRESENCE_UPDATE: self._presence,
            Op.VOICE_STATE_UPDATE: self._voice,
            Op.REQUEST_GUILD_MEMBERS: self._members,
            Op.REQUEST_SOUNDBOARD_SOUNDS: self._sounds,
            Op.REQUEST_CHANNEL_INFO: self._channel_info,
        }

    async def run(self) -> None:
        """Send what clients ask, until this is cancelled."""
        self._shown.begin(self._known_count, self._clock())
        async with asyncio.TaskGroup() as group:
            group.create_task(self._sender.run(), name="requests")
            group.create_task(self._look(), name="upkeep of requests")

    def close(self) -> None:
        """Close what is open; call it once `run` has ended."""
        self._store.close()

    def counts(self) -> RequestCounts:
        """Return what is counted."""
        return RequestCounts(
            len(self._lanes),
            len(self._shown.queue),
            len(self._open),
            self._sent_count,
            self._unsent.count,
            self.asked.unread,
        )

    # -- what the server says --------------------------------------------------------------------

    def identified(self, session: Session) -> None:
        """See interfaces.Commands."""
        if session.predecessor:
            self._over(session.predecessor)
        if session.identify.presence is not None:
            self._presence_of_identify(session, session.identify.presence)

    def resumed(self, session: Session) -> None:
        """See interfaces.Commands."""
        self._voices.back(session.id)

    def received(self, session: Session, op: int, d: Any) -> None:
        """See interfaces.Commands."""
        payloads.check_form(op, d)
        self._handlers[op](session, d)

    def detached(self, session: Session, *, over: bool) -> None:
        """See interfaces.Commands."""
        if over:
            self._over(session.id)
        else:
            self._voices.absent(session.id)

    def shard_ready(self, shard_id: int, shard_count: int) -> None:
        """See interfaces.Commands."""
        if shard_count != self._look_at_plan():
            return  # commands go to the count that is in force
        now = self._clock()
        self._shown.begun_anew(shard_id, shard_count, now)
        for request in self._open.lost(shard_id, shard_count, now):
            request.expires, request.latest = now + PATIENCE_S, now + LIMITED_S
            request.tries = 0
            self._put(request)
        self._sender.wake()

    # -- what clients ask ------------------------------------------------------------------------

    def _presence(self, session: Session, d: Any) -> None:
        made = payloads.presence(d)
        self._shown.ask(session.identify, made, self._look_at_plan(), self._clock())
        self._sender.wake()

    def _presence_of_identify(self, session: Session, presence: msgspec.Raw) -> None:
        try:
            d = msgspec.json.decode(presence)
            payloads.check_form(Op.PRESENCE_UPDATE, d)
            made = payloads.presence(d)
        except (*MALFORMED, Refused) as error:
            # The client has its session already.
            log.warning("the presence of an IDENTIFY is none that can be passed on (%s)", error)
            return
        if not self._shown.is_shown(session.identify, made):
            self._presence(session, d)

    def _voice(self, session: Session, d: Any) -> None:
        request = payloads.voice(d)
        if request is None:
            return
        self._voices.asked(session.id, request)
        self._ask(session, request.guild_id, request.command, order=request.guild_id)

    def _members(self, session: Session, d: Any) -> None:
        request = payloads.members(d, session.identify.intents)
        nonce = nonces.write(session.id, request.nonce)
        if nonce is None:
            assert request.nonce is not None  # there is none that would be too long
            try:
                number = self._store.keep_nonce(request.nonce, self._now_ns())
            except RequestStoreError as error:
                self._unsent.note(Op.REQUEST_GUILD_MEMBERS, session.identify.client, error)
                return
            nonce = nonces.write_kept(session.id, number)
        command = payloads.members_command(request, nonce)
        self._ask(session, request.guild_id, command, keys=((nonce, request.guild_id),))

    def _sounds(self, session: Session, d: Any) -> None:
        by_shard: defaultdict[int, list[int]] = defaultdict(list)
        for guild_id in payloads.sounds_asked(d):
            by_shard[shard_of_guild(guild_id, self._look_at_plan())].append(guild_id)
        for guild_ids in by_shard.values():
            keys = tuple(("SOUNDBOARD_SOUNDS", guild_id) for guild_id in guild_ids)
            for key in keys:
                self.asked.expect(*key, session.id)
            self._ask(session, guild_ids[0], payloads.sounds_command(guild_ids), keys=keys)

    def _channel_info(self, session: Session, d: Any) -> None:
        guild_id, command = payloads.channel_info(d)
        key = ("CHANNEL_INFO", guild_id)
        self.asked.expect(*key, session.id)
        self._ask(session, guild_id, command, keys=(key,))

    def _ask(
        self,
        session: Session,
        guild_id: int,
        command: Command,
        *,
        order: int | None = None,
        keys: tuple[Hashable, ...] = (),
    ) -> None:
        client = session.identify.client
        self._put(self._request(session.id, guild_id, command, client, order=order, keys=keys))

    def _leave(self, session_id: str, guild_id: int) -> None:
        """Have the bot leave voice, for a session that is no more."""
        command = payloads.leave(guild_id)
        self._put(self._request(session_id, guild_id, command, order=guild_id))

    def _request(
        self,
        session_id: str,
        guild_id: int,
        command: Command,
        client: str = "",
        *,
        order: int | None,
        keys: tuple[Hashable, ...] = (),
    ) -> Request:
        now = self._clock()
        return Request(
            command,
            session_id=session_id,
            guild_id=guild_id,
            lane=shard_of_guild(guild_id, self._look_at_plan()),
            expires=now + PATIENCE_S,
            latest=now + LIMITED_S,
            client=client,
            order=order,
            keys=keys,
        )

    def _over(self, session_id: str) -> None:
        """Nobody waits for the answers of a session any more, and its place in voice is free."""
        self._lanes.forget(session_id)
        self._open.forget(session_id)
        self._voices.over(session_id)

    # -- sending ---------------------------------------------------------------------------------

    def _put(self, request: Request) -> None:
        if not self._lanes.put(request):
            self._unsent.note(request.op, request.client, TOO_MANY)
        self._sender.wake()

    def _sent(self, request: Request) -> None:
        self._sent_count += 1
        for key in request.keys:
            self._open.sent(key, request, self._clock())

    def _given_up(self, request: Request, error: ClusterError) -> None:
        self._unsent.note(request.op, request.client, error)

    def _look_at_plan(self) -> int:
        """Return the shard count that is in force; where it is another than before, its shards are
        told their presences."""
        count = self._count_in_force()
        if count != self._known_count:
            self._known_count = count
            self._shown.begin(count, self._clock())
            self._sender.wake()
        return count

    async def _look(self) -> None:
        """Do what has its time."""
        while True:
            await asyncio.sleep(LOOK_S)
            now = self._clock()
            self._look_at_plan()
            self._voices.look()
            self._unsent.say(now)
            if now >= self._prune_at:
                self._prune_at = now + NONCES_S
                try:
                    self._store.forget_nonces(self._now_ns())
                except RequestStoreError as error:
                    log.warning("old nonces are kept: %s", error)
