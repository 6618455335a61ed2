"""What a configuration may say: keys, types and ranges read from its structs, and clear refusals.

Keys are dotted ("identify.margin_ms"); a field whose type is a struct is a table. Values come in
layers (file, environment, flags): the text of the last two is read by the type of its key.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import inspect

from cluster.errors import ConfigError
from cluster.plain_text import unseen

_SECRET: Final = re.compile(
    r"token(?!_file)|secret(?!s_file)|passw|credential|^store$", re.IGNORECASE
)
_LONGEST_SHOWN: Final = 40
_MOST_LISTED: Final = 8
HIDDEN: Final = "<hidden>"


class Given(NamedTuple):
    """A value as somebody gave it, and where."""

    value: Any
    source: str
    """Where it was given, for the reader: "cluster.toml", "DCGW_SHARDS", "--shards"."""
    text: bool = False
    """The value is text that stands for a value of the key's type."""


class Key(NamedTuple):
    """A key that exists."""

    name: str
    type: Any
    default: Any
    """The default value, made already where the struct has a default_factory."""


class Schema:
    """The keys of a struct of structs."""

    def __init__(self, root: type[msgspec.Struct]) -> None:
        self.root = root
        self.tables: dict[str, type[msgspec.Struct]] = {}
        self.keys: dict[str, Key] = {}
        for field in msgspec.structs.fields(root):
            default = _default(field)
            if isinstance(default, msgspec.Struct):
                self.tables[field.name] = type(default)
                for inner in msgspec.structs.fields(type(default)):
                    self._add(
                        f"{field.name}.{inner.name}", inner.type, getattr(default, inner.name)
                    )
            else:
                self._add(field.name, field.type, default)

    def _add(self, name: str, kind: Any, default: Any) -> None:
        self.keys[name] = Key(name, kind, default)

    def flatten(self, document: Mapping[str, Any], source: str) -> dict[str, Given]:
        """Return a parsed file by dotted keys; what is in no known table keeps its own name."""
        flat: dict[str, Given] = {}
        for name, value in document.items():
            if name not in self.tables:
                flat[name] = Given(value, source)
            elif isinstance(value, Mapping):
                flat.update({f"{name}.{key}": Given(inner, source) for key, inner in value.items()})
            else:
                raise ConfigError(
                    f"{name} in {source} is {shown(name, value)}",
                    f"it is a table: write [{name}] and its keys under it",
                )
        return flat

    def build(self, given: Mapping[str, Given], defaults: Mapping[str, Any]) -> msgspec.Struct:
        """Return the struct; ``defaults`` are used in place of the struct's own where nobody gave a
        value. ConfigError names the first key that does not fit."""
        values: dict[str, dict[str, Any]] = {"": dict(_split(defaults, ""))}
        for table in self.tables:
            values[table] = dict(_split(defaults, table))
        for name, one in given.items():
            table, _, key = name.rpartition(".")
            values[table][key] = self.check(name, one)
        tables = {name: kind(**values[name]) for name, kind in self.tables.items()}
        return self.root(**values[""], **tables)

    def check(self, name: str, given: Given) -> Any:
        """Return the value of one key, converted to its type."""
        if name not in self.keys:
            raise self._unknown(name, given)
        kind = self.keys[name].type
        try:
            value = _read_text(given.value, kind) if given.text else given.value
            converted = msgspec.convert(value, kind, strict=not given.text)
        except (msgspec.ValidationError, json.JSONDecodeError, RecursionError):
            value = shown(name, given.value)
            flag = given.source.startswith("--")
            raise ConfigError(
                f"{given.source} is {value}" if flag else f"{name} is {value} in {given.source}",
                f"give {allowed(kind)}{_form(given, kind)}",
            ) from None
        if isinstance(converted, str) and (character := unseen(converted)):
            raise ConfigError(
                f"{name} in {given.source} holds a character that can't be seen ({character})",
                "write it anew",
            )
        return converted

    def _unknown(self, name: str, given: Given) -> ConfigError:
        table = name.rpartition(".")[0]
        if isinstance(given.value, Mapping) and not table:
            meant = nearest(name, self.tables)
            tables = ", ".join(f"[{known}]" for known in self.tables)
            hint = f"did you mean [{meant}]? " if meant else ""
            return ConfigError(
                f"unknown table [{name}] in {given.source}", f"{hint}the tables are {tables}"
            )
        cause = f"unknown key {name} = {shown(name, given.value)} in {given.source}"
        meant = nearest(name, self.keys)
        fellows = [known for known in self.keys if known.rpartition(".")[0] == table]
        listed = ", ".join(fellow.rpartition(".")[2] for fellow in fellows)
        where = f"[{table}] takes" if table else "the keys outside of tables are"
        hint = f"did you mean {meant}?" if meant else ""
        if meant and len(fellows) > _MOST_LISTED:  # the list would bury the hint
            return ConfigError(cause, hint)
        return ConfigError(cause, f"{hint} {where} {listed}".lstrip())


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


