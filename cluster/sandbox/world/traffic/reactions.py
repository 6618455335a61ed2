"""Reactions and votes: only on messages that are there, removed only after they were added."""

from __future__ import annotations

from typing import Final

from cluster.discord.intents import Intents
from cluster.sandbox.world.event import WorldEvent
from cluster.sandbox.world.scene import Handler, Scene
from cluster.sandbox.world.state import Guild, Message, encode
from cluster.sandbox.world.traffic.messages import a_message
from cluster.sandbox.world.traffic.variants import poll_message

_REACTIONS_BIT: Final = int(Intents.GUILD_MESSAGE_REACTIONS)
_POLLS_BIT: Final = int(Intents.GUILD_MESSAGE_POLLS)
_EMOJIS: Final = tuple(
    encode({"id": None, "name": name})
    for name in ("\N{THUMBS UP SIGN}", "\N{PARTY POPPER}", "\N{EYES}", "\N{CAT FACE}")
)
_MOST: Final = 32
"""Most reactions, or votes, that a message has."""


def _event(
    name: str, guild: Guild, message: Message, data: bytes, intents: int = _REACTIONS_BIT
) -> WorldEvent:
    return WorldEvent(name, guild.id, data, intents, unseen=message.channel_id in guild.unseen)


def _emoji(scene: Scene, guild: Guild) -> bytes:
    if guild.emojis and scene.draw.random() < 0.2:
        own = next(iter(guild.emojis.values()))
        return encode({"id": own["id"], "name": own["name"], "animated": own["animated"]})
    return _EMOJIS[int(scene.draw.random() * len(_EMOJIS))]


def reaction_add(scene: Scene, guild: Guild) -> WorldEvent:
    """A member reacts to a remembered message."""
    message, created = a_message(scene, guild)
    if created is not None:
        scene.after.append(created)
    return scene.last(_add(scene, guild, message))


def _add(scene: Scene, guild: Guild, message: Message) -> WorldEvent:
    """The event of a new reaction; an equal one, or the oldest of too many, is taken back first."""
    member = scene.member(guild)
    reaction = (member.id, _emoji(scene, guild))
    reactions = message.reactions = message.reactions or []
    if reaction in reactions:
        scene.after.append(_remove(guild, message, reactions, reactions.index(reaction)))
    elif len(reactions) >= _MOST:
        scene.after.append(_remove(guild, message, reactions, 0))
    reactions.append(reaction)
    data = (
        b'{"user_id":"%d","type":0,"message_id":"%d","message_author_id":"%d","member":%b,'
        b'"emoji":%b,"channel_id":"%d","burst":false,"guild_id":"%d"}'
    ) % (
        member.id,
        message.id,
        message.author.id,
        member.full_json(),
        reaction[1],
        message.channel_id,
        guild.id,
    )
    return _event("MESSAGE_REACTION_ADD", guild, message, data)


def _remove(
    guild: Guild, message: Message, reactions: list[tuple[int, bytes]], index: int
) -> WorldEvent:
    user_id, emoji = reactions.pop(index)
    data = (
        b'{"user_id":"%d","type":0,"message_id":"%d","emoji":%b,"channel_id":"%d",'
        b'"burst":false,"guild_id":"%d"}'
    ) % (user_id, message.id, emoji, message.channel_id, guild.id)
    return _event("MESSAGE_REACTION_REMOVE", guild, message, data)


def _reacted(scene: Scene, guild: Guild) -> tuple[Message, list[tuple[int, bytes]]]:
    """A message with reactions; made with its events in ``scene.after`` when there is none."""
    for message in guild.messages:
        if message.reactions:
            return message, message.reactions
    message, created = a_message(scene, guild)
    if created is not None:
        scene.after.append(created)
    scene.after.append(_add(scene, guild, message))
    assert message.reactions
    return message, message.reactions


def reaction_remove(scene: Scene, guild: Guild) -> WorldEvent:
    """A reaction that was added is taken back."""
    message, reactions = _reacted(scene, guild)
    index = int(scene.draw.random() * len(reactions))
    return scene.last(_remove(guild, message, reactions, index))


def reaction_remove_all(scene: Scene, guild: Guild) -> WorldEvent:
    """All reactions of a message are removed."""
    message, reactions = _reacted(scene, guild)
    reactions.clear()
    data = b'{"channel_id":"%d","message_id":"%d","guild_id":"%d"}' % (
        message.channel_id,
        message.id,
        guild.id,
    )
    return scene.last(_event("MESSAGE_REACTION_REMOVE_ALL", guild, message, data))


def reaction_remove_emoji(scene: Scene, guild: Guild) -> WorldEvent:
    """All reactions of a message with one emoji are removed."""
    message, reactions = _reacted(scene, guild)
    emoji = reactions[0][1]
    message.reactions = [(user, other) for user, other in reactions if other != emoji]
    data = (
        b'{"type":0,"message_id":"%d","emoji":%b,"channel_id":"%d","burst":false,"guild_id":"%d"}'
    ) % (message.id, emoji, message.channel_id, guild.id)
    return scene.last(_event("MESSAGE_REACTION_REMOVE_EMOJI", guild, message, data))


def _a_poll(scene: Scene, guild: Guild) -> tuple[Message, list[tuple[int, int]]]:
    """A message with a poll; written, its event in ``scene.after``, when there is none."""
    for message in guild.messages:
        if message.poll is not None:
            return message, message.poll
    scene.after.append(poll_message(scene, guild))
    message = guild.messages[-1]
    assert message.poll is not None
    return message, message.poll


def _vote(name: str, guild: Guild, message: Message, vote: tuple[int, int]) -> WorldEvent:
    data = b'{"user_id":"%d","channel_id":"%d","message_id":"%d","guild_id":"%d","answer_id":%d}'
    data %= (vote[0], message.channel_id, message.id, guild.id, vote[1])
    return _event(name, guild, message, data, _POLLS_BIT)


def vote_add(scene: Scene, guild: Guild) -> WorldEvent:
    """A member votes; an equal vote, or the oldest of too many, is taken back first."""
    message, votes = _a_poll(scene, guild)
    vote = (scene.member(guild).id, 1 + int(scene.draw.random() * 2))
    before = vote if vote in votes else votes[0] if len(votes) >= _MOST else None
    if before is not None:
        votes.remove(before)
        scene.after.append(_vote("MESSAGE_POLL_VOTE_REMOVE", guild, message, before))
    votes.append(vote)
    return scene.last(_vote("MESSAGE_POLL_VOTE_ADD", guild, message, vote))


def vote_remove(scene: Scene, guild: Guild) -> WorldEvent:
    """A vote that was given is taken back."""
    message, votes = _a_poll(scene, guild)
    if not votes:
        votes.append((scene.member(guild).id, 1))
        scene.after.append(_vote("MESSAGE_POLL_VOTE_ADD", guild, message, votes[-1]))
    return scene.last(_vote("MESSAGE_POLL_VOTE_REMOVE", guild, message, votes.pop()))


HANDLERS: Final[dict[str, Handler]] = {
    "MESSAGE_REACTION_ADD": reaction_add,
    "MESSAGE_REACTION_REMOVE": reaction_remove,
    "MESSAGE_REACTION_REMOVE_ALL": reaction_remove_all,
    "MESSAGE_REACTION_REMOVE_EMOJI": reaction_remove_emoji,
    "MESSAGE_POLL_VOTE_ADD": vote_add,
    "MESSAGE_POLL_VOTE_REMOVE": vote_remove,
}
