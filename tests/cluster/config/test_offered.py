"""What is offered over TCP: [hosts] whole or not at all, and each endpoint at its own place."""

from __future__ import annotations

from typing import Any

import pytest

from cluster.config.keys import ClusterKeys, HostsConfig, TcpConfig
from cluster.config.offered import check_joinable, check_offered, offered
from cluster.errors import ConfigError

HOSTS = HostsConfig(control="tcp://*:7321", events="tcp://*:7330", replay="tcp://*:7323")


def keys(**given: Any) -> ClusterKeys:
    return ClusterKeys(**given)


def test_a_cluster_of_one_host_needs_nothing() -> None:
    check_offered(keys())
    check_joinable(keys())
    assert offered(keys()) == {}
    check_offered(keys(hosts=HOSTS))
    assert offered(keys(hosts=HOSTS)) == {}, "nobody joins it"


def test_each_hub_has_a_port_of_its_own() -> None:
    config = keys(engine="join", hubs=3, hosts=HOSTS, tcp=TcpConfig(events="tcp://*:7311"))
    check_offered(config)
    assert offered(config) == {
        "tcp.events": "tcp://*:7311",
        "hosts.control": "tcp://*:7321",
        "hosts.events": "tcp://*:7330",
        "hosts.replay": "tcp://*:7323",
        "hosts.events of hub 1": "tcp://*:7331",
        "hosts.events of hub 2": "tcp://*:7332",
    }


@pytest.mark.parametrize("engine", ["join", "ray"])
def test_hosts_that_join_need_somewhere_to_join(engine: str) -> None:
    check_joinable(keys(engine=engine, hosts=HOSTS))
    with pytest.raises(ConfigError, match=r"hosts\.control is not set.*give hosts\.control"):
        check_joinable(keys(engine=engine))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"engine": "join", "hosts": HostsConfig(control="tcp://*:1", events="tcp://*:2")},
            "hosts.control is set, and hosts.replay is not",
        ),
        (
            {"hosts": HostsConfig(events="tcp://*:2")},
            "hosts.events is set, and hosts.control is not",
        ),
        (
            {"hosts": HostsConfig(control="*:1", events="tcp://*:2", replay="tcp://*:3")},
            "hosts.control is '*:1'",
        ),
        (
            {
                "hosts": HostsConfig(
                    control="tcp://*:1", events="tcp://*:65534", replay="tcp://*:3"
                ),
                "hubs": 4,
            },
            "hosts.events of hub 2 is 'tcp://*:65536'",
        ),
        (
            {
                "hosts": HostsConfig(control="tcp://*:3", events="tcp://*:2", replay="tcp://*:4"),
                "hubs": 2,
            },
            "hosts.events of hub 1 and hosts.control are both tcp://*:3",
        ),
        (
            {"hosts": HOSTS, "tcp": TcpConfig(control="tcp://*:7321")},
            "hosts.control and tcp.control are both",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_a_way_out(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_offered(keys(**given))
    assert words in caught.value.cause
    assert caught.value.action
    assert ("further hubs" in caught.value.action) == ("both" in words and "of hub" in words)
