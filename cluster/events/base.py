"""What events and objects are made of.

- `Object`: a JSON object inside an event. `GatewayEvent`: what a gateway client or a subscriber is
  given. `Dispatch`: an event of op 0 that has a class of its own.
- A field that Discord may leave out is `X | Absent` and then `UNSET`, which is false; one that may
  be null is `X | None`. So absent, null and empty are three things.
- Annotations are what the documentation promises. Servers keep promises less well than that: of a
  message that was forwarded, or recorded years ago, fields are missing that never are in others. So
  where a promised field is absent or null all the same, it is UNSET or None, and the event is not
  lost; a value of another type is UNSET, and told as a `Misfit`. Only what an event is about must
  be there: the ``id`` of its payload, or its own ids (but for the guild's: a private channel has
  none).
- Ids are `Snowflake` (int), times `datetime`; what Discord writes as a number is `UnixTime`, a
  `datetime`, too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Annotated, Any, ClassVar, Final, TypeVar, dataclass_transform

import msgspec
from msgspec import UNSET, UnsetType

from cluster.events.values import Snowflake, UnixTime

__all__ = [
    "UNSET", "Absent", "Dispatch", "GatewayEvent", "Misfit", "Object", "Payload", "Snowflake",
    "UnixTime", "dispatch",
]  # fmt: skip

Absent = UnsetType

T = TypeVar("T")
Payload = Annotated[T, "payload"]
"""Marks the field of an event that is its whole ``d``; the other fields stand in there, too."""

CREDENTIALS: Final = frozenset(
    (
        "access_token", "analytics_token", "auth_session_id_hash", "auth_token",
        "callback_code", "callback_state", "cred_id", "join", "match", "openid_params",
        "purchase_token_hash", "session_id", "spectate",
        "static_client_session_id", "target_session_id", "token",
    )
)  # fmt: skip
"""Fields whose value no text of an event shows: who has it can act for somebody."""

NOT_OF_D: Final = ("data", "misfits")
"""Fields of an event that are about its ``d``, and not in it."""

_OWN_IDS: Final = ("id", "channel_id", "message_id", "user_id")
"""Id fields that must be present if an event's class declares them."""

_SHORT: Final = 6
"""How many fields the one line of an event shows."""


_FIELD: Final[Any] = type(msgspec.field())
"""What says that a field has another name in JSON."""


class ObjectMeta(msgspec.StructMeta):
    """Makes every object frozen, with fields by keyword, and lenient (see the module's text)."""

    def __new__(
        mcls,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        *,
        lenient: bool = True,
        **options: Any,
    ) -> ObjectMeta:
        if lenient:
            _make_lenient(namespace, of_event=any(hasattr(base, "category") for base in bases))
        options = {"frozen": True, "kw_only": True} | options
        return super().__new__(mcls, name, bases, namespace, **options)


def _make_lenient(namespace: dict[str, Any], *, of_event: bool) -> None:
    """Let every field of a class be absent or null, but for an event's own ids. The annotations are
    texts, since the file of the class imports `annotations` from `__future__`."""
    hints: dict[str, str] = namespace.get("__annotations__", {})
    if hints.get("id") == "Snowflake":
        namespace["promises_id"] = True
    for field, hint in hints.items():
        must_be = of_event and field in _OWN_IDS and hint == "Snowflake"
        if not must_be and not hint.startswith(("ClassVar", "Payload")):
            hints[field] = f"{hint} | None"
            written = namespace.setdefault(field, UNSET)
            if isinstance(written, _FIELD) and written.default is msgspec.NODEFAULT:
                namespace[field] = msgspec.field(name=written.name, default=UNSET)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(msgspec.field,))
class Object(msgspec.Struct, metaclass=ObjectMeta, frozen=True, kw_only=True):
    """A JSON object. Its text leaves out what is absent, and never shows a credential."""

    promises_id: ClassVar[bool] = False
    """Whether the documentation has an ``id`` in each such object."""

    def __repr__(self) -> str:
        try:
            shown = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        except RecursionError:  # decoding goes deeper than this, and a log line is to be had of it
            shown = "..."
        return f"{type(self).__name__}({shown})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        fields = [(name, getattr(self, name)) for name in self.__struct_fields__]
        return [(name, _shown(name, value)) for name, value in fields if value is not UNSET]


