"""Every key of a configuration with its type and default, written here and nowhere else.

configs/cluster.toml explains each. The coordinator and its workers are started with these very
structs (coordinator_spec.py, worker_spec.py), so that a key reaches its user without being copied.
The keys of [sandbox] are in cluster/sandbox/options.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

import msgspec

from cluster.config.shards import SHARDS_FORMS
from cluster.endpoints.paths import CLUSTER_NAME
from cluster.ranges import MAX_SHARDS, MAX_WORKER_SHARDS
from cluster.wire.states import Level

MAX_JOURNAL_BYTES: Final = 1 << 40
"""A journal is mapped at twice its size, and the replay server maps those of all workers."""
MAX_PIPE_MESSAGES: Final = 1_000_000_000
"""A billion bounds nothing: what waits is bounded in bytes as well."""

Positive = Annotated[int, msgspec.Meta(ge=1)]
NotNegative = Annotated[int, msgspec.Meta(ge=0)]
Identifies = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=86_400)]
StopSeconds = Annotated[float, msgspec.Meta(ge=1, le=86_400)]
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
Guilds = Annotated[
    str | Sequence[int | str], msgspec.Meta(description='"all", or a list of guild ids')
]


class IdentifyConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of [identify]."""

    margin_ms: Annotated[int, msgspec.Meta(ge=0, le=86_400_000)] = 250
    """Milliseconds added to the 5 s between two identifies of a bucket."""
    reserve: Identifies = 0
    """Identifies of the daily limit that are left untouched."""
    budget: Identifies = 0
    """Most identifies to spend in a day; 0: no bound but Discord's."""
    broker: str = ""
    """The cluster that grants the identifies, "self" if this one grants for others too; empty: this
    one, for itself. In a CoordinatorSpec a control endpoint stands for the cluster's name."""
    broker_keys: str = ""
    """Key file for a broker on TCP."""


class JournalConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of [journal]."""

    bytes: Annotated[int, msgspec.Meta(ge=1024 * 1024, le=MAX_JOURNAL_BYTES)] = 256 * 1024 * 1024
    """Bytes on disk of each worker's journal."""


class HubConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of [hub]."""

    pipe_messages: Annotated[int, msgspec.Meta(ge=1, le=MAX_PIPE_MESSAGES)] = 1000
    """Most messages that wait in a worker for room in its pipe to the hub."""


class TcpConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of [tcp]: endpoints "tcp://ADDRESS:PORT"; empty ones are not offered."""

    events: str = ""
    """Where subscribers connect."""
    replay: str = ""
    """Where they ask for what they missed."""
    control: str = ""
    """The control endpoint, for what each key may ask."""

    @property
    def offered(self) -> dict[str, str]:
        """The endpoints that are offered, by "events", "replay" and "control"."""
        return {
            name: endpoint for name, endpoint in msgspec.structs.asdict(self).items() if endpoint
        }


class HttpConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of [http]."""

    listen: str = "auto"
    """"ADDRESS:PORT"; "auto": 127.0.0.1:7310, or the next port that is free; empty: nothing is
    served."""
    token_file: str = ""
    """File of the token that a client shows; empty: there is none."""
    ready_shards: NotNegative = 0
    """So many ready shards make the cluster ready for `/readyz`; 0: all of them."""
    shard_metrics: NotNegative = 512
    """Most shards that have metrics of their own."""


class ProxyConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of [proxy]."""

    listen: str = ""
    """"ADDRESS:PORT"; "auto": 127.0.0.1:7320, or the next port that is free; empty: there is no
    proxy."""
    processes: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1
    """How many processes share the clients; each is a core's work at most."""
    secrets_file: str = ""
    """File of what clients may show in place of the bot's token, a line "NAME SECRET" each."""
    certificate: str = ""
    """PEM file of the chain that clients are shown; empty: there is no TLS."""
    private_key: str = ""
    """PEM file of its key."""
    keep_seconds: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 3600.0
    """How long a session without a client is kept, and how far back one that begins anew goes on
    from it."""
    overlap: Literal["each", "newest"] = "each"
    """Who gets the events where several sessions of one client hold a shard."""
    url: str = ""
    """The address that clients are told; empty: the one by which they came."""


KeepName = Literal["guilds", "members", "presences", "users"]
KeepNames = Annotated[
    KeepName | list[KeepName],
    msgspec.Meta(
        description='names such as ["guilds", "members"], out of "guilds", "members", "presences" '
        'and "users"'
    ),
]


class CacheConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of [cache]."""

    keep: KeepNames = []
    """What of the bot's guilds is kept; empty: there is no cache."""
    bytes: Annotated[int, msgspec.Meta(ge=16 * 1024 * 1024, le=MAX_JOURNAL_BYTES)] = 1 << 30
    """The most bytes on disk of the cache."""


class HostsConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of [hosts]: endpoints "tcp://ADDRESS:PORT", all three or none."""

    control: str = ""
    """Where host agents join."""
    events: str = ""
    """Where their workers' events come in: of the first hub; those of others have the ports that
    follow."""
    replay: str = ""
    """Where they answer for their journals."""
    advertise: str = ""
    """Name or address by which hosts reach the two others; empty: the one by which they joined."""
    lease_seconds: Annotated[float, msgspec.Meta(ge=5, le=3600)] = 15.0
    """How long a worker on another host holds its sessions without a word from the coordinator. A
    session whose heartbeats stop lives for a minute or so, and the last one may be 41 s old: with
    15 s those of a host that has lost its power are resumed elsewhere in time."""
    expected: Positive = 1
    """The first plan is made when so many hosts have joined."""
    labels: dict[str, str] = {}
    """Labels that a host must have to get workers."""

    @property
    def offered(self) -> dict[str, str]:
        """The endpoints that are offered, by "control", "events" and "replay"."""
        named = {"control": self.control, "events": self.events, "replay": self.replay}
        return {name: endpoint for name, endpoint in named.items() if endpoint}


class RayConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of [ray]: where the engine "ray" puts host agents."""

    address: str = "auto"
    """Address of the Ray cluster, as ray.init takes it."""
    hosts: NotNegative = 0
    """How many host agents there are; 0: one on each node that has the labels and the room."""
    cpus: Annotated[float, msgspec.Meta(ge=0, le=4096)] = 1.0
    """CPUs that an agent asks for, with its workers."""
    memory_mb: NotNegative = 0
    """Memory that it asks for; 0: none is asked for."""
    labels: dict[str, str] = {}
    """Labels that its node must have."""


class ClusterKeys(msgspec.Struct, frozen=True, kw_only=True):
    """Every key but those of [sandbox]. Units are in the names."""

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
    workers: Annotated[int, msgspec.Meta(ge=1, le=MAX_SHARDS)] | Literal["auto"] = "auto"
    """"auto": one a core, and more where shards_per_worker asks for it."""
    shards_per_worker: Annotated[int, msgspec.Meta(ge=1, le=MAX_WORKER_SHARDS)] = 64
    """Most shards of a worker when workers is "auto"."""
    api_url: str = "https://discord.com/api"
    gateway_url: str = ""
    """Empty: what GET /gateway/bot says."""
    api_version: Literal[9, 10, "auto"] = "auto"
    compress: Literal["zlib-stream", "zstd-stream", "none"] = "zlib-stream"
    ca_file: str = ""
    """PEM file of the certificate authority; empty: the system's."""
    latency_ms: Annotated[int, msgspec.Meta(ge=0, le=100)] = 5
    """Most milliseconds that an event may wait in its socket where much comes; 0: none does."""
    adopt_seconds: Seconds = 60.0
    """How long workers go on without a coordinator."""
    stop_seconds: StopSeconds = 20.0
    """A stop is done within this long, by signals if it must be."""
    log_level: Level = "info"
    log_format: Literal["logfmt", "json"] = "logfmt"
    log_to: Literal["files", "stdout"] = "files"
    """"stdout": the lines of all processes go to standard output as well."""
    engine: Literal["local", "join", "ray"] = "local"
    """Where workers run: on this host, on those that join, on those that Ray places."""
    hubs: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1
    """Among how many hubs the workers are shared out; each is a core's work at most."""
    store: str = ""
    """"postgresql://...": where what must not be forgotten is kept; empty: in the state folder. It
    may hold a password: it is shown nowhere."""
    identify: IdentifyConfig = msgspec.field(default_factory=IdentifyConfig)
    journal: JournalConfig = msgspec.field(default_factory=JournalConfig)
    hub: HubConfig = msgspec.field(default_factory=HubConfig)
    tcp: TcpConfig = msgspec.field(default_factory=TcpConfig)
    http: HttpConfig = msgspec.field(default_factory=HttpConfig)
    proxy: ProxyConfig = msgspec.field(default_factory=ProxyConfig)
    cache: CacheConfig = msgspec.field(default_factory=CacheConfig)
    hosts: HostsConfig = msgspec.field(default_factory=HostsConfig)
    ray: RayConfig = msgspec.field(default_factory=RayConfig)

    def __repr__(self) -> str:  # a store's URL may hold a password
        return f"{type(self).__name__}(name={self.name!r})"

    def __rich_repr__(self) -> Any:
        yield "name", self.name
