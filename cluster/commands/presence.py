"""What the account shows of itself: op 3.

Source: Discord's documentation, "Gateway Events", "Update Presence"; its activities: "Activity
Object", and for user accounts the unofficial documentation, "Presence".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, get_args

from cluster.commands.checks import flag as checked_flag
from cluster.commands.checks import number, one_of, refuse, snowflake, text
from cluster.commands.command import Command, command
from cluster.discord.opcodes import Op

StatusName = Literal["online", "idle", "dnd", "invisible", "offline", "unknown"]
"""A status that can be set. Discord shows "invisible" as offline, and chooses for "unknown" by
itself."""
STATUSES: Final[tuple[StatusName, ...]] = get_args(StatusName)
ACTIVITY_TYPES: Final = 6
"""The highest type of an activity: playing 0, streaming 1, listening 2, watching 3, custom 4,
competing 5, hang 6."""
MAX_NAME: Final = 128
MAX_URL: Final = 512

Activity = Mapping[str, Any]


def update_presence(
    status: StatusName = "online",
    *,
    activities: Iterable[Activity] = (),
    since: int | None = 0,
    afk: bool = False,
) -> Command:
    """Op 3: what the account shows of itself. status: "online", "idle", "dnd", "invisible".
    activities: each with `name` (1 to 128 characters) and `type` (0 to 6), and whatever else an
    activity has. since: Unix ms since when it is idle; 0 or None: it is not."""
    if isinstance(activities, str | bytes | Mapping) or not isinstance(activities, Iterable):
        refuse("activities", activities, "a list of activities")
    d = {
        "since": None if since is None else number("since", since),
        "activities": [activity(f"activities[{n}]", one) for n, one in enumerate(activities)],
        "status": one_of("status", status, STATUSES),
        "afk": checked_flag("afk", afk),
    }
    return command(Op.PRESENCE_UPDATE, d, "activities")


def check_presence(given: object, argument: str = "presence") -> None:
    """Raise CommandError for what Discord does not take in the presence of an IDENTIFY."""
    if not isinstance(given, Mapping):
        refuse(argument, given, "a presence: a mapping with status, activities, since and afk")
    status, activities, since, afk = map(given.get, ("status", "activities", "since", "afk"))
    if "status" in given:
        one_of(f"{argument}.status", status, STATUSES)
    if since is not None:
        number(f"{argument}.since", since)
    if "afk" in given:
        checked_flag(f"{argument}.afk", afk)
    if activities is not None:
        if not isinstance(activities, list | tuple):
            refuse(f"{argument}.activities", activities, "a list of activities")
        for n, one in enumerate(activities):
            activity(f"{argument}.activities[{n}]", one)


def activity(argument: str, value: object) -> dict[str, Any]:
    """Return one activity as it is sent; fields that are not checked here go as they are."""
    if not isinstance(value, Mapping):
        refuse(argument, value, "an activity: a mapping with name and type")
    made = dict(value)
    made["name"] = text(f"{argument}.name", made.get("name"), MAX_NAME, 1)
    made["type"] = number(f"{argument}.type", made.get("type", 0), 0, ACTIVITY_TYPES)
    if made.get("url") is not None:
        made["url"] = text(f"{argument}.url", made["url"], MAX_URL, 1)
    for name in ("application_id", "parent_application_id"):
        if made.get(name) is not None:
            made[name] = snowflake(f"{argument}.{name}", made[name])
    emoji = made.get("emoji")
    if isinstance(emoji, Mapping) and emoji.get("id") is not None:
        made["emoji"] = {**emoji, "id": snowflake(f"{argument}.emoji.id", emoji["id"])}
    return made
