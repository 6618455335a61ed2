"""Events that need a word of their own: what each changes, and what it leaves."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec
import pytest

from cluster.cache.kinds import Keep, Kind
from cluster.cache.updates import updates
from cluster.decode_errors import MALFORMED
from tests.cluster.cache.dict_parts import DictParts

GUILD = 1 << 22
OWN = 1
Json = dict[str, Any]


class Told:
    """A cache that is told events, of one guild."""

    def __init__(self, *keep: Keep, **lists: Any) -> None:
        kept = frozenset(keep or Keep)
        self.parts = DictParts(kept)
        self._table = updates(kept)
        user = {"id": str(OWN), "username": "bot", "verified": True}
        self.event("READY", user=user, guilds=[{"id": str(GUILD)}], shard=[0, 1], v=10)
        self.event("GUILD_CREATE", id=str(GUILD), member_count=2, **lists)

    def event(self, name: str, /, **d: Any) -> None:
        if name not in ("READY", "USER_UPDATE", "GUILD_CREATE", "GUILD_UPDATE"):
            d = {"guild_id": str(GUILD), **d}
        if name in self._table:
            self._table[name](self.parts, msgspec.json.encode(d))

    def part(self, kind: Kind, part_id: int) -> Any:
        part = self.parts.part(GUILD, kind, part_id)
        return None if part is None else msgspec.json.decode(part)

    def user(self, user_id: int) -> Any:
        user = self.parts.user(user_id)
        return None if user is None else msgspec.json.decode(user)

    def ids(self, kind: Kind) -> list[int]:
        return [part_id for part_id, _ in self.parts.parts(GUILD, kind)]


def member(user_id: int, **more: Any) -> Json:
    return {"user": {"id": str(user_id), "username": f"user {user_id}"}, "roles": [], **more}


def test_ready_is_kept_without_what_is_the_sessions() -> None:
    told = Told()
    assert told.parts.ready is not None
    assert msgspec.json.decode(told.parts.ready).keys() == {"user", "v"}


def test_a_guild_that_was_made_unavailable_is_there_with_its_next_guild_create() -> None:
    told = Told(channels=[{"id": "5"}])
    told.event("GUILD_CREATE", id=str(GUILD), unavailable=True)
    state = told.parts.state(GUILD)
    assert state is not None
    assert state.unavailable
    assert told.ids(Kind.CHANNEL) == [5]
    told.event("GUILD_CREATE", id=str(GUILD), member_count=2, channels=[])
    state = told.parts.state(GUILD)
    assert state is not None
    assert not state.unavailable
    assert told.ids(Kind.CHANNEL) == []


def test_what_is_planned_keeps_what_an_update_leaves_out() -> None:
    told = Told(guild_scheduled_events=[{"id": "5", "name": "a", "user_count": 3}])
    told.event("GUILD_SCHEDULED_EVENT_UPDATE", id="5", name="b")
    assert told.part(Kind.SCHEDULED_EVENT, 5)["name"] == "b"
    assert told.part(Kind.SCHEDULED_EVENT, 5)["user_count"] == 3
    told.event("GUILD_SCHEDULED_EVENT_USER_ADD", guild_scheduled_event_id="5", user_id="2")
    assert told.part(Kind.SCHEDULED_EVENT, 5)["user_count"] == 4
    for _ in range(6):
        told.event("GUILD_SCHEDULED_EVENT_USER_REMOVE", guild_scheduled_event_id="5", user_id="2")
    assert told.part(Kind.SCHEDULED_EVENT, 5)["user_count"] == 0
    told.event("GUILD_SCHEDULED_EVENT_DELETE", id="5")
    assert told.ids(Kind.SCHEDULED_EVENT) == []


def test_interest_in_what_has_no_count_is_not_counted() -> None:
    told = Told(guild_scheduled_events=[{"id": "5"}])
    told.event("GUILD_SCHEDULED_EVENT_USER_ADD", guild_scheduled_event_id="5", user_id="2")
    told.event("GUILD_SCHEDULED_EVENT_USER_ADD", guild_scheduled_event_id="6", user_id="2")
    assert told.part(Kind.SCHEDULED_EVENT, 5) == {"id": "5"}


def test_what_is_planned_in_a_channel_goes_with_it() -> None:
    planned = [{"id": "5", "channel_id": "7"}, {"id": "6", "channel_id": None}]
    told = Told(channels=[{"id": "7"}], guild_scheduled_events=planned)
    told.event("CHANNEL_DELETE", id="7")
    assert told.ids(Kind.SCHEDULED_EVENT) == [6]


def test_a_thread_that_is_opened_in_a_forum_is_its_last_message() -> None:
    told = Told(channels=[{"id": "7", "type": 15}, {"id": "8", "type": 0}])
    for parent in ("7", "8"):
        told.event("THREAD_CREATE", id=f"10{parent}", parent_id=parent, newly_created=True)
    told.event("THREAD_CREATE", id="200", parent_id="7")  # the bot was added to it
    assert told.part(Kind.CHANNEL, 7)["last_message_id"] == "107"
    assert "last_message_id" not in told.part(Kind.CHANNEL, 8)
    assert "newly_created" not in told.part(Kind.THREAD, 107)


def test_the_bots_membership_of_a_thread() -> None:
    told = Told(threads=[{"id": "5", "parent_id": "7"}])
    told.event("THREAD_MEMBER_UPDATE", id="5", user_id="2", flags=1)
    assert "member" not in told.part(Kind.THREAD, 5)
    told.event("THREAD_MEMBER_UPDATE", id="5", user_id=str(OWN), flags=1)
    assert told.part(Kind.THREAD, 5)["member"] == {"id": "5", "user_id": str(OWN), "flags": 1}
    told.event("THREAD_UPDATE", id="5", parent_id="7", name="new")
    assert told.part(Kind.THREAD, 5)["member"]["flags"] == 1
    told.event("THREAD_MEMBER_UPDATE", id="6", user_id=str(OWN), flags=1)
    assert told.ids(Kind.THREAD) == [5]


def test_threads_of_all_channels_are_synced_where_none_are_named() -> None:
    told = Told(threads=[{"id": "5", "parent_id": "7"}, {"id": "6", "parent_id": "8"}])
    told.event("THREAD_LIST_SYNC", channel_ids=["7"], threads=[], members=[])
    assert told.ids(Kind.THREAD) == [6]
    told.event("THREAD_LIST_SYNC", threads=[{"id": "9", "parent_id": "7"}], members=[])
    assert told.ids(Kind.THREAD) == [9]


def test_what_is_said_of_voice_channels() -> None:
    told = Told(channels=[{"id": "5"}, {"id": "6", "voice_start_time": None}])
    told.event("VOICE_CHANNEL_STATUS_UPDATE", id="5", status="chess")
    assert told.part(Kind.CHANNEL, 5)["status"] == "chess"
    told.event("VOICE_CHANNEL_STATUS_UPDATE", id="5", status=None)
    assert told.part(Kind.CHANNEL, 5)["status"] is None
    told.event("VOICE_CHANNEL_START_TIME_UPDATE", id="5", voice_start_time=8)
    told.event("VOICE_CHANNEL_START_TIME_UPDATE", id="6", voice_start_time=8)
    assert "voice_start_time" not in told.part(Kind.CHANNEL, 5)
    assert told.part(Kind.CHANNEL, 6)["voice_start_time"] == 8
    info = [{"id": "5", "status": "go", "voice_start_time": 9}, {"id": "7", "status": "-"}]
    told.event("CHANNEL_INFO", channels=info)
    assert told.part(Kind.CHANNEL, 5) == {"id": "5", "status": "go"}
    assert told.ids(Kind.CHANNEL) == [5, 6]


def test_sounds_that_change_at_once_need_not_be_all() -> None:
    told = Told(soundboard_sounds=[{"sound_id": "5"}, {"sound_id": "6"}])
    changed = [{"sound_id": "6", "volume": 0.5}]
    told.event("GUILD_SOUNDBOARD_SOUNDS_UPDATE", soundboard_sounds=changed)
    assert told.ids(Kind.SOUNDBOARD_SOUND) == [5, 6]
    assert told.part(Kind.SOUNDBOARD_SOUND, 6)["volume"] == 0.5
    told.event("SOUNDBOARD_SOUNDS", soundboard_sounds=changed)
    assert told.ids(Kind.SOUNDBOARD_SOUND) == [6]


def test_emojis_and_stickers_come_all_at_once() -> None:
    told = Told(emojis=[{"id": "5"}, {"id": "6"}], stickers=[{"id": "5"}])
    told.event("GUILD_EMOJIS_UPDATE", emojis=[{"id": "7"}])
    told.event("GUILD_STICKERS_UPDATE", stickers=[])
    assert told.ids(Kind.EMOJI) == [7]
    assert told.ids(Kind.STICKER) == []


def chunk(told: Told) -> None:
    online = [{"user": {"id": "2"}, "status": "online"}, {"user": {"id": "3"}, "status": "offline"}]
    told.event("GUILD_MEMBERS_CHUNK", members=[member(2), member(3)], presences=online)


def test_members_who_were_asked_for() -> None:
    told = Told(presences=[{"user": {"id": "3"}, "status": "idle"}])
    chunk(told)
    assert told.ids(Kind.MEMBER) == [2, 3]
    assert told.ids(Kind.PRESENCE) == [2]


def test_a_chunk_brings_what_is_kept() -> None:
    told = Told(Keep.GUILDS, Keep.PRESENCES, voice_states=[{"user_id": "3", "channel_id": "7"}])
    chunk(told)
    assert told.ids(Kind.MEMBER) == [3]
    assert told.ids(Kind.PRESENCE) == [2]
    told = Told(Keep.GUILDS, Keep.MEMBERS)
    chunk(told)
    assert told.ids(Kind.MEMBER) == [2, 3]
    assert told.ids(Kind.PRESENCE) == []


def test_who_is_in_voice_is_kept_for_as_long() -> None:
    told = Told(Keep.GUILDS)
    joined = {"user_id": "2", "member": member(2), "session_id": "x"}
    told.event("VOICE_STATE_UPDATE", channel_id="7", **joined)
    told.event("VOICE_STATE_UPDATE", channel_id="7", user_id="3", member=None)
    assert told.part(Kind.VOICE_STATE, 2) == {
        "user_id": "2",
        "session_id": "x",
        "channel_id": "7",
    }
    assert told.ids(Kind.MEMBER) == [2]
    told.event("VOICE_STATE_UPDATE", channel_id=None, **joined)
    assert told.ids(Kind.VOICE_STATE) == [3]
    assert told.ids(Kind.MEMBER) == []


def test_a_presence_tells_what_has_changed_of_its_user() -> None:
    told = Told(members=[member(2, nick="n")])
    new = {"id": "2", "username": "new", "avatar": "a"}
    told.event("PRESENCE_UPDATE", user=new, status="online")
    assert told.part(Kind.MEMBER, 2) == {
        "user": {"id": "2", "username": "new"},
        "roles": [],
        "nick": "n",
    }
    assert told.user(2)["avatar"] == "a"
    told.event("PRESENCE_UPDATE", user={"id": "3"}, status="online")
    assert told.user(3) is None
    told.event("PRESENCE_UPDATE", user={"id": "2", "username": "n"}, status="online")
    assert told.part(Kind.MEMBER, 2)["user"]["username"] == "n", "a user of few bytes"


def test_users_are_seen_wherever_one_is_whole() -> None:
    told = Told(members=[member(2)])
    told.event("GUILD_MEMBER_ADD", **member(3))
    told.event("GUILD_MEMBER_UPDATE", **member(4))
    told.event("VOICE_STATE_UPDATE", user_id="5", channel_id="7", member=member(5))
    told.event("MESSAGE_CREATE", id="9", channel_id="7", author={"id": "6", "username": "f"})
    hook = {"id": "7", "username": "hook"}
    told.event("MESSAGE_CREATE", id="9", channel_id="7", author=hook, webhook_id="7")
    told.event("INTERACTION_CREATE", member=member(8))
    told.event("INTERACTION_CREATE", user={"id": "9", "username": "direct"})
    told.event("GUILD_MEMBERS_CHUNK", members=[member(10)])
    assert sorted(told.parts.users) == [OWN, 2, 3, 4, 5, 6, 8, 9, 10]
    assert told.user(6)["username"] == "f"


def test_what_is_not_kept_is_not_even_looked_for() -> None:
    names = updates(frozenset({Keep.GUILDS})).keys()
    assert "MESSAGE_CREATE" in names
    assert not names & {"PRESENCE_UPDATE", "GUILD_MEMBERS_CHUNK", "INTERACTION_CREATE"}


def test_a_change_of_the_bots_user_shows_in_every_guild() -> None:
    told = Told(members=[member(OWN), member(2)])
    told.event("USER_UPDATE", id=str(OWN), username="new", verified=False)
    told.event("USER_UPDATE", id="2", username="new")
    assert told.part(Kind.MEMBER, OWN)["user"] == {"id": str(OWN), "username": "new"}
    assert told.part(Kind.MEMBER, 2)["user"]["username"] == "user 2"
    assert told.parts.ready is not None
    assert not msgspec.json.decode(told.parts.ready)["user"]["verified"]


def test_direct_messages_are_nobodys_channel() -> None:
    told = Told(channels=[{"id": "7"}])
    before = dict(told.parts.all)
    told._table["MESSAGE_CREATE"](told.parts, b'{"id":"9","channel_id":"7"}')
    told._table["CHANNEL_PINS_UPDATE"](told.parts, b'{"channel_id":"7"}')
    told._table["VOICE_STATE_UPDATE"](told.parts, b'{"user_id":"2","channel_id":"7"}')
    assert told.parts.all == before


@pytest.mark.parametrize("d", [b"", b"[]", b'{"id":"-1"}', b'{"id":"1e400"}', b"{" * 2000, b"null"])
def test_what_is_no_such_event_changes_nothing(d: bytes) -> None:
    told = Told(channels=[{"id": "7"}])
    before = dict(told.parts.all), dict(told.parts.states)
    for name, update in told._table.items():
        with contextlib.suppress(*MALFORMED):
            update(told.parts, d)
        assert (told.parts.all, told.parts.states) == before, name


def test_ids_that_are_numbers_are_read_too() -> None:
    told = Told(channels=[{"id": 7}])
    told._table["MESSAGE_CREATE"](told.parts, b'{"id":"9","channel_id":7,"guild_id":%d}' % GUILD)
    assert told.part(Kind.CHANNEL, 7)["last_message_id"] == "9"


def test_half_a_surrogate_pair_is_no_obstacle() -> None:
    told = Told()
    d = b'{"guild_id":"%d","role":{"id":"7","name":"\\ud800"}}' % GUILD
    told._table["GUILD_ROLE_CREATE"](told.parts, d)
    assert told.part(Kind.ROLE, 7)["name"] == "\N{REPLACEMENT CHARACTER}"


def test_members_come_change_and_go() -> None:
    told = Told(members=[member(2, nick="n", joined_at="then")], presences=[])
    told.event("GUILD_MEMBER_UPDATE", **member(2, nick=None))
    assert told.part(Kind.MEMBER, 2) == member(2, nick=None, joined_at="then")
    told.event("GUILD_MEMBER_ADD", **member(3, nick="new"))
    assert told.part(Kind.MEMBER, 3) == member(3, nick="new")
    told.event("VOICE_STATE_UPDATE", user_id="3", channel_id="7", member=member(3))
    told.event("PRESENCE_UPDATE", user={"id": "3"}, status="online")
    told.event("GUILD_MEMBER_REMOVE", user={"id": "3"})
    kinds = (Kind.MEMBER, Kind.VOICE_STATE, Kind.PRESENCE)
    assert [told.ids(kind) for kind in kinds] == [[2], [], []]
    for _ in range(4):
        told.event("GUILD_MEMBER_REMOVE", user={"id": "2"})
    state = told.parts.state(GUILD)
    assert state is not None
    assert state.member_count == 0


def test_members_of_others_are_counted_where_they_are_not_kept() -> None:
    told = Told(Keep.GUILDS, members=[member(2), member(OWN)])
    told.event("GUILD_MEMBER_ADD", **member(3))
    told.event("GUILD_MEMBER_UPDATE", **member(2))
    told.event("GUILD_MEMBER_UPDATE", **member(OWN, nick="n"))
    assert told.ids(Kind.MEMBER) == [OWN]
    assert told.part(Kind.MEMBER, OWN)["nick"] == "n"
    state = told.parts.state(GUILD)
    assert state is not None
    assert state.member_count == 3


def test_a_guild_changes_with_its_roles_emojis_and_stickers() -> None:
    lists = {"roles": [{"id": "5"}], "emojis": [{"id": "5"}], "stickers": [{"id": "5"}]}
    told = Told(name="old", joined_at="then", channels=[{"id": "5"}], **lists)
    new = {name: [{"id": "6"}] for name in lists}
    told.event("GUILD_UPDATE", id=str(GUILD), name="new", member_count=9, channels=[], **new)
    for kind in (Kind.ROLE, Kind.EMOJI, Kind.STICKER):
        assert told.ids(kind) == [6]
    assert told.ids(Kind.CHANNEL) == [5]
    assert told.part(Kind.GUILD, GUILD) == {"id": str(GUILD), "name": "new", "joined_at": "then"}
    told.event("GUILD_UPDATE", id=str(GUILD), name="newer")
    assert told.ids(Kind.ROLE) == [6]


def test_a_role_that_is_deleted_is_nobodys() -> None:
    members = [member(2) | {"roles": ["5", "6"]}, member(3) | {"roles": ["55"]}]
    told = Told(roles=[{"id": "5"}, {"id": "6"}], members=members)
    told.event("GUILD_ROLE_DELETE", role_id="5")
    assert told.ids(Kind.ROLE) == [6]
    assert told.part(Kind.MEMBER, 2)["roles"] == ["6"]
    assert told.part(Kind.MEMBER, 3)["roles"] == ["55"]


def test_another_ready_leaves_the_guilds_that_it_lists() -> None:
    told = Told(channels=[{"id": "5"}])
    other = {"id": str(2 << 22)}
    told.event("READY", user={"id": str(OWN)}, guilds=[{"id": str(GUILD)}, other], shard=[0, 1])
    assert told.ids(Kind.CHANNEL) == [5]
    states = told.parts.states
    assert not states[GUILD].unavailable
    assert states[2 << 22].unavailable
    told.parts.doubt(-1, 1)
    told.event("READY", user={"id": str(OWN)}, guilds=[], shard=[1, 2])
    assert set(states) == {2 << 22}, "those of the shard that are not listed"


def test_what_guild_create_shows_of_others_is_kept_for_who_is_in_voice() -> None:
    told = Told(
        Keep.GUILDS,
        members=[member(OWN), member(2), member(3)],
        voice_states=[{"user_id": "2", "channel_id": "7"}],
        presences=[{"user": {"id": "2"}, "status": "online"}],
    )
    assert told.ids(Kind.MEMBER) == [OWN, 2]
    assert told.ids(Kind.PRESENCE) == []


def test_threads_that_are_archived_or_can_not_be_viewed_are_forgotten() -> None:
    threads = [{"id": str(n), "parent_id": parent} for n, parent in ((5, "7"), (6, "7"), (8, "9"))]
    told = Told(channels=[{"id": "7"}], threads=threads)
    told.event("THREAD_UPDATE", id="5", parent_id="7", thread_metadata={"archived": True})
    assert told.ids(Kind.THREAD) == [6, 8]
    told.event("CHANNEL_UPDATE", id="7", flags=1 << 17)
    assert told.ids(Kind.THREAD) == [8]
    told.event("CHANNEL_DELETE", id="9")
    assert told.ids(Kind.THREAD) == []


def test_who_is_in_a_thread_is_counted_and_the_bot_noted() -> None:
    told = Told(threads=[{"id": "5", "parent_id": "7"}])
    joined = {"id": "5", "user_id": str(OWN), "flags": 1}
    added = [joined | {"member": member(OWN), "presence": None}]
    told.event("THREAD_MEMBERS_UPDATE", id="5", member_count=3, added_members=added)
    assert told.part(Kind.THREAD, 5)["member"] == joined
    assert told.part(Kind.THREAD, 5)["member_count"] == 3
    told.event("THREAD_MEMBERS_UPDATE", id="5", member_count=2, removed_member_ids=[str(OWN)])
    assert told.part(Kind.THREAD, 5) == {"id": "5", "parent_id": "7", "member_count": 2}
    sync = {"threads": [{"id": "5", "parent_id": "7"}], "members": [joined]}
    told.event("THREAD_LIST_SYNC", channel_ids=["7"], **sync)
    assert told.part(Kind.THREAD, 5)["member"] == joined


def test_the_last_message_and_the_last_pin_of_a_channel_and_a_thread() -> None:
    told = Told(channels=[{"id": "5"}], threads=[{"id": "6", "parent_id": "5"}])
    for place in ("5", "6", "7"):
        told.event("MESSAGE_CREATE", id="9", channel_id=place)
        told.event("CHANNEL_PINS_UPDATE", channel_id=place, last_pin_timestamp="now")
    for kind, place_id in ((Kind.CHANNEL, 5), (Kind.THREAD, 6)):
        assert told.part(kind, place_id)["last_message_id"] == "9"
        assert told.part(kind, place_id)["last_pin_timestamp"] == "now"
    told.event("CHANNEL_PINS_UPDATE", channel_id="5")
    assert told.part(Kind.CHANNEL, 5)["last_pin_timestamp"] is None
    assert told.ids(Kind.CHANNEL) == [5]


def test_who_has_left_the_guild_leaves_voice_without_coming_back() -> None:
    told = Told(voice_states=[{"user_id": "2", "channel_id": "7"}])
    told.event("VOICE_STATE_UPDATE", user_id="2", channel_id=None, member=member(2))
    assert told.ids(Kind.VOICE_STATE) == []
    assert told.ids(Kind.MEMBER) == []
    told = Told(members=[member(2)])
    told.event("VOICE_STATE_UPDATE", user_id="2", channel_id=None, member=member(2, nick="n"))
    assert told.part(Kind.MEMBER, 2)["nick"] == "n"
