"""What a host agent is started with.

``python -m host_agent`` reads one HostSpec as JSON from its standard input up to EOF: the secret of
a key in an argument or in the environment could be read by others.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec

from cluster.config.keys import StopSeconds
from cluster.endpoints.curve_keys import ClientKeys
from cluster.endpoints.paths import ClusterPaths
from cluster.endpoints.tcp import Tcp
from cluster.errors import ConfigError
from cluster.ranges import MAX_SHARDS
from cluster.wire.states import Level

MOST_ENDPOINTS: Final = 16
"""Endpoints at which an agent seeks coordinators."""


class HostSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that a host agent must know to run. Paths are absolute."""

    join: Annotated[list[str], msgspec.Meta(min_length=1, max_length=MOST_ENDPOINTS)]
    """Where coordinators listen for hosts, "tcp://HOST:PORT": that of a standby among them, which
    listens once it has taken over."""
    keys: ClientKeys
    """The host's key; its name is the host's."""
    state_dir: str
    """Folder of the host's journals, logs and lock."""
    runtime_dir: str
    """Folder of its ipc sockets; short (cluster.endpoints.paths)."""
    workers: Annotated[int, msgspec.Meta(ge=0, le=MAX_SHARDS)] = 0
    """How many workers the host would run: its share of them; 0: one a core."""
    max_shards: Annotated[int, msgspec.Meta(ge=0, le=MAX_SHARDS)] = 0
    """Most shards that it takes; 0: as many as come."""
    labels: Annotated[dict[str, str], msgspec.Meta(max_length=64)] = {}
    wait_s: float = 0.0
    """Seconds after which it gives up if it has not joined; 0: it never does."""
    stop_seconds: StopSeconds = 20.0
    """Its workers have ended within this long when it ends, by signals if it must be."""
    parent: int = 0
    """Process without which it ends, and leaves its workers to the next agent; 0: there is none."""
    tells: Literal["outcome", "words"] = "outcome"
    """What it writes to standard output: one StartOutcome, for a program that has started it, or
    what happens, in words, for people."""
    log_level: Level = "info"
    log_format: Literal["logfmt", "json"] = "logfmt"

    def __rich_repr__(self) -> Any:
        yield "name", self.name
        yield "join", self.join

    @property
    def name(self) -> str:
        """The host's name."""
        return self.keys.name

    @property
    def paths(self) -> ClusterPaths:
        """Folders and endpoints of this host."""
        return ClusterPaths(
            name=self.name, state_dir=Path(self.state_dir), runtime_dir=Path(self.runtime_dir)
        )

    def check(self) -> None:
        """Raise ConfigError for an endpoint that is none to connect to, or a relative path."""
        for endpoint in self.join:
            tcp = Tcp.read(endpoint)
            if tcp is None or tcp.everywhere:
                raise ConfigError(
                    f"{endpoint!r} is nowhere to join", "give tcp://HOST:PORT, its [hosts] control"
                )
        for path in (self.state_dir, self.runtime_dir):
            if not os.path.isabs(path):
                raise ConfigError(f"{path!r} is no absolute path")


encode_spec = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(HostSpec)


def decode_spec(data: bytes) -> HostSpec:
    """Return the spec of a JSON text. Raises one of decode_errors.MALFORMED for anything else,
    whose text names the field and the types, never a secret."""
    return _decoder.decode(data)
