"""Keys for TCP (CURVE): who may come in over the network, and what for.

In a cluster's state folder, ``keys/`` (0700), files of mode 0600:

    server.json     the server's pair
    clients.json    of each client: name, public key, what it may do; its secret is not kept here

What a client needs is one file of its own, ``NAME.key``: its pair and the server's public key,
which pins the server, and where it listens, if that is known. Keys are in Z85, as ZeroMQ writes
them.

Source: CurveZMQ (ZeroMQ RFC 26), Z85 (RFC 32).
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
import zmq

from cluster import durable
from cluster.decode_errors import MALFORMED
from cluster.endpoints.folders import make_private, replaceable, write_private
from cluster.errors import ConfigError
from cluster.plain_text import utf8

log = logging.getLogger(__name__)

Right = Literal["status", "identify", "send", "cache", "control", "host"]
RIGHTS: Final[dict[Right, str]] = {
    "status": "ask for the cluster's state",
    "identify": "ask for identifies, as identify.broker and request_identify do",
    "send": "send commands to the gateway: presence, voice state, requests for members ...",
    "cache": "ask for what the cache keeps: guilds, channels, members ...",
    "control": "everything that the control endpoint offers, stop among it",
    "host": "join as a host of this name: run workers, which are given the token",
}
"""What a key can be allowed besides what every key may: subscribe, replay, report how it fares."""

CLIENT_NAME: Final = r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,31}\Z"
MAX_FILE_BYTES: Final = 4 * 1024 * 1024
SUFFIX: Final = ".key"

Z85: Final = r"\A[0-9a-zA-Z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}\Z"
Key = Annotated[str, msgspec.Meta(pattern=Z85)]
Name = Annotated[str, msgspec.Meta(pattern=CLIENT_NAME)]
Content = TypeVar("Content", bound=msgspec.Struct)


class ServerKeys(msgspec.Struct, frozen=True, kw_only=True):
    """The content of server.json."""

    public: Key
    secret: Key

    def __repr__(self) -> str:
        return f"ServerKeys(public={self.public!r}, secret=<hidden>)"

    def __rich_repr__(self) -> Any:
        yield "public", self.public


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """A client whose key is let in: a row of clients.json."""

    name: Name
    public: Key
    may: tuple[Right, ...] = ()
    added: int = 0
    """When the key was made: Unix seconds."""


class Clients(msgspec.Struct, frozen=True, kw_only=True):
    """The content of clients.json."""

    clients: list[Client] = []


class ClientKeys(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """NAME.key: all that a client on another host needs. Endpoints are empty where they are not
    known, or not offered."""

    name: Name
    server: Key
    """The server's public key: whoever does not have its secret is not taken for the server."""
    public: Key
    secret: Key
    events: str = ""
    replay: str = ""
    control: str = ""
    hosts: str = ""
    """Where host agents join."""

    def __repr__(self) -> str:
        return f"ClientKeys(name={self.name!r}, public={self.public!r}, secret=<hidden>)"

    def __rich_repr__(self) -> Any:
        yield "name", self.name
        yield "public", self.public

    @classmethod
    def read(cls, file: Path) -> ClientKeys:
        """Read a key file. ConfigError: it can't be read, or is none. Its text is in no message. A
        file that others can read is taken, with a warning."""
        keys = _read(file, cls, f"the key file {file}", "make one with `dcgw-cluster keys add`")
        if open_to_others(file):
            log.warning("the key file %s can be read by others: chmod 600 %s", file, file)
        if why := replaceable(file):
            log.warning("the key file %s is not safe there: %s", file, why)
        return keys


def read_keys(keys: ClientKeys | Path | str | None) -> ClientKeys | None:
    """Return keys as programs give them: themselves, or the path of their file. ConfigError."""
    if keys is None or isinstance(keys, ClientKeys):
        return keys
    return ClientKeys.read(Path(keys))


