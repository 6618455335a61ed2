"""The keys of a configuration, their types and defaults. configs/cluster.toml explains each."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec

from cluster.config.schema import Schema
from cluster.endpoints.paths import CLUSTER_NAME
from cluster.sandbox.options import SandboxOptions
from cluster.wire.spec import SHARDS_FORMS, NotNegative, Positive, Seconds, StopSeconds

Name = Annotated[
    str,
    msgspec.Meta(
        pattern=CLUSTER_NAME,
        description="a name of 1 to 32 letters a-z, digits, - and _",
    ),
]
Shards = Annotated[int | str, msgspec.Meta(description=SHARDS_FORMS)]
IntentNames = Annotated[
    NotNegative | str | list[str],
    msgspec.Meta(
        description='names such as ["guilds", "guild_messages"], a bit mask, "all", '
        '"unprivileged" or "none"'
    ),
]
CapabilityNames = Annotated[
    NotNegative | str | list[str],
    msgspec.Meta(
        description='names such as ["lazy_user_notes", "user_settings_proto"], a bit mask, '
        '"default", "all" or "none"'
    ),
]
Guilds = Annotated[str | list[int | str], msgspec.Meta(description='"all", or a list of guild ids')]


class IdentifyConfig(msgspec.Struct, frozen=True, kw_only=True):
    """[identify]"""

    margin_ms: NotNegative = 250
    reserve: NotNegative = 0
    budget: NotNegative = 0
    """0: no bound but Discord's."""
    broker: str = ""
    """Empty: this cluster grants its identifies, to itself."""
    broker_keys: str = ""


class JournalConfig(msgspec.Struct, frozen=True, kw_only=True):
    """[journal]"""

    bytes: Annotated[int, msgspec.Meta(ge=1024 * 1024)] = 256 * 1024 * 1024


class HubConfig(msgspec.Struct, frozen=True, kw_only=True):
    """[hub]"""

    pipe_messages: Positive = 1000


class TcpConfig(msgspec.Struct, frozen=True, kw_only=True):
    """[tcp]; empty: not offered."""

    events: str = ""
    replay: str = ""
    control: str = ""


class ClusterConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Every key. Units are in the names."""

    name: Name = "default"
    state_dir: str = ""
    runtime_dir: str = ""
    token_file: str = ""
    account: Literal["bot", "user"] = "bot"
    intents: IntentNames = "unprivileged"
    capabilities: CapabilityNames = "default"
    client_build_number: NotNegative = 0
    subscribe_guilds: Guilds = []
    presence: dict[str, Any] | None = None
    large_threshold: Annotated[int, msgspec.Meta(ge=50, le=250)] = 250
    shards: Shards = "auto"
    workers: Positive | Literal["auto"] = "auto"
    shards_per_worker: Positive = 64
    api_url: str = "https://discord.com/api"
    gateway_url: str = ""
    api_version: Literal[9, 10, "auto"] = "auto"
    compress: Literal["zlib-stream", "zstd-stream", "none"] = "zlib-stream"
    ca_file: str = ""
    adopt_seconds: Seconds = 60.0
    stop_seconds: StopSeconds = 20.0
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    identify: IdentifyConfig = msgspec.field(default_factory=IdentifyConfig)
    journal: JournalConfig = msgspec.field(default_factory=JournalConfig)
    hub: HubConfig = msgspec.field(default_factory=HubConfig)
    tcp: TcpConfig = msgspec.field(default_factory=TcpConfig)
    sandbox: SandboxOptions = msgspec.field(default_factory=SandboxOptions)


SCHEMA: Final = Schema(ClusterConfig)
VARIABLES: Final = {"DCGW_" + key.upper().replace(".", "_"): key for key in SCHEMA.keys}
"""Environment variable -> key."""
NOT_KEYS: Final = ("DCGW_TOKEN", "DCGW_CONFIG")

SANDBOX_CLUSTER: Final[dict[str, Any]] = {
    "name": "sandbox",
    "intents": "all",
    "workers": 2,
    "sandbox.guilds": 40,
    "sandbox.rate": 500.0,
    "sandbox.shards": 4,
    "sandbox.max_concurrency": 4,
}
"""Defaults of a cluster on a sandbox: lively, and ready within seconds."""
