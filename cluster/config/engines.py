"""Whether what an engine needs is installed and set here."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

from cluster.config.keys import ClusterKeys
from cluster.endpoints.tcp import Tcp
from cluster.errors import ConfigError


def check_engine(config: ClusterKeys, find: Callable[[str], object | None] = find_spec) -> None:
    """Refuse an engine whose extra is not installed, or that can't be used as it is set.
    ConfigError says which extra it is.

    find: returns None for a module that is not there. It imports none: Ray takes a second and some
    90 MiB, and whoever checks a configuration needs nothing of it.
    """
    if config.engine != "ray":
        return
    if find("ray") is None:
        raise ConfigError(
            'engine is "ray", and Ray is not installed here',
            "`pip install 'dcgw-cluster[ray]'`, here and on each of its nodes",
        )
    if config.ray.address in ("", "local"):
        raise ConfigError(
            f"ray.address is {config.ray.address!r}, which begins a Ray of its own",
            'give "auto", if this host is a node of the Ray cluster, or the address of its head',
        )
    join_endpoint(config)


def join_endpoint(config: ClusterKeys) -> str:
    """Return where agents that an engine has started join. ConfigError: it can't be known. It is
    empty as long as hosts.control is."""
    tcp = Tcp.read(config.hosts.control)
    if tcp is None:  # which others refuse
        return ""
    if config.hosts.advertise:
        return str(tcp._replace(host=config.hosts.advertise.strip("[]")))
    if tcp.everywhere:
        raise ConfigError(
            f"hosts.control is {config.hosts.control}, and hosts.advertise is not set",
            "name in hosts.advertise this host as the nodes that Ray has reach it",
        )
    return config.hosts.control
