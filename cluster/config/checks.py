"""Checks of configuration values that a type can't express: URLs, intents."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from cluster.commands.presence import check_presence as check_command
from cluster.config.schema import nearest, shown
from cluster.config.shards import SELF
from cluster.discord.intents import (
    ALL_CAPABILITIES,
    ALL_INTENTS,
    PRIVILEGED_INTENTS,
    Capabilities,
    Intents,
    web_client_capabilities,
)
from cluster.discord.limits import MAX_SENT_BYTES
from cluster.endpoints.discovery import running_clusters
from cluster.endpoints.folders import not_made, try_to_make
from cluster.endpoints.paths import CLUSTER_NAME, ClusterPaths, cluster_paths
from cluster.endpoints.tcp import Tcp
from cluster.errors import CommandError, ConfigError

INTENT_GROUPS: Final = {
    "all": ALL_INTENTS,
    "unprivileged": ALL_INTENTS & ~PRIVILEGED_INTENTS,
    "none": Intents(0),
}
"""Names that stand for several intents."""

MAX_PRESENCE_BYTES: Final = {"bot": MAX_SENT_BYTES - 1024, "user": MAX_SENT_BYTES - 2048}
"""Largest presence by account. Beside it an IDENTIFY holds the token, and some 300 bytes of a bot
or 1,000 of a user client."""


def check_readable(key: str, file: Path) -> None:
    """Refuse a file that can't be read, by the key that names it."""
    try:
        file.open("rb").close()
    except OSError as error:
        raise ConfigError(
            f"{key} {file} can't be read ({error.strerror})", "check the path and its mode"
        ) from None


def check_folders(paths: ClusterPaths) -> list[str]:
    """Refuse folders that nobody can make; return warnings on those that this user can't: a service
    manager may make them for it."""
    warnings = []
    for key, folder in (("state_dir", paths.state_dir), ("runtime_dir", paths.runtime_dir)):
        try:
            try_to_make(folder)
        except PermissionError as error:
            warnings.append(f"{key}: {not_made(error)}: it must be there before a start")
        except OSError as error:
            raise ConfigError(f"{key}: {not_made(error)}", f"give {key} another folder") from None
    return warnings


def check_presence(presence: Mapping[str, Any] | None, account: Literal["bot", "user"]) -> None:
    """Refuse a presence that Discord does not know, or that makes every IDENTIFY larger than the
    gateway takes (close 4002)."""
    if presence is None:
        return
    try:
        check_command(presence)
        size, most = len(msgspec.json.encode(presence)), MAX_PRESENCE_BYTES[account]
    except CommandError as error:
        raise ConfigError(error.cause, error.action) from None
    except (TypeError, ValueError) as error:  # what JSON has no form for
        raise ConfigError(
            f"presence is no JSON ({error})", "give what Discord's presence has"
        ) from None
    if size > most:
        raise ConfigError(
            f"presence is {size:,} bytes as JSON, more than {most:,}",
            f"shorten it: Discord takes {MAX_SENT_BYTES:,} bytes for all of an IDENTIFY",
        )


def broker_endpoint(value: str, env: Mapping[str, str], keys: str = "") -> str:
    """Return identify.broker as a control endpoint. It may be a cluster of this user's and host's
    by its name (it runs, or will with this environment's folders), an ipc:// path, or tcp://, which
    needs keys unless it is loopback; "self" and nothing stay. keys: identify.broker_keys.
    ConfigError for anything else."""
    if value in ("", SELF):
        return value
    if re.fullmatch(CLUSTER_NAME, value):
        running = (one for one in running_clusters(env) if one.name == value)
        found = next(running, None)
        return found.control_endpoint if found else cluster_paths(value, env).control
    if value.startswith("ipc:///"):
        return value
    if (tcp := Tcp.read(value)) is not None and not tcp.everywhere:
        if tcp.loopback or keys:
            return value
        raise ConfigError(
            f"identify.broker is {value!r}, which is not on this host, and there are no keys",
            "name in identify.broker_keys the file that `dcgw-cluster keys add NAME --may "
            "identify` made there",
        )
    raise ConfigError(
        f"identify.broker is {value!r}",
        "give the name of a cluster on this host, its control endpoint (ipc:///path/control), one "
        'on another host (tcp://HOST:PORT), or "self" if this cluster grants for the others',
    )


