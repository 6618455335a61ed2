"""Answers: which answers of Discord are whose.

Chunks of members and RATE_LIMITED carry the proxy's nonce, which says who asked (nonces.py), in any
process and at any time. The others carry a guild only: SOUNDBOARD_SOUNDS and CHANNEL_INFO are for
all sessions of this process that have asked for it since the last, VOICE_SERVER_UPDATE for the one
that asked last for voice there (store.py). Whose an event is, is decided once, when the first
session wants to know: a session that resumes is given the same again.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Literal, NamedTuple

import msgspec

from cluster.decode_errors import MALFORMED, decoded, worth_saying
from cluster.discord.limits import shard_of_guild
from cluster.discord.opcodes import Op
from cluster.gateway_server.snowflakes import snowflake
from cluster.proxy.entry import Entry
from cluster.proxy.interfaces import Identified
from cluster.proxy.requests.nonces import Nonce, read, tag_of
from cluster.proxy.requests.open_requests import OpenRequests
from cluster.proxy.requests.store import RequestStoreError, Store
from cluster.proxy.view.event_guild import guild_of
from cluster.wire.position import Position

log = logging.getLogger(__name__)

MOST_DECIDED: Final = 8192
"""Answers of which it is known for how many back whose they are; each takes some 400 bytes."""
ASKED_S: Final = 120.0
"""Seconds for which an answer that carries no nonce is expected: as long as a request waits for its
shard, and then some."""
MOST_ASKED: Final = 10_000
"""Guilds for which answers without a nonce are expected."""
_NONCE: Final = "nonce"

Fields = dict[str, msgspec.Raw]
Unclear = Literal["nobody", "routed"]


class Asked(NamedTuple):
    """Whose an answer is: of these sessions."""

    sessions: frozenset[str]


Owner = Nonce | Asked | Unclear
"""Whose an answer is; "routed": of all sessions that have the guild."""


class _Meta(msgspec.Struct, frozen=True):
    guild_id: str | int | None = None
    nonce: str | int | None = None


class _Chunk(msgspec.Struct):
    nonce: str | int | None = None
    chunk_index: int = 0
    chunk_count: int = 1


class _Limited(msgspec.Struct):
    opcode: int = 0
    meta: _Meta = _Meta()


_chunk: Final = msgspec.json.Decoder(_Chunk)
_limited: Final = msgspec.json.Decoder(_Limited)
_fields: Final = msgspec.json.Decoder(Fields)


class Answers:
    """Which answers of Discord are whose; an interfaces.Asked."""

    def __init__(
        self, store: Store, open_requests: OpenRequests, clock: Callable[[], float]
    ) -> None:
        """open_requests: is told what was answered. clock: monotonic seconds."""
        self._store = store
        self._open = open_requests
        self._clock = clock
        self._decided: OrderedDict[Position, Owner] = OrderedDict()
        self._asked: OrderedDict[tuple[str, int], dict[str, float]] = OrderedDict()
        """By event and guild: the sessions that have asked, and when."""
        self._rules: dict[str, Callable[[Entry], Owner]] = {
            "GUILD_MEMBERS_CHUNK": self._of_chunk,
            "RATE_LIMITED": self._of_limit,
            "SOUNDBOARD_SOUNDS": self._of_asked,
            "CHANNEL_INFO": self._of_asked,
            "VOICE_SERVER_UPDATE": self._of_voice,
        }
        self.unread = 0
        """Answers that could not be read, and were given to nobody."""

    def expect(self, name: str, guild_id: int, session_id: str) -> None:
        """A session has asked for what this event of this guild answers."""
        asked = self._asked.setdefault((name, guild_id), {})
        asked[session_id] = self._clock()
        self._asked.move_to_end((name, guild_id))
        if len(self._asked) > MOST_ASKED:
            self._asked.popitem(last=False)

    def answer(self, session: Identified, entry: Entry) -> bytes | None:
        """See interfaces.Asked."""
        owner = self._owner(entry)
        if isinstance(owner, Nonce):
            return self._put_back(owner, entry) if owner.tag == tag_of(session.id) else None
        if isinstance(owner, Asked):
            return entry.tail if _is_one_of(session, owner.sessions) else None
        return entry.tail if owner == "routed" and _has_guild(session, entry) else None

    def _owner(self, entry: Entry) -> Owner:
        position = entry.event.position
        owner = self._decided.get(position)
        if owner is not None:
            return owner
        try:
            owner = self._rules[entry.name](entry)
        except MALFORMED as error:
            owner = "nobody"
            self.unread += 1
            if worth_saying(self.unread):
                log.warning("%s can't be read, nobody gets it (%s)", entry.name, error)
        self._decided[position] = owner
        if len(self._decided) > MOST_DECIDED:
            self._decided.popitem(last=False)
        return owner

    def _of_chunk(self, entry: Entry) -> Owner:
        chunk = decoded(_chunk.decode, entry.data)
        nonce = read(chunk.nonce)
        if nonce is None:
            return "nobody"
        key = chunk.nonce, guild_of(entry)
        self._open.answered(key, chunk.chunk_index, chunk.chunk_count)
        return nonce

    def _of_limit(self, entry: Entry) -> Owner:
        limited = decoded(_limited.decode, entry.data)
        nonce = read(limited.meta.nonce)
        if nonce is None or limited.opcode != Op.REQUEST_GUILD_MEMBERS:
            return "nobody"
        self._open.answered((limited.meta.nonce, snowflake(limited.meta.guild_id)))
        return nonce

    def _of_asked(self, entry: Entry) -> Owner:
        guild_id = guild_of(entry)
        if guild_id is None:
            return "nobody"
        self._open.answered((entry.name, guild_id))
        asked = self._asked.pop((entry.name, guild_id), {})
        since = self._clock() - ASKED_S
        return Asked(frozenset(one for one, at in asked.items() if at >= since))

    def _of_voice(self, entry: Entry) -> Owner:
        guild_id = guild_of(entry)
        if guild_id is None:
            return "nobody"
        try:
            voice = self._store.voice(guild_id)
        except RequestStoreError as error:
            log.warning("VOICE_SERVER_UPDATE goes to all that have guild %d: %s", guild_id, error)
            return "routed"
        return "routed" if voice is None else Asked(frozenset((voice.session_id,)))

    def _put_back(self, nonce: Nonce, entry: Entry) -> bytes:
        """Return the tail of an answer with the client's own nonce in place of the proxy's."""
        own = nonce.own
        if nonce.kept is not None:
            try:
                own = self._store.nonce(nonce.kept)
            except RequestStoreError as error:
                log.warning("a %s goes out without its nonce: %s", entry.name, error)
        fields = decoded(_fields.decode, entry.data)
        if entry.name == "RATE_LIMITED":
            fields["meta"] = _with_nonce(decoded(_fields.decode, bytes(fields["meta"])), own)
            made = msgspec.json.encode(fields)
        else:
            made = bytes(_with_nonce(fields, own))
        return b',"op":0,"d":%b}' % made


def _with_nonce(fields: Fields, own: str | None) -> msgspec.Raw:
    """Return an object with another nonce, or without one; the rest stays as it is written."""
    if own is None:
        del fields[_NONCE]
    else:
        fields[_NONCE] = msgspec.Raw(msgspec.json.encode(own))
    return msgspec.Raw(msgspec.json.encode(fields))


def _is_one_of(session: Identified, sessions: frozenset[str]) -> bool:
    return session.id in sessions or (bool(session.predecessor) and session.predecessor in sessions)


def _has_guild(session: Identified, entry: Entry) -> bool:
    guild_id = guild_of(entry)
    shard = session.identify
    return guild_id is not None and (shard_of_guild(guild_id, shard.shard_count) == shard.shard_id)