def _shown(name: str, value: Any) -> Any:
    if name in CREDENTIALS and value:
        return "..."
    if isinstance(value, dict):
        return {key: _shown(key, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_shown(name, inner) for inner in value]
    return value


class Misfit(msgspec.Struct, frozen=True):
    """A place in ``d`` with a value that does not fit the class, as a text where there is to be a
    number. The field that is named last in the path is UNSET for it."""

    path: str
    """The place, as JSONPath: "$.embeds[3].fields[0].name"; values of a map are "[...]"."""
    reason: str
    """What was expected there, and what is there instead."""
    count: int = 1
    """In how many items of the same lists and maps that field is UNSET; ``path`` is the first."""

    @property
    def place(self) -> str:
        """The path without the numbers of items: "$.embeds[].fields[].name"."""
        return _NUMBER.sub("[]", self.path)

    def __str__(self) -> str:
        others = f" ({self.count} such)" if self.count > 1 else ""
        return f"{self.path}: {self.reason}{others}"


_NUMBER: Final = re.compile(r"\[[0-9]+\]")


class GatewayEvent(Object):
    """Anything that a gateway session can tell. ``str()`` of it is one short line."""

    @property
    def name(self) -> str:
        """The wire name, such as "MESSAGE_CREATE"."""
        raise NotImplementedError  # each subclass has one; a Struct is no ABC

    @property
    def data(self) -> bytes:
        """``d`` as it came: JSON."""
        raise NotImplementedError  # as above

    @property
    def misfits(self) -> tuple[Misfit, ...]:
        """What of ``d`` does not fit the class, at most 32 places."""
        return ()

    def __str__(self) -> str:
        return self.name


class Dispatch(GatewayEvent):
    """An event of op 0 with a class of its own; ``decode`` makes it."""

    name: ClassVar[str] = ""
    category: ClassVar[str] = ""
    """Group of the event in docs/events.md, such as "Message/Reactions"."""
    listed: ClassVar[bool] = True
    """Whether tests/cluster/events/rust_client_events.json has the event too."""
    documented: ClassVar[bool] = True
    """Whether a documentation has the event's fields, Discord's or the unofficial one. If none has,
    the class has what clients read of it, at the least its name, and ``data`` has all there is."""
    data: bytes = msgspec.field(default=b"", name="d, as it came")
    """``d`` as it came: JSON."""
    misfits: tuple[Misfit, ...] = msgspec.field(default=(), name="what of d does not fit")
    """What of ``d`` does not fit the class, at most 32 places. The fields there are UNSET."""

    def __str__(self) -> str:
        shown = [f"{name}={value}" for name, value in _ids(self)]
        return " ".join([self.name, *shown[:_SHORT]])

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        shown = [(name, value) for name, value in super().__rich_repr__() if name not in NOT_OF_D]
        return [*shown, ("misfits", self.misfits)] if self.misfits else shown


def _ids(thing: msgspec.Struct) -> Iterator[tuple[str, Any]]:
    """Yield what tells an event from others of its name: its ids, its payload's ids, and how long
    its lists are."""
    for name in thing.__struct_fields__:
        value = getattr(thing, name)
        if isinstance(value, int) and (name == "id" or name.endswith("_id")):
            yield name, value
        elif isinstance(value, list):
            yield name, len(value)
        elif isinstance(value, Object) and isinstance(thing, GatewayEvent):
            yield from ((f"{name}.{key}", id_) for key, id_ in _ids(value) if key.endswith("id"))


D = TypeVar("D", bound=Dispatch)
DISPATCHES: Final[dict[str, type[Dispatch]]] = {}
"""Every class of event, by wire name, in the order of the files."""


def dispatch(
    name: str, category: str, *, listed: bool = True, documented: bool = True
) -> Callable[[type[D]], type[D]]:
    """Make a class the one of this wire name. category, listed, documented: see `Dispatch`."""

    def register(cls: type[D]) -> type[D]:
        cls.name, cls.category, cls.listed, cls.documented = name, category, listed, documented
        DISPATCHES[name] = cls
        return cls

    return register
