"""What a process of the proxy is started with, and how its start went; its parent is the
coordinator, or on another host nobody."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from cluster.child_process import ChildSpec
from cluster.endpoints.curve_keys import ClientKeys
from cluster.proxy.credentials import Credentials


class ProxySpec(ChildSpec, frozen=True, kw_only=True):
    """All that a process of the proxy must know to run."""

    number: int = 0
    """Which of the proxy's processes it is."""
    listener: int = -1
    """Descriptor of the socket that it accepts clients on, which it was given; -1: none, it listens
    itself."""
    listen: str = ""
    """proxy.listen, where it listens itself."""
    state_dir: str
    """Folder of its sessions, which the processes of a host share."""
    cache: str = ""
    """Folder of the cluster's cache; empty: on this host is none, and a copy is kept."""
    control: str
    events: list[str]
    """Where the hubs publish."""
    replay: str
    keys: ClientKeys | None = None
    """The key for endpoints on TCP."""
    shard_count: int = 1
    intents: int = 0
    """The cluster's shard count and intents, until the coordinator says others."""
    token_key: str = ""
    """Key of the digest, as hex; empty: the token is not known here."""
    token_digest: str = ""
    """Digest of the bot's token, as hex."""
    secrets_file: str = ""
    certificate: str = ""
    private_key: str = ""
    keep_seconds: float = 3600.0
    overlap: Literal["each", "newest"] = "each"
    url: str = ""

    def __repr__(self) -> str:
        return f"ProxySpec(number={self.number}, state_dir={self.state_dir!r})"

    @property
    def folder(self) -> Path:
        return Path(self.state_dir)

    def credentials(self) -> Credentials:
        """Return who may connect, without the secrets."""
        return Credentials(
            token_key=bytes.fromhex(self.token_key),
            digest_of_token=bytes.fromhex(self.token_digest),
        )