def _split(values: Mapping[str, Any], table: str) -> Iterable[tuple[str, Any]]:
    for name, value in values.items():
        prefix, _, key = name.rpartition(".")
        if prefix == table:
            yield key, value


def _read_text(text: str, kind: Any) -> Any:
    """Return what a text stands for: a list is comma-separated or JSON, a map JSON; the rest is
    left to msgspec."""
    info = inspect.type_info(kind)
    info = info.type if isinstance(info, inspect.Metadata) else info
    kinds = info.types if isinstance(info, inspect.UnionType) else (info,)
    if text[:1] in "[{" and any(isinstance(k, inspect.ListType | inspect.DictType) for k in kinds):
        return json.loads(text)
    if any(isinstance(k, inspect.ListType) for k in kinds) and "," in text:
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _form(given: Given, kind: Any) -> str:
    """Return how a value is to be written, where the value would do and only its form is wrong."""
    if given.text:
        tables = any(word in allowed(kind) for word in ("a table", "tables"))
        return " as JSON" if tables else ""
    try:
        if isinstance(given.value, str):
            msgspec.convert(given.value, kind, strict=False)
            return ", without quotes"
    except msgspec.ValidationError:
        pass  # the value is wrong, too
    return ""


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the name that was probably meant; a key of the wrong table counts by its last part."""
    names = list(names)
    last = name.rpartition(".")[2]
    if moved := [known for known in names if known.rpartition(".")[2] == last]:
        return moved[0]
    folded = {known.lower().replace("_", "."): known for known in names}
    close = difflib.get_close_matches(name.lower().replace("_", "."), folded, n=1, cutoff=0.6)
    if close:
        return folded[close[0]]
    begun = [known for known in names if known.rpartition(".")[2].startswith(f"{last}_")]
    return begun[0] if len(begun) == 1 else None


def shown(name: str, value: Any) -> str:
    """Return a value for a message. What may be a secret, by its key or its length, is not
    shown."""
    if _SECRET.search(name) or (isinstance(value, str) and len(value) > _LONGEST_SHOWN):
        return HIDDEN
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "..."


def is_secret(name: str) -> bool:
    """Return whether the value of this key is never printed."""
    return bool(_SECRET.search(name))


def allowed(kind: Any) -> str:
    """Return what a type takes, in words: "a whole number from 50 to 250", '"a" or "b"'."""
    return _words(inspect.type_info(kind))


def _words(info: inspect.Type) -> str:
    match info:
        case inspect.Metadata(type=inner, extra_json_schema=extra):
            return str((extra or {}).get("description") or _words(inner))
        case inspect.UnionType(types=types):
            return " or ".join(_words(t) for t in types if not isinstance(t, inspect.NoneType))
        case inspect.LiteralType(values=values):
            *most, last = (json.dumps(value) for value in values)
            return f"{', '.join(most)} or {last}" if most else last
        case inspect.IntType(ge=ge, le=le):
            return "a whole number" + _range(ge, le)
        case inspect.FloatType(ge=ge, le=le):
            return "a number" + _range(ge, le)
        case inspect.BoolType():
            return "true or false"
        case inspect.ListType(item_type=item):
            return f"a list of {_words(item).removeprefix('a ')}s"
        case inspect.DictType():
            return "a table"
    return "a text"


def _range(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f" from {low} to {high}"
    if low is not None:
        return f" of {low} or more"
    return f" of {high} or less" if high is not None else ""
