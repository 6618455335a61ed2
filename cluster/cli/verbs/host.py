"""``dcgw-cluster host``: runs this host's workers for a cluster elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

import click
import msgspec

from cluster.config.host_spec import HostSpec, encode_spec
from cluster.endpoints.curve_keys import ClientKeys
from cluster.endpoints.paths import host_paths
from cluster.errors import ConfigError
from cluster.processes import child_environment
from cluster.ranges import MAX_SHARDS

STANDARD_INPUT: Final = 0
MOST_SPEC_BYTES: Final = 16 * 1024
"""What a pipe takes before anybody reads it, on every system."""


@click.command(
    epilog="""\b
Examples:
  dcgw-cluster keys add host-3 --may host     on the coordinator's host: makes host-3.key
  dcgw-cluster host --join tcp://gateway.example.org:7321 --keys host-3.key
  dcgw-cluster host --keys host-3.key --workers 8 --label rack=a
  dcgw-cluster host --join tcp://a:7321 --join tcp://b:7321 --keys host-3.key"""
)
@click.option(
    "--join",
    "endpoints",
    multiple=True,
    metavar="tcp://HOST:PORT",
    help="The cluster's [hosts] control, if the key file does not say it; a standby's too: "
    "repeatable.",
)
@click.option(
    "--keys",
    "keys_file",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="What `keys add NAME --may host` made there. NAME is this host's.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, MAX_SHARDS),
    metavar="N",
    help="How many workers this host would run: its share of them. Otherwise one a core.",
)
@click.option(
    "--max-shards",
    type=click.IntRange(1, MAX_SHARDS),
    metavar="N",
    help="Most shards that it takes. Otherwise as many as come.",
)
@click.option(
    "--label", "labels", multiple=True, metavar="KEY=VALUE", help="What it is; repeatable."
)
@click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Its journals and logs; otherwise hosts/NAME in the folder of this user's clusters.",
)
@click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(min=0.1, max=1e9),
    metavar="SECONDS",
    help="End if it has not joined by then. Otherwise it seeks the cluster for ever.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    help="What its log has.",
)
def host(
    endpoints: Sequence[str],
    keys_file: Path,
    workers: int | None,
    max_shards: int | None,
    labels: Sequence[str],
    state_dir: Path | None,
    wait_s: float | None,
    log_level: str,
) -> None:
    """Run workers of a cluster whose coordinator is elsewhere, until Ctrl-C.

    The coordinator's configuration has engine = "join" and [hosts]. Which shards run here it
    decides; the token comes from it. Ctrl-C ends the workers in order: their sessions are resumed
    by other hosts, without an identify.
    """
    keys = ClientKeys.read(keys_file)
    join = list(endpoints) or [keys.hosts]
    if not join[0]:
        raise ConfigError(
            f"the key file {keys_file} does not say where to join",
            "give --join tcp://HOST:PORT, the cluster's [hosts] control",
        )
    paths = host_paths(keys.name, state_dir=state_dir)
    try:
        spec = msgspec.convert(
            {
                "join": join,
                "keys": keys,
                "state_dir": str(paths.state_dir),
                "runtime_dir": str(paths.runtime_dir),
                "workers": workers or 0,
                "max_shards": max_shards or 0,
                "labels": dict(map(_label, labels)),
                "wait_s": wait_s or 0.0,
                "log_level": log_level,
                "tells": "words",
            },
            HostSpec,
        )
    except msgspec.ValidationError as error:
        raise ConfigError(f"this can't be given to a host ({error})") from None
    spec.check()
    become(spec)


def _label(text: str) -> tuple[str, str]:
    """Return a label's key and value. ConfigError: it is none."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise ConfigError(f"--label is {text!r}", "give KEY=VALUE")
    return key, value


def become(spec: HostSpec) -> NoReturn:
    """Let this process become the agent, which tells people itself how it fares: who watches over
    this command, a terminal or a service manager, watches over the agent."""
    data = encode_spec(spec)
    if len(data) > MOST_SPEC_BYTES:
        raise ConfigError("the labels are too long", "give fewer")
    reading, writing = os.pipe()
    os.write(writing, data)
    os.close(writing)
    os.dup2(reading, STANDARD_INPUT)
    os.close(reading)
    sys.stdout.flush()
    sys.stderr.flush()
    # -P: nothing is imported from the folder that it is run in.
    command = [sys.executable, "-P", "-m", "host_agent"]
    os.execve(sys.executable, command, child_environment())