def intents_of(value: object) -> int:
    """Return intents as a bit mask, from the mask itself, a name, or names (in any case, with or
    without groups such as "unprivileged"). ConfigError names an unknown one."""
    return _bits("intents", value, INTENT_GROUPS, Intents.__members__)


def capability_groups(client_build_number: int) -> dict[str, int]:
    """Return the names that stand for several capabilities. "default" are those of Discord's web
    client of this build, as the rest of an IDENTIFY is that client's too."""
    return {
        "all": ALL_CAPABILITIES,
        "default": web_client_capabilities(client_build_number),
        "none": 0,
    }


def capabilities_of(
    value: object, account: Literal["bot", "user"], client_build_number: object
) -> int:
    """Return a client's capabilities as a bit mask; they have the forms of intents, and a bot's
    default is none. A build number that is none is refused elsewhere, and stands here for 0."""
    build = client_build_number if type(client_build_number) is int else 0
    groups = capability_groups(max(build, 0))
    if account == "bot":
        groups["default"] = 0
    return _bits("capabilities", value, groups, Capabilities.__members__)


def _bits(
    key: str,
    value: object,
    groups: Mapping[str, int],
    members: Mapping[str, int],
) -> int:
    if isinstance(value, int):
        return int(value)  # of a flag, too
    if isinstance(value, str):
        if value.isdecimal() and len(value) < 20:
            return int(value)
        value = [value]
    if not isinstance(value, Iterable):
        raise ConfigError(f"{key} is {shown('', value)}", "give a number, a name or names")
    bits = 0
    for name in value:
        if not isinstance(name, str):
            raise ConfigError(f"{key} names {shown('', name)}", "give names, or one number")
        found = groups.get(name.lower(), members.get(name.upper()))
        if found is None:
            known = [*groups, *(member.lower() for member in members)]
            meant = nearest(name, known)
            hint = f"did you mean {meant!r}?" if meant else f"give {', '.join(known)}"
            raise ConfigError(f"{key} names {name!r}", hint)
        bits |= found
    return int(bits)


def guilds_of(value: object) -> Literal["all"] | list[int]:
    """Return the value of subscribe_guilds: "all", or ids from numbers or strings. ConfigError
    names what is no id."""
    if value == "all":
        return "all"
    if not isinstance(value, Iterable):
        value = [value]
    ids: list[int] = []
    for one in [value] if isinstance(value, str) else value:
        text = str(one)
        if not (text.isascii() and text.isdecimal() and 0 < int(text[:20]) < 1 << 63):
            raise ConfigError(
                f"subscribe_guilds names {shown('', one)}",
                'give guild ids, or "all" in place of them',
            )
        ids.append(int(text))
    return list(dict.fromkeys(ids))


_USER_KEYS: Final = ("client_build_number", "subscribe_guilds")


def check_account(
    account: Literal["bot", "user"], said: Mapping[str, str], client_build_number: int
) -> None:
    """Refuse what is half a bot and half a user account. said: keys that somebody gave another
    value than their default -> where."""
    if account == "bot":
        for key in _USER_KEYS:
            if key in said:
                raise ConfigError(
                    f'{key} is set in {said[key]}, and account is "bot"',
                    'it is a user account\'s: take it out, or set account = "user"',
                )
        return
    if "intents" in said:
        raise ConfigError(
            f'intents is set in {said["intents"]}, and account is "user"',
            'a user account has no intents but capabilities: take it out, or set account = "bot"',
        )
    if not client_build_number:
        raise ConfigError(
            'client_build_number is not set, and account is "user"',
            "give the build number of Discord's web client of today (docs/accounts.md)",
        )
