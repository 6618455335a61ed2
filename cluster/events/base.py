"""What events and objects are made of.

- `Object`: a JSON object inside an event. `Event`: what a gateway client or a subscriber is given.
  `Dispatch`: an event of op 0 that has a class of its own.
- A field that Discord may leave out is `X | Absent` and then `UNSET`, which is false; one that may
  be null is `X | None`. So absent, null and empty are three things.
- Ids are `Snowflake` (int), timestamps `datetime`, and what Discord writes as a number of
  milliseconds is `Milliseconds`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar, Final, TypeVar, dataclass_transform

import msgspec
from msgspec import UNSET, UnsetType

__all__ = [
    "UNSET", "Absent", "Dispatch", "Event", "Milliseconds", "Object", "Payload", "Snowflake",
    "dispatch", "snowflake_time",
]  # fmt: skip

Absent = UnsetType
Snowflake = int
"""An id: 64 bits, a decimal string in Discord's JSON."""
Milliseconds = int
"""Unix time in milliseconds."""

T = TypeVar("T")
Payload = Annotated[T, "payload"]
"""Marks the field of an event that is its whole ``d``; the other fields stand in there, too."""

_DISCORD_EPOCH: Final = datetime(2015, 1, 1, tzinfo=UTC)

CREDENTIALS: Final = frozenset(
    (
        "access_token", "analytics_token", "auth_session_id_hash", "auth_token", "cred_id",
        "join", "match", "purchase_token_hash", "session_id", "spectate",
        "static_client_session_id", "target_session_id", "token",
    )
)  # fmt: skip
"""Fields whose value no text of an event shows: who has it can act for somebody."""

_SHORT: Final = 6
"""Fields in the one line of an event."""


def snowflake_time(snowflake: Snowflake) -> datetime:
    """When an id was made. Source: Discord's "API Reference", "Snowflakes"."""
    return _DISCORD_EPOCH + timedelta(milliseconds=snowflake >> 22)


class ObjectMeta(msgspec.StructMeta):
    """Makes every object frozen, with fields by keyword: what is required may stand behind what is
    not, as in the documentation's tables."""

    def __new__(
        mcls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any
    ) -> ObjectMeta:
        options = {"frozen": True, "kw_only": True} | options
        return super().__new__(mcls, name, bases, namespace, **options)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(msgspec.field,))
class Object(msgspec.Struct, metaclass=ObjectMeta, frozen=True, kw_only=True):
    """A JSON object. Its text leaves out what is absent, and never shows a credential."""

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({shown})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        there = [(name, getattr(self, name)) for name in self.__struct_fields__]
        return [(name, _shown(name, value)) for name, value in there if value is not UNSET]


def _shown(name: str, value: Any) -> Any:
    if name in CREDENTIALS and value:
        return "..."
    if isinstance(value, dict):
        return {key: _shown(key, inner) for key, inner in value.items()}
    return value


class Event(Object):
    """Anything that a gateway session can tell. ``str()`` of it is one short line."""

    @property
    def name(self) -> str:
        """The wire name, such as "MESSAGE_CREATE"."""
        raise NotImplementedError

    @property
    def raw(self) -> bytes:
        """``d`` as it came: JSON."""
        raise NotImplementedError

    def __str__(self) -> str:
        return self.name


class Dispatch(Event):
    """An event of op 0 with a class of its own; ``decode`` makes it."""

    name: ClassVar[str] = ""
    category: ClassVar[str] = ""
    """The seed's, such as "Message/Reactions"."""
    listed: ClassVar[bool] = True
    """Whether the seed lists it."""
    raw: bytes = msgspec.field(default=b"", name="d, as it came")
    """``d`` as it came: JSON."""

    def __str__(self) -> str:
        shown = [f"{name}={value}" for name, value in _ids(self)]
        return " ".join([self.name, *shown[:_SHORT]])

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [(name, value) for name, value in super().__rich_repr__() if name != "raw"]


def _ids(thing: msgspec.Struct) -> Iterator[tuple[str, Any]]:
    """What tells an event from its like: its ids, its payload's, and how long its lists are."""
    for name in thing.__struct_fields__:
        value = getattr(thing, name)
        if isinstance(value, int) and (name == "id" or name.endswith("_id")):
            yield name, value
        elif isinstance(value, list):
            yield name, len(value)
        elif isinstance(value, Object) and isinstance(thing, Event):
            yield from ((f"{name}.{key}", id_) for key, id_ in _ids(value) if key.endswith("id"))


D = TypeVar("D", bound=Dispatch)
DISPATCHES: Final[dict[str, type[Dispatch]]] = {}
"""Every class of event, by wire name, in the order of the files."""


def dispatch(name: str, category: str, *, listed: bool = True) -> Callable[[type[D]], type[D]]:
    """Make a class the one of this wire name. ``listed``: False where the seed has no such row."""

    def register(cls: type[D]) -> type[D]:
        cls.name, cls.category, cls.listed = name, category, listed
        DISPATCHES[name] = cls
        return cls

    return register
