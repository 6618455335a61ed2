"""What a worker is started with, written once to its standard input (a pipe: a token in an argument
or in the environment can be read by others) as one msgpack message."""

from __future__ import annotations

import msgspec

from cluster.config.keys import ClusterKeys
from cluster.wire.link import LINK_VERSION, OVERLAP_NS, Login, ShardPlan


class WorkerSpec(Login, frozen=True, kw_only=True):
    """All that a worker must know to run."""

    version: int = LINK_VERSION
    slot: int
    cluster: str
    """Store id: 16 hexadecimal digits."""
    boot_id: str
    shards: list[ShardPlan]
    shard_count: int
    """Shard count of all shards that this worker has or will be given."""
    journal_dir: str
    """Folder of this slot's journal."""
    link_endpoint: str
    hub_endpoint: str
    """Where the hub's SUB socket is bound, "ipc://PATH"; the worker connects to it as an XPUB."""
    hub: int = 0
    """Number of that hub."""
    lease_s: float = 0.0
    """Seconds for which the worker may hold its sessions after a report that the coordinator has
    answered (link.Lease), by a clock that counts on while the machine is suspended. It neither
    connects nor identifies after that, and ends. 0: it is on the coordinator's own host, where a
    lock says whether it lives, and no lease is needed."""
    log_file: str = ""
    """The file that it logs to, which standard error is, too; empty: to standard error alone."""
    start_after: dict[int, tuple[int, int]] | None = None
    """shard id -> (epoch, seq) last known to have left the hub; None: nobody knows."""
    held_for: int = 0
    """The shard count that is in force, if that of these shards is not yet: what they receive is
    journalled, and published only after Publish. 0: theirs is in force."""
    overlap_ns: int = OVERLAP_NS
    """Nanoseconds for which both shard counts publish (Publish.overlap_ns), if the previous process
    was told to publish and died before writing it."""
    config: ClusterKeys = msgspec.field(default_factory=ClusterKeys)
    """The cluster's configuration, every key of it. Login holds the values a session needs,
    resolved."""

    def __repr__(self) -> str:  # the token must not reach a log by way of an f-string
        return f"WorkerSpec(slot={self.slot}, shards={len(self.shards)})"


encode_spec = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(WorkerSpec)


def decode_spec(data: bytes) -> WorkerSpec:
    """Return the spec of a message. Raises one of decode_errors.MALFORMED for anything else."""
    return _decoder.decode(data)
