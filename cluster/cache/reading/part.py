"""Part: one object of the cache, as JSON and typed."""

from __future__ import annotations

from typing import Any, Final, Generic, TypeVar

import msgspec

from cluster.cache.errors import CacheError
from cluster.cache.kinds import Kind
from cluster.decode_errors import MALFORMED, UNFIT, decoded, without_lone_surrogates
from cluster.events.base import Object
from cluster.events.objects.channels import Channel
from cluster.events.objects.expressions import Emoji, SoundboardSound, Sticker
from cluster.events.objects.gateway import GatewayApplication, GatewayGuild
from cluster.events.objects.members import Member, Role
from cluster.events.objects.presences import Presence
from cluster.events.objects.schedule import ScheduledEvent, StageInstance
from cluster.events.objects.users import User
from cluster.events.objects.voice import VoiceState
from cluster.events.salvage import Refused, Salvage, decoder_of

Typed = TypeVar("Typed", bound=Object)


class Bot(Object):
    """What READY says of the bot."""

    user: User
    application: GatewayApplication


CLASSES: Final[dict[Kind, type[Object]]] = {
    Kind.GUILD: GatewayGuild,
    Kind.CHANNEL: Channel,
    Kind.THREAD: Channel,
    Kind.ROLE: Role,
    Kind.EMOJI: Emoji,
    Kind.STICKER: Sticker,
    Kind.STAGE_INSTANCE: StageInstance,
    Kind.SCHEDULED_EVENT: ScheduledEvent,
    Kind.SOUNDBOARD_SOUND: SoundboardSound,
    Kind.VOICE_STATE: VoiceState,
    Kind.MEMBER: Member,
    Kind.PRESENCE: Presence,
}
"""The class of each kind of part."""


class Part(Generic[Typed]):
    """One object. ``raw`` is its JSON, as Discord wrote it where nothing was merged into it."""

    __slots__ = ("_cls", "raw")

    def __init__(self, cls: type[Typed], raw: bytes) -> None:
        self.raw = raw
        self._cls = cls

    def json(self) -> Any:
        """Return it decoded. Raises decode_errors.MALFORMED for what is nested too deep."""
        return decoded(msgspec.json.decode, self.raw)

    def typed(self) -> Typed:
        """Return it as an object of its class. A field that does not fit is UNSET, and counted in
        `status` (``misfits``) as one of an event is. Raises CacheError: it is no object."""
        try:
            found: Typed = decoder_of(self._cls)(self.raw)
        except MALFORMED:
            return self._salvaged()
        return found

    def _salvaged(self) -> Typed:
        salvage, name = Salvage(), self._cls.__name__
        try:
            found: Typed = salvage.part(self._cls, without_lone_surrogates(self.raw))
        except Refused as refused:
            raise CacheError(
                f"a {name} of the cache is none: {refused.reason}", "`raw` has what is there"
            ) from refused
        if salvage.misfits:
            UNFIT.note(name, (misfit.place for misfit in salvage.misfits))
        return found

    def __repr__(self) -> str:
        return f"Part({self._cls.__name__}, {len(self.raw)} bytes)"
