"""What a coordinator is started with: the configuration, worked out, and the token.

``python -m coordinator`` reads one CoordinatorSpec as JSON from its standard input up to EOF (a
token in an argument or in the environment can be read by others) and answers with one StartOutcome
(cluster/wire/start_outcome.py). Both come from one installation: the form changes with it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec

from cluster.config.cache import check_cache
from cluster.config.cluster_config import ClusterConfig
from cluster.config.engines import check_engine
from cluster.config.keys import Name, NotNegative, Positive
from cluster.config.offered import behind_keys, check_joinable, check_offered
from cluster.config.proxy import check_proxy
from cluster.config.shards import check_one_session, check_share, parse_shards
from cluster.config.store_url import check_store
from cluster.endpoints.curve_keys import KeyFolder, check_keys
from cluster.endpoints.listening import check_http
from cluster.endpoints.paths import ClusterPaths
from cluster.errors import ConfigError


class CoordinatorSpec(ClusterConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that a coordinator must know to run: every key of the configuration under its own name.
    Paths are absolute; the keys that are written out here are worked out of what was configured."""

    name: Name
    state_dir: str
    """Folder of this cluster's store, journals, logs and lock; absolute."""
    runtime_dir: str
    """Folder of the ipc sockets; absolute and short (cluster.endpoints.paths)."""
    token: str = ""
    """The account's token, without "Bot". Empty only on a sandbox, which brings its own."""
    http_token: str = ""
    """What clients of HTTP show; empty: there is none, and nothing can be changed over HTTP."""
    intents: NotNegative = 0
    """Bit mask of a bot; 0 of a user account."""
    capabilities: NotNegative = 0
    """Bit mask of a user account; 0 of a bot."""
    subscribe_guilds: Literal["all"] | list[Positive] = msgspec.field(default_factory=list)
    """Guilds that a user account subscribes to after each READY."""
    shards: str = "auto"
    """The shards to run, in a form that parse_shards takes."""
    api_version: Literal[9, 10] = 10
    config_file: str = ""
    """The file that the configuration was read from, absolute; empty: there is none."""
    log_descriptor: int = -1
    """Where the lines of log_to = "stdout" go; -1: nowhere."""
    on_sandbox: bool = False
    """A sandbox is started first, and used in Discord's place."""
    standby: bool = False
    """Where another coordinator has the store, this one waits until it can take over."""

    def __post_init__(self) -> None:
        if not self.token and not self.on_sandbox:
            raise ValueError("token is empty")

    def __repr__(self) -> str:
        return f"CoordinatorSpec(name={self.name!r}, state_dir={self.state_dir!r}, token=<hidden>)"

    def __rich_repr__(self) -> Any:
        yield "name", self.name
        yield "state_dir", self.state_dir

    def check(self) -> None:
        """Raise ConfigError for shards of no known form, a part of a bot without a share, TCP
        without keys, or an engine or a store for which something is not installed."""
        check_joinable(self)
        check_engine(self)
        check_store(self.store)
        check_offered(self)
        check_proxy(self.proxy, self.account)
        check_cache(self, self.intents)
        check_http(self.http.listen, has_token=bool(self.http_token))
        check_keys(KeyFolder(self.paths.keys), behind_keys(self))
        if self.account == "user":
            check_one_session(self.shards, self.identify.broker)
            if not self.client_build_number:
                raise ConfigError(
                    "client_build_number is not set", "a user account needs the web client's"
                )
        if self.on_sandbox:  # a bot of its own
            parse_shards(self.shards)
            return
        check_share(
            self.shards,
            broker=self.identify.broker,
            budget=self.identify.budget,
            reserve=self.identify.reserve,
        )

    @property
    def paths(self) -> ClusterPaths:
        """Folders and endpoints of this cluster."""
        return ClusterPaths(
            name=self.name, state_dir=Path(self.state_dir), runtime_dir=Path(self.runtime_dir)
        )

    @property
    def compression(self) -> str:
        """Transport compression as the gateway's URL names it; "" for none."""
        return "" if self.compress == "none" else self.compress


encode_spec = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(CoordinatorSpec)


def decode_spec(data: bytes) -> CoordinatorSpec:
    """Return the spec of a JSON text. Raises one of decode_errors.MALFORMED, whose text names the
    field and the types, never the token."""
    return _decoder.decode(data)
