"""Events that no documentation has, and two that the unofficial one has and only some sessions get:
what clients read of them is typed, and nothing is lost of the rest."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cluster.events import (
    ForumUnreads,
    GuildBulkBanUpdate,
    GuildMemberListUpdate,
    GuildPruneUpdate,
    GuildRoomUpdate,
    InitialGuild,
    MessagePollVoteAddMany,
    PresencesReplace,
    ThreadMemberListUpdate,
    UserConnectionsCallback,
    UserConnectionsLinkCallback,
    decode,
)
from cluster.events.base import DISPATCHES
from cluster.events.objects.member_lists import (
    MemberListDelete,
    MemberListInsert,
    MemberListInvalidate,
    MemberListItem,
    MemberListOp,
    MemberListSync,
    MemberListUpdate,
)
from tests.cluster.events.event_samples import sample_json

UNDOCUMENTED = sorted(name for name, cls in DISPATCHES.items() if not cls.documented)


def read(name: str, d: Any) -> Any:
    event = decode(name, json.dumps(d).encode())
    assert type(event) is DISPATCHES[name], event
    return event


@pytest.mark.parametrize("name", UNDOCUMENTED)
def test_any_field_may_be_absent_and_others_be_there(name: str) -> None:
    """What is read of them is others' knowledge, so nothing is promised."""
    array = name == "PRESENCES_REPLACE"
    for d in ([] if array else {}, [{}] if array else {"of another day": [1]}):
        assert json.loads(read(name, d).data) == d


def row(user_id: int) -> dict[str, Any]:
    presence = {"user": {"id": str(user_id)}, "status": "online", "activities": []}
    return {"member": {"user": {"id": str(user_id)}, "roles": [], "presence": presence}}


def heading(group_id: str) -> dict[str, Any]:
    return {"group": {"id": group_id, "count": 2}}


MEMBER_LIST: dict[str, Any] = {
    "guild_id": "41771983423143937",
    "id": "everyone",
    "ops": [
        {"op": "SYNC", "range": [0, 99], "items": [heading("online"), row(1), row(2)]},
        {"op": "INSERT", "index": 1, "item": row(3)},
        {"op": "UPDATE", "index": 2, "item": row(4)},
        {"op": "DELETE", "index": 0},
        {"op": "INVALIDATE", "range": [100, 199]},
    ],
    "groups": [{"id": "online", "count": 2}, {"id": "offline", "count": 7}],
    "member_count": 9,
    "online_count": 2,
}


def test_a_member_list_is_kept_by_its_ops() -> None:
    event: GuildMemberListUpdate = read("GUILD_MEMBER_LIST_UPDATE", MEMBER_LIST)
    assert (event.guild_id, event.id) == (41771983423143937, "everyone")
    assert (event.member_count, event.online_count) == (9, 2)
    assert [(group.id, group.count) for group in event.groups] == [("online", 2), ("offline", 7)]
    rows: list[MemberListItem | None] = [None] * 200
    for op in event.ops:
        apply(rows, op)
    members = [item.member for item in rows if item and item.member]
    assert [member.user.id for member in members if member.user] == [3, 4, 2]
    assert not [item for item in rows if item and item.group], "the heading went"
    first = rows[0]
    assert first
    assert first.member
    assert first.member.presence
    assert first.member.presence.status == "online"


def apply(rows: list[MemberListItem | None], op: MemberListOp) -> None:
    """Do with the rows what a client does."""
    match op:
        case MemberListSync(range=(first, _), items=items):
            rows[first : first + len(items)] = items
        case MemberListInsert(index=index, item=item):
            rows.insert(index, item)
        case MemberListUpdate(index=index, item=item):
            rows[index] = item
        case MemberListDelete(index=index):
            del rows[index]
        case MemberListInvalidate(range=(first, last)):
            rows[first : last + 1] = [None] * (last + 1 - first)


def test_an_op_of_another_day_costs_the_ops_and_nothing_else() -> None:
    """Those after it have indices that mean something else without it."""
    for wrong in ({"op": "MOVE", "index": 1}, {"index": 1}, {"op": 1}):
        event: GuildMemberListUpdate = read(
            "GUILD_MEMBER_LIST_UPDATE",
            MEMBER_LIST | {"ops": [MEMBER_LIST["ops"][3], wrong, MEMBER_LIST["ops"][0]]},
        )
        assert not event.ops
        assert (event.member_count, len(event.groups)) == (9, 2)
        (misfit,) = event.misfits
        assert misfit.path.startswith("$.ops[1]")


