"""The member list beside a channel: its rows, and what is done with them.

Source: what clients of user accounts read of GUILD_MEMBER_LIST_UPDATE; no documentation has it.
"""

from __future__ import annotations

from cluster.events.base import UNSET, Absent, Object
from cluster.events.objects.members import Member


class MemberListGroup(Object):
    """A heading in the list, for a role or for a status."""

    id: str
    """Id of the role, "online" or "offline"."""
    count: int | Absent = UNSET
    """How many members stand under it."""


class MemberListItem(Object):
    """A row: a heading, or a member with a presence."""

    group: MemberListGroup | Absent = UNSET
    member: Member | Absent = UNSET


class MemberListSync(Object, tag_field="op", tag="SYNC"):
    """These are the rows of a range."""

    range: tuple[int, int]
    """First and last row, from 0, the last one included."""
    items: list[MemberListItem]


class MemberListInsert(Object, tag_field="op", tag="INSERT"):
    """A row comes in before the one of this index."""

    index: int
    item: MemberListItem


class MemberListUpdate(Object, tag_field="op", tag="UPDATE"):
    """The row of this index is another."""

    index: int
    item: MemberListItem


class MemberListDelete(Object, tag_field="op", tag="DELETE"):
    """The row of this index goes; those below move up."""

    index: int


class MemberListInvalidate(Object, tag_field="op", tag="INVALIDATE"):
    """The rows of a range are told of no more: the session is not subscribed to them."""

    range: tuple[int, int]
    """First and last row, from 0, the last one included."""


MemberListOp = (
    MemberListSync | MemberListInsert | MemberListUpdate | MemberListDelete | MemberListInvalidate
)
"""What is done with the rows; JSON has the kind as ``op``, a program by the class."""
