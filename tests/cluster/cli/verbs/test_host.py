"""``dcgw-cluster host``: what it starts an agent with, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from click.testing import Result

from cluster.config.host_spec import HostSpec
from cluster.endpoints.curve_keys import ClientKeys, encode, pair

Run = Callable[..., Result]
JOIN = "tcp://gw.example.org:7321"


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[HostSpec]:
    """The specs of the agents that this process would have become."""
    specs: list[HostSpec] = []
    monkeypatch.setattr("cluster.cli.verbs.host.become", specs.append)
    return specs


@pytest.fixture
def keys(home: Path) -> ClientKeys:
    """The key that the file h.key has."""
    public, secret = pair()
    made = ClientKeys(name="host-3", server=pair()[0], public=public, secret=secret)
    write(home, made)
    return made


def write(home: Path, keys: ClientKeys) -> None:
    (home / "h.key").write_bytes(encode(keys))
    (home / "h.key").chmod(0o600)


def test_what_an_agent_is_started_with(
    dcgw: Run, home: Path, keys: ClientKeys, begun: list[HostSpec]
) -> None:
    done = dcgw("host", "--keys", "h.key", "--join", JOIN, "--join", "tcp://b:1")
    assert (done.exit_code, done.output) == (0, "")
    (spec,) = begun
    assert (spec.keys, spec.join, spec.name) == (keys, [JOIN, "tcp://b:1"], "host-3")
    assert (spec.workers, spec.max_shards, spec.labels, spec.wait_s) == (0, 0, {}, 0.0)
    assert spec.state_dir.endswith("/hosts/host-3")
    assert Path(spec.runtime_dir).name.startswith("host-host-3-")
    more = ["--workers", "8", "--max-shards", "99", "--label", "rack=a=b", "--wait", "5"]
    dcgw("host", "--keys", "h.key", "--join", JOIN, *more, "--state-dir", "here")
    spec = begun[-1]
    assert (spec.workers, spec.max_shards, spec.labels, spec.wait_s) == (8, 99, {"rack": "a=b"}, 5)
    assert spec.state_dir == str(home / "here")
    assert keys.secret not in repr(spec)


def test_the_key_file_may_say_where_to_join(
    dcgw: Run, home: Path, keys: ClientKeys, begun: list[HostSpec]
) -> None:
    write(home, msgspec.structs.replace(keys, hosts=JOIN))
    assert dcgw("host", "--keys", "h.key").exit_code == 0
    assert begun[0].join == [JOIN]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--keys", "none.key"], "the key file none.key can't be read"),
        (["--keys", "h.key"], "does not say where to join: give --join"),
        (["--keys", "h.key", "--join", "tcp://*:1"], "'tcp://*:1' is nowhere to join"),
        (["--keys", "h.key", "--join", "gw:1"], "'gw:1' is nowhere to join"),
        (["--keys", "h.key", "--join", JOIN, "--label", "rack"], "give KEY=VALUE"),
        (["--keys", "h.key", *["--join", JOIN] * 17], "this can't be given to a host"),
    ],
)
def test_what_can_not_be(
    arguments: list[str], words: str, dcgw: Run, keys: ClientKeys, begun: list[HostSpec]
) -> None:
    done = dcgw("host", *arguments)
    assert done.exit_code == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert begun == []
