"""What the world is at this moment: guilds, their members and what was said in them lately."""

from __future__ import annotations

from collections import deque
from collections.abc import Set
from typing import Any, Final

import msgspec

from cluster.sandbox.world.objects.channels import MESSAGE_TYPES
from cluster.sandbox.world.permissions import Viewer, hidden_channels

Json = dict[str, Any]

REMEMBERED_MESSAGES: Final = 64
"""Messages of a guild that may still be updated, reacted to or deleted."""

OFFLINE: Final = b'"status":"offline","activities":[],"client_status":{}'
"""The part of an offline member's presence after its ids."""

encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Member:
    """A member of one guild.

    ``data`` is the member object without its user; ``user_json`` and ``json`` are their encoded
    forms, kept because nearly every event carries one of them. ``presence`` is the encoded rest of
    the presence object after its ids.
    """

    __slots__ = ("data", "id", "id_json", "json", "presence", "user", "user_json")

    def __init__(self, user: Json, data: Json, presence: bytes = OFFLINE) -> None:
        self.id = int(user["id"])
        self.id_json = b'"%d"' % self.id
        self.user = user
        self.user_json = encode(user)
        self.data = data
        self.json = encode(data)
        self.presence = presence

    def changed(self) -> None:
        """Encode ``data`` again; to be called after each change of it."""
        self.json = encode(self.data)

    def user_changed(self) -> None:
        """Encode ``user`` again; to be called after each change of it."""
        self.user_json = encode(self.user)

    @property
    def online(self) -> bool:
        """Whether the member is anything but offline."""
        return self.presence is not OFFLINE

    def full(self) -> Json:
        """The member object with its user."""
        return {"user": self.user, **self.data}

    def full_json(self) -> bytes:
        """The member object with its user, encoded."""
        return b'{"user":%b,%b' % (self.user_json, self.json[1:])


class Message:
    """A message that may still be updated, reacted to or deleted.

    ``head`` is the encoded object up to, ``said`` from its content on: the part that sessions
    without MESSAGE_CONTENT don't see. ``open`` says that they do see it (the bot wrote it or is
    mentioned, or it is a direct message).
    """

    __slots__ = (
        "author",
        "channel_id",
        "head",
        "id",
        "open",
        "poll",
        "reactions",
        "said",
    )

    def __init__(
        self, message_id: int, channel_id: int, author: Member, head: bytes, said: bytes
    ) -> None:
        self.id = message_id
        self.channel_id = channel_id
        self.author = author
        self.head = head
        self.said = said
        self.open = False
        self.reactions: list[tuple[int, bytes]] | None = None
        """(user, encoded emoji) of what was added and not removed; None: never any."""
        self.poll: list[tuple[int, int]] | None = None
        """(user, answer) of the votes, when the message is a poll."""

    def head_now(self, guild: Guild) -> bytes:
        """The head with its people as they are now; who has left is shown without a member, which
        would bring them back in a client's cache."""
        made = self._head_of_users()
        if self.author.id in guild.members:
            made["member"] = self.author.data
        made["mentions"] = [guild.mention(user) for user in made["mentions"]]
        return encode(made)[:-1] + b","

    def quoted(self) -> bytes:
        """The message as one that answers it shows it: members are in its own events only."""
        made = self._head_of_users()
        made["mentions"] = [
            {key: value for key, value in user.items() if key != "member"}
            for user in made["mentions"]
        ]
        return encode(made)[:-1] + b"," + self.said

    def _head_of_users(self) -> Json:
        """The head with its author's present user, and without the author's member."""
        made = _decode(self.head[:-1] + b"}")
        made.pop("member", None)
        made["author"] = self.author.user
        return made