class KeyFolder:
    """The keys of one cluster. What is changed here holds for a running cluster within a second:
    it looks at clients.json itself. Methods raise ConfigError."""

    def __init__(self, folder: Path) -> None:
        """folder: ClusterPaths.keys; it need not exist."""
        self.folder = folder
        self.server_file = folder / "server.json"
        self.clients_file = folder / "clients.json"

    def server(self) -> ServerKeys:
        """Return the server's pair. ConfigError too if others can read it."""
        cluster = self.folder.parent.name
        action = f"make them with `dcgw-cluster keys add NAME --name {cluster}`"
        if not self.server_file.exists():
            raise ConfigError(f"there are no keys in {self.folder}", action)
        keys = _read(
            self.server_file, ServerKeys, f"the server's keys, {self.server_file},", action
        )
        if open_to_others(self.server_file):
            raise ConfigError(
                f"the server's keys, {self.server_file}, can be read by others",
                f"`chmod 600 {self.server_file}`; if others did: `dcgw-cluster keys renew`",
            )
        return keys

    def clients(self) -> list[Client]:
        """Return the clients in the order in which they were added."""
        if not self.clients_file.exists():
            return []
        action = "put it right, or remove it and make the keys anew"
        return _read(self.clients_file, Clients, f"{self.clients_file}", action).clients

    def server_or_new(self) -> ServerKeys:
        """Return the server's pair, made now if there is none."""
        with self._locked():
            return self._server_or_new()

    def renew(self) -> ServerKeys:
        """Make a new server pair: every client's file is void."""
        with self._locked():
            return self._renew()

    def add(self, name: str, may: tuple[Right, ...], now: int) -> ClientKeys:
        """Add a client and return its keys, without endpoints; the server's pair is made if there
        is none. now: Unix seconds."""
        public, secret = pair()
        with self._locked():
            clients = self.clients()
            if any(client.name == name for client in clients):
                raise ConfigError(
                    f"there is a key named {name!r} already",
                    "take another name, or `dcgw-cluster keys remove` it first",
                )
            server = self._server_or_new()
            client = Client(name=name, public=public, may=may, added=now)
            _write(self.clients_file, Clients(clients=[*clients, client]))
        return ClientKeys(name=name, server=server.public, public=public, secret=secret)

    def put(self, client: Client) -> None:
        """Add a client that has made its pair itself, in the place of one of its name."""
        with self._locked():
            others = [one for one in self.clients() if one.name != client.name]
            _write(self.clients_file, Clients(clients=[*others, client]))

    def remove(self, name: str) -> None:
        """Remove a client: its key is let in no more, and connections with it are cut off."""
        with self._locked():
            clients = self.clients()
            left = [client for client in clients if client.name != name]
            if len(left) == len(clients):
                known = ", ".join(client.name for client in clients)
                raise ConfigError(
                    f"there is no key named {name!r}", f"there are {known}" if known else ""
                )
            _write(self.clients_file, Clients(clients=left))

    def _server_or_new(self) -> ServerKeys:
        return self.server() if self.server_file.exists() else self._renew()

    def _renew(self) -> ServerKeys:
        public, secret = pair()
        keys = ServerKeys(public=public, secret=secret)
        _write(self.server_file, keys)
        return keys

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Let one process change the keys at a time."""
        try:
            make_private(self.folder)
            fd = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise ConfigError(f"{self.folder} can't be made ({error.strerror})") from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)


def check_keys(folder: KeyFolder, offered: Mapping[str, str]) -> list[str]:
    """Check that what is offered over TCP has keys; return warnings for the reader. ConfigError:
    there are none, or they can't be used; without them nothing listens on TCP. offered: endpoints
    by key of the configuration."""
    if not offered:
        return []
    key = next(iter(offered))
    try:
        folder.server()
    except ConfigError as error:
        action = error.action
        if key.startswith("hosts."):  # another right than those that a key has by itself
            action = action.replace("keys add NAME ", "keys add NAME --may host ")
        raise ConfigError(f"{key} is set, and {error.cause}", action) from None
    clients = folder.clients()
    if "hosts.control" in offered and not any("host" in client.may for client in clients):
        return ["no host has a key to join: `dcgw-cluster keys add NAME --may host` makes one"]
    if clients:
        return []
    return ["TCP is offered, and no client has a key: `dcgw-cluster keys add NAME` makes one"]


def pair() -> tuple[str, str]:
    """Return a new public key and its secret one."""
    public, secret = zmq.curve_keypair()
    return public.decode(), secret.decode()


def open_to_others(file: Path) -> bool:
    """Return whether anybody but its owner can read or write a file."""
    return bool(file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def encode(struct: msgspec.Struct) -> bytes:
    """Return a key file's content."""
    return msgspec.json.format(msgspec.json.encode(struct)) + b"\n"


def _write(file: Path, content: msgspec.Struct) -> None:
    """Replace a file in one step: it is written whole or not at all."""
    draft = file.with_suffix(".new")
    try:
        draft.unlink(missing_ok=True)
        write_private(draft, encode(content))
        durable.replace(draft, file)
    except OSError as error:
        raise ConfigError(f"{file} can't be written ({error.strerror})") from error


def _read(file: Path, kind: type[Content], what: str, action: str) -> Content:
    try:
        with file.open("rb") as handle:
            data = handle.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{what} can't be read ({error.strerror})", action) from None
    try:
        if len(data) > MAX_FILE_BYTES:
            raise msgspec.DecodeError("it is too long")
        return msgspec.json.decode(utf8(what, data), type=kind)
    except MALFORMED as error:
        # msgspec names fields and types, never values; this holds a secret all the same
        why = error if isinstance(error, msgspec.ValidationError) else type(error).__name__
        raise ConfigError(f"{what} is damaged, or something else ({why})", action) from None
