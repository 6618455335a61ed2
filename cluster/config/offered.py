"""What a configuration offers over TCP: to clients by [tcp], to host agents by [hosts]."""

from __future__ import annotations

from cluster.config.keys import ClusterKeys
from cluster.endpoints.tcp import check_tcp, port_after
from cluster.errors import ConfigError


def offered(config: ClusterKeys) -> dict[str, str]:
    """Return where a start listens on TCP: endpoints by key, "hosts.events of hub 1" among them."""
    found = {f"tcp.{name}": endpoint for name, endpoint in config.tcp.offered.items()}
    return found if config.engine == "local" else found | _for_hosts(config)


def behind_keys(config: ClusterKeys) -> dict[str, str]:
    """Return those of `offered` that nobody comes to without a key that somebody has added. Agents
    on Ray are let in by the engine."""
    if config.engine != "ray":
        return offered(config)
    return {key: where for key, where in offered(config).items() if key.startswith("tcp.")}


def check_joinable(config: ClusterKeys) -> None:
    """Raise ConfigError if workers run on hosts that join, and there is nowhere to join."""
    if config.engine != "local" and not config.hosts.offered:
        raise ConfigError(
            f'engine is "{config.engine}", and hosts.control is not set',
            "give hosts.control, hosts.events and hosts.replay, such as tcp://*:7321, tcp://*:7322 "
            'and tcp://*:7323, or set engine = "local"',
        )


def check_offered(config: ClusterKeys) -> None:
    """Raise ConfigError unless all endpoints are some to listen on, each another one, and those of
    [hosts] are all there, or none is."""
    given = config.hosts.offered
    missing = [name for name in ("control", "events", "replay") if name not in given]
    if given and missing:
        raise ConfigError(
            f"hosts.{next(iter(given))} is set, and hosts.{missing[0]} is not",
            "give hosts.control, hosts.events and hosts.replay, or none of them",
        )
    check_tcp(
        {f"tcp.{name}": endpoint for name, endpoint in config.tcp.offered.items()}
        | _for_hosts(config)
    )


def _for_hosts(config: ClusterKeys) -> dict[str, str]:
    """Return the endpoints of [hosts] by key, with one for the events of each hub."""
    found = {f"hosts.{name}": endpoint for name, endpoint in config.hosts.offered.items()}
    if events := config.hosts.events:
        for hub in range(1, config.hubs):
            found[f"hosts.events of hub {hub}"] = port_after(events, hub)
    return found