def test_an_op_keeps_its_kind_where_a_part_of_it_does_not_fit() -> None:
    member = row(3)["member"] | {"roles": "none"}
    ops = [*MEMBER_LIST["ops"], {"op": "UPDATE", "index": 4, "item": {"member": member}}]
    event: GuildMemberListUpdate = read("GUILD_MEMBER_LIST_UPDATE", MEMBER_LIST | {"ops": ops})
    assert [type(op) for op in event.ops] == [
        MemberListSync, MemberListInsert, MemberListUpdate, MemberListDelete, MemberListInvalidate,
        MemberListUpdate,
    ]  # fmt: skip
    assert [misfit.path for misfit in event.misfits] == ["$.ops[5].item.member.roles"]
    last = event.ops[5]
    assert isinstance(last, MemberListUpdate)
    assert last.item.member
    assert last.item.member.user
    assert (last.index, last.item.member.user.id) == (4, 3)


def test_what_is_unread_in_a_forum() -> None:
    threads = [{"thread_id": "5", "missing": False, "count": 12}, {"thread_id": "6"}]
    event: ForumUnreads = read("FORUM_UNREADS", {"channel_id": "4", "threads": threads})
    assert event.threads
    assert [(one.thread_id, one.count or 0) for one in event.threads] == [(5, 12), (6, 0)]
    assert read("FORUM_UNREADS", {"channel_id": "4", "permission_denied": True}).permission_denied


def test_the_members_of_a_thread() -> None:
    member = {"user_id": "7", "join_timestamp": "2026-01-01T00:00:00+00:00", "flags": 1} | row(7)
    d = {"guild_id": "1", "thread_id": "2", "members": [member]}
    event: ThreadMemberListUpdate = read("THREAD_MEMBER_LIST_UPDATE", d)
    assert event.members
    assert (event.thread_id, event.members[0].user_id) == (2, 7)


def test_many_votes_at_once() -> None:
    d = {"channel_id": "1", "message_id": "2", "votes": [{"answer_id": 1, "users": ["3", "4"]}]}
    event: MessagePollVoteAddMany = read("MESSAGE_POLL_VOTE_ADD_MANY", d)
    assert event.votes
    assert (event.votes[0].answer_id, event.votes[0].users) == (1, [3, 4])


def test_presences_of_friends() -> None:
    event: PresencesReplace = read("PRESENCES_REPLACE", [row(5)["member"]["presence"]])
    assert event.presences[0].user
    assert event.presences[0].user.id == 5


def test_what_moderators_did_to_many() -> None:
    ban: GuildBulkBanUpdate = read(
        "GUILD_BULK_BAN_UPDATE",
        {"guild_id": "1", "bulk_ban": {"banned_users": ["2", "3"], "failed_users": []}},
    )
    assert ban.bulk_ban
    assert (ban.bulk_ban.banned_users, ban.bulk_ban.failed_users) == ([2, 3], [])
    prune: GuildPruneUpdate = read(
        "GUILD_PRUNE_UPDATE",
        {"guild_id": "1", "prune": {"days": 7, "prune_count": 12, "include_roles": ["4"]}},
    )
    assert prune.prune
    assert (prune.prune.days, prune.prune.include_roles) == (7, [4])


def test_a_room() -> None:
    note = {"object_type": 2, "object_id": "n", "content": "hi", "position": {"x": 1, "y": 2.5}}
    d = {"room_id": "9", "users": [{"user_id": "3", "seat": None}], "objects": {"2": [note]}}
    event: GuildRoomUpdate = read("GUILD_ROOM_UPDATE", d)
    assert event.room.room_id == 9
    assert event.room.objects
    (found,) = event.room.objects[2]
    assert found.position
    assert (found.content, found.position.y) == ("hi", 2.5)


def test_what_connects_an_account_is_read_and_not_shown() -> None:
    d = {"provider": "steam", "code": "secret 1", "state": "secret 2", "openid_params": {"a": "b"}}
    callback: UserConnectionsCallback = read("USER_CONNECTIONS_CALLBACK", d)
    assert (callback.callback_code, callback.callback_state) == ("secret 1", "secret 2")
    assert callback.openid_params == {"a": "b"}
    d = {"provider": "steam", "callback_code": "secret 1", "callback_state": "secret 2"}
    link: UserConnectionsLinkCallback = read("USER_CONNECTIONS_LINK_CALLBACK", d)
    assert (link.callback_code, link.callback_state) == ("secret 1", "secret 2")
    for shown in (repr(callback), str(callback), repr(link), str(link)):
        assert "secret" not in shown
    assert "'b'" not in repr(callback)


def test_the_guild_that_comes_before_ready() -> None:
    event: InitialGuild = read("INITIAL_GUILD", sample_json("GUILD_CREATE"))
    assert event.guild.id == int(sample_json("GUILD_CREATE")["id"])
    assert event.guild.channels


@pytest.mark.parametrize("name", ["LOBBY_MEMBER_CONNECT", "LOBBY_MEMBER_DISCONNECT"])
def test_a_lobbys_call(name: str) -> None:
    event = read(name, {"lobby_id": "8", "member": {"id": "5", "connected": True}})
    assert (event.lobby_id, event.member.id) == (8, 5)
