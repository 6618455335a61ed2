"""What a coordinator is started with, and its one line of answer.

``python -m coordinator`` reads one CoordinatorSpec as JSON from its standard input up to EOF (a
token in an argument or in the environment can be read by others) and writes one StartOutcome as a
JSON line to its standard output. After that it is talked to over the control socket.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec

from cluster.endpoints.curve_keys import KeyFolder, check_keys
from cluster.endpoints.paths import ClusterPaths
from cluster.endpoints.tcp import check_tcp
from cluster.errors import ConfigError
from cluster.ranges import MAX_SHARDS
from cluster.wire.control import Failure

SELF: Final = "self"
"""As identify_broker: this coordinator is the broker of others."""
SHARDS_FORMS: Final = '"auto", a number such as "16", or a part of a larger bot such as "0-15/64"'

Positive = Annotated[int, msgspec.Meta(ge=1)]
NotNegative = Annotated[int, msgspec.Meta(ge=0)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=86_400)]
StopSeconds = Annotated[float, msgspec.Meta(ge=1, le=86_400)]

_NUMBER = re.compile(r"[0-9]{1,7}")
_PART = re.compile(r"([0-9]{1,7})-([0-9]{1,7})/([0-9]{1,7})")


class ShardRange(msgspec.Struct, frozen=True):
    """The shards that one coordinator runs: first to last (inclusive) of count."""

    first: int
    last: int
    count: int

    @property
    def whole(self) -> bool:
        """Whether these are all shards of the bot."""
        return self.first == 0 and self.last == self.count - 1

    def __len__(self) -> int:
        return self.last - self.first + 1


def parse_shards(text: str) -> ShardRange | None:
    """The value of ``shards``; None for "auto". ConfigError for every other form."""
    if text == "auto":
        return None
    if _NUMBER.fullmatch(text) and 1 <= int(text) <= MAX_SHARDS:
        return ShardRange(0, int(text) - 1, int(text))
    if part := _PART.fullmatch(text):
        first, last, count = (int(number) for number in part.groups())
        if first <= last < count <= MAX_SHARDS:
            return ShardRange(first, last, count)
    raise ConfigError(f"shards is {text!r}", f"give {SHARDS_FORMS}")


def check_one_session(shards: str, broker: str) -> None:
    """ConfigError for what a user account has none of: shards, and others that share its
    identifies."""
    part = parse_shards(shards)
    if part is not None and part.count != 1:
        raise ConfigError(
            f'shards is {shards!r}, and account is "user"',
            'a user account has one session, which is never sharded: set shards to "auto"',
        )
    if broker:
        raise ConfigError(
            'identify.broker is set, and account is "user"',
            "a user account has one session and nobody to share its identifies with: take it out",
        )


def check_share(shards: str, *, broker: str, budget: int | None, reserve: int) -> None:
    """ConfigError unless it is settled who grants the identifies, and out of what."""
    part = parse_shards(shards)
    if part and not part.whole and not broker and not budget:
        raise ConfigError(
            f"shards = {shards!r} is a part of a bot whose identify budget others spend too",
            'name the cluster that grants for all parts in identify.broker ("self" in that one), '
            "or give this part its share: identify.budget",
        )
    if broker not in ("", SELF) and (budget or reserve):
        key = "identify.budget" if budget else "identify.reserve"
        raise ConfigError(
            f"{key} is set, and the identifies come from identify.broker",
            f"set {key} at the broker, or leave one of them out",
        )


class CoordinatorSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that a coordinator must know to run; seconds, milliseconds and bytes as the names say."""

    name: str
    state_dir: str
    """Store, journals, logs and lock; absolute."""
    runtime_dir: str
    """The ipc sockets; absolute and short (cluster.endpoints.paths)."""

    # The account
    token: str = ""
    """Without the word "Bot". Empty only with ``sandbox``, which brings its own."""
    account: Literal["bot", "user"] = "bot"
    intents: NotNegative = 0
    """A bot's."""
    capabilities: NotNegative = 0
    """A user account's, as the two that follow."""
    client_build_number: NotNegative = 0
    subscribe_guilds: Literal["all"] | list[Positive] = []
    """Guilds that are subscribed to after each READY."""
    presence: dict[str, Any] | None = None
    large_threshold: Annotated[int, msgspec.Meta(ge=50, le=250)] = 250

    # Shards and workers
    shards: str = "auto"
    """A form that parse_shards takes."""
    workers: Positive | Literal["auto"] = "auto"
    """"auto": one a core, and more where shards_per_worker asks for it."""
    shards_per_worker: Positive = 64
    """Most shards of a worker when workers is "auto"."""

    # Discord, or who speaks for it
    api_url: str = "https://discord.com/api"
    """Without the version."""
    gateway_url: str = ""
    """Empty: what GET /gateway/bot says."""
    api_version: Literal[9, 10] = 10
    compress: Literal["zlib-stream", "zstd-stream", ""] = "zlib-stream"
    ca_file: str = ""
    """PEM file of the certificate authority; empty: the system's."""

    # TCP, besides the local sockets; empty: not offered
    tcp_events: str = ""
    """Where subscribers on other hosts connect: "tcp://ADDRESS:PORT"."""
    tcp_replay: str = ""
    tcp_control: str = ""

    # Identifies
    identify_margin_ms: NotNegative = 250
    """Added to the 5 s between two identifies of a bucket."""
    identify_reserve: NotNegative = 0
    """Identifies of the daily limit that are left untouched."""
    identify_budget: Positive | None = None
    """Most identifies to spend in a day; the share of one coordinator of a larger bot."""
    identify_broker: str = ""
    """Control endpoint of the coordinator that grants, "self" if this one grants for others too;
    empty: this one, for itself."""

    identify_broker_keys: str = ""
    """Key file for a broker on TCP; absolute."""

    # Limits
    journal_bytes: Annotated[int, msgspec.Meta(ge=1024 * 1024)] = 256 * 1024 * 1024
    """Of each worker."""
    hub_pipe_messages: Positive = 1000
    """High-water mark of a worker's socket to the hub."""
    adopt_seconds: Seconds = 60.0
    """How long workers go on without a coordinator."""
    stop_seconds: StopSeconds = 20.0
    """Within this long a stop is done, by signals if it must be."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    sandbox: dict[str, Any] | None = None
    """SandboxOptions as a map: a sandbox is started first, and used in Discord's place."""

    def __post_init__(self) -> None:
        if not self.token and self.sandbox is None:
            raise ValueError("token is empty")

    def __repr__(self) -> str:
        return f"CoordinatorSpec(name={self.name!r}, state_dir={self.state_dir!r}, token=<hidden>)"

    def __rich_repr__(self) -> Any:
        yield "name", self.name
        yield "state_dir", self.state_dir

    def check(self) -> None:
        """ConfigError for shards of no known form, a part of a bot without a share, or TCP without
        keys."""
        check_tcp(self.tcp)
        check_keys(KeyFolder(self.paths.keys), self.tcp)
        if self.account == "user":
            check_one_session(self.shards, self.identify_broker)
            if not self.client_build_number:
                raise ConfigError(
                    "client_build_number is not set", "a user account needs the web client's"
                )
        if self.sandbox is not None:  # a bot of its own
            parse_shards(self.shards)
            return
        check_share(
            self.shards,
            broker=self.identify_broker,
            budget=self.identify_budget,
            reserve=self.identify_reserve,
        )

    @property
    def tcp(self) -> dict[str, str]:
        """What is offered over TCP: endpoints by "events", "replay" and "control"."""
        named = {
            "events": self.tcp_events,
            "replay": self.tcp_replay,
            "control": self.tcp_control,
        }
        return {name: endpoint for name, endpoint in named.items() if endpoint}

    @property
    def paths(self) -> ClusterPaths:
        return ClusterPaths(
            name=self.name, state_dir=Path(self.state_dir), runtime_dir=Path(self.runtime_dir)
        )


class StartOutcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The one line on a coordinator's standard output: {"ready": true} once its sockets are bound,
    or {"error": {kind, cause, action}}, after which nothing of it is left running."""

    ready: bool = False
    notes: list[str] = []
    """What whoever started it should read: a line each."""
    error: Failure | None = None


encode = msgspec.json.encode
decode_outcome = msgspec.json.Decoder(StartOutcome).decode
_spec = msgspec.json.Decoder(CoordinatorSpec)


def decode_spec(data: bytes) -> CoordinatorSpec:
    """Raises one of refusals.MALFORMED, whose text names the field and the
    types, never the token."""
    return _spec.decode(data)