class Guild:
    """A guild and all that GUILD_CREATE shows of it."""

    __slots__ = (
        "auto_moderation",
        "bans",
        "channels",
        "data",
        "emojis",
        "free_roles",
        "hidden",
        "id",
        "integrations",
        "invites",
        "joined_at",
        "member_list",
        "members",
        "messages",
        "review",
        "roles",
        "scheduled_events",
        "sounds",
        "stage_instances",
        "stickers",
        "text_channels",
        "thread_members",
        "threads",
        "unavailable",
        "unseen",
        "voice_states",
    )

    def __init__(self, guild_id: int, joined_at: str) -> None:
        self.id = guild_id
        self.joined_at = joined_at
        """When the bot joined."""
        self.data: Json = {}
        self.unavailable = False
        """Whether an outage hides the guild: nothing happens in it until GUILD_CREATE ends that."""
        self.review = False
        """Whether something has changed that says which channels the bot can view."""
        self.roles: dict[int, Json] = {}
        self.free_roles: list[str] = []
        """Roles that members may gain and lose: all but @everyone and managed ones."""
        self.channels: dict[int, Json] = {}
        self.hidden: frozenset[int] = frozenset()
        """Channels that the bot can't view, as it was told last."""
        self.unseen: frozenset[int] = frozenset()
        """``hidden`` and the threads in it: what happens there the bot does not hear of."""
        self.text_channels: list[int] = []
        """Channels and threads that messages are written to: all that the bot can view, or all
        where it can view none."""
        self.threads: dict[int, Json] = {}
        self.thread_members: dict[int, dict[int, Json]] = {}
        self.members: dict[int, Member] = {}
        self.member_list: list[Member] = []
        """All members, in a list to draw from; the bot is always the first."""
        self.voice_states: dict[int, Json] = {}
        self.emojis: dict[int, Json] = {}
        self.stickers: dict[int, Json] = {}
        self.sounds: dict[int, Json] = {}
        self.scheduled_events: dict[int, Json] = {}
        self.stage_instances: dict[int, Json] = {}
        self.auto_moderation: dict[int, Json] = {}
        self.integrations: dict[int, Json] = {}
        self.invites: dict[str, Json] = {}
        self.bans: dict[int, Json] = {}
        self.messages: deque[Message] = deque(maxlen=REMEMBERED_MESSAGES)

    def add_role(self, role: Json) -> None:
        """Take in a role that was made."""
        self.roles[int(role["id"])] = role
        if not role["managed"] and role["id"] != str(self.id):
            self.free_roles.append(role["id"])

    def remove_role(self, role_id: int) -> None:
        """Remove a role: nobody has it any more."""
        gone = str(role_id)
        del self.roles[role_id]
        self.free_roles.remove(gone)
        self.review = True
        for member in self.member_list:
            if gone in member.data["roles"]:
                member.data["roles"] = [r for r in member.data["roles"] if r != gone]
                member.changed()

    def add_channel(self, channel: Json) -> None:
        """Take in a channel that was made; its category can be viewed if it can."""
        self.channels[int(channel["id"])] = channel
        self.set_hidden(self.hidden | {int(channel["id"])} & self.hidden_from_bot())
        self.review = True

    def add_thread(self, thread: Json, members: dict[int, Json]) -> None:
        """Take in a thread that was opened. members: user id -> thread member."""
        self.threads[int(thread["id"])] = thread
        self.thread_members[int(thread["id"])] = members
        self.set_hidden(self.hidden)

    def hidden_from_bot(self) -> frozenset[int]:
        """Return the channels that the bot can't view now."""
        bot = self.member_list[0]
        bot_id: str = bot.user["id"]
        owns_guild = self.data.get("owner_id") == bot_id
        voice = self.voice_states.get(bot.id, {}).get("channel_id")
        viewer = Viewer(bot_id, str(self.id), bot.data["roles"], owns_guild, voice)
        return hidden_channels(viewer, self.roles.values(), self.channels)

    def set_hidden(self, hidden: frozenset[int]) -> None:
        """Say which channels the bot is told that it can't view.

        Messages and invites where that changes are forgotten: later events would be about some of
        which the bot has never heard.
        """
        self.hidden = hidden
        parents = {str(channel_id) for channel_id in hidden}
        inside = (i for i, thread in self.threads.items() if thread["parent_id"] in parents)
        before, self.unseen = self.unseen, hidden.union(inside)
        if changed := before ^ self.unseen:
            self._forget_said(changed)
        written = [i for i, c in self.channels.items() if c["type"] in MESSAGE_TYPES]
        written += self.threads
        self.text_channels = [i for i in written if i not in self.unseen] or written

    def _forget_said(self, places: Set[int]) -> None:
        """Remove the messages in channels and threads, and the invites to them."""
        gone = {str(place) for place in places}
        self.invites = {c: i for c, i in self.invites.items() if i["channel_id"] not in gone}
        kept = [m for m in self.messages if m.channel_id not in places]
        self.messages.clear()
        self.messages.extend(kept)

    def add_member(self, member: Member) -> None:
        """Take in a member who joined."""
        self.members[member.id] = member
        self.member_list.append(member)

    def remove_member(self, member: Member) -> None:
        """Remove a member who left, with the voice state; threads are left before."""
        del self.members[member.id]
        index = self.member_list.index(member, 1)
        self.member_list[index] = self.member_list[-1]
        self.member_list.pop()
        self.voice_states.pop(member.id, None)

    def mention(self, user: Json) -> Json:
        """A user as a message of now mentions them: with the member, unless they have left."""
        member = self.members.get(int(user["id"]))
        if member is None:
            return {key: value for key, value in user.items() if key != "member"}
        return member.user | {"member": member.data}

    def remember(self, message: Message) -> None:
        """Take in a message that was written: its channel's or thread's last one."""
        self.messages.append(message)
        place = self.threads.get(message.channel_id) or self.channels[message.channel_id]
        place["last_message_id"] = str(message.id)

    def forget_channel(self, channel_id: int) -> None:
        """Remove a channel or thread, with its messages, its threads and who was in it, what was
        planned there and the invites to it: of these no event tells."""
        self.channels.pop(channel_id, None)
        self.threads.pop(channel_id, None)
        self.thread_members.pop(channel_id, None)
        gone = str(channel_id)
        self._forget_said({channel_id})
        self.scheduled_events = {
            i: event for i, event in self.scheduled_events.items() if event["channel_id"] != gone
        }
        for thread_id in [i for i, thread in self.threads.items() if thread["parent_id"] == gone]:
            self.forget_channel(thread_id)
        self.set_hidden(self.hidden - {channel_id})
        self.review = True
