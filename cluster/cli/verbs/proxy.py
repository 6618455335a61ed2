"""``dcgw-cluster proxy``: runs a gateway proxy here, for a cluster on another host."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType
from typing import Final

import click
import msgspec

from cluster.cli.terminal.bot_lines import bot_lines
from cluster.cli.terminal.output import warn
from cluster.config.keys import ProxyConfig
from cluster.config.proxy import check_proxy, tls_of
from cluster.config.tokens import read_secrets
from cluster.endpoints.curve_keys import ClientKeys
from cluster.endpoints.paths import state_root
from cluster.errors import ConfigError
from cluster.processes import child_environment
from cluster.wire.control import error_of
from cluster.wire.start_outcome import decode_outcome

PASSED_ON: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
FILE: Final = click.Path(dir_okay=False, path_type=Path)


@click.command(
    epilog="""\b
Examples:
  dcgw-cluster keys add bots-1 --may send --may cache       on the cluster's host
  dcgw-cluster proxy --keys bots-1.key --secrets secrets
  dcgw-cluster proxy --keys bots-1.key --secrets secrets --listen 0.0.0.0:443 \\
    --certificate chain.pem --private-key key.pem"""
)
@click.option(
    "--keys",
    "keys_file",
    required=True,
    type=FILE,
    metavar="FILE",
    help="What `keys add NAME --may send --may cache` made on the cluster's host, which offers "
    "[tcp] events, replay and control.",
)
@click.option(
    "--secrets",
    "secrets_file",
    required=True,
    type=FILE,
    metavar="FILE",
    help="What bots show in place of the token: a line NAME SECRET each.",
)
@click.option(
    "--listen",
    default="auto",
    metavar="ADDRESS:PORT",
    help="Where bots connect; otherwise 127.0.0.1:7320, or the next port that is free.",
)
@click.option("--certificate", type=FILE, metavar="FILE", help="PEM file of its chain, for TLS.")
@click.option("--private-key", type=FILE, metavar="FILE", help="PEM file of its key.")
@click.option("--url", default="", metavar="wss://HOST", help="The address that bots are told.")
@click.option(
    "--keep-seconds",
    type=click.FloatRange(0, 86_400),
    default=3600.0,
    metavar="SECONDS",
    help="How long a session is kept whose bot is gone.",
)
@click.option(
    "--overlap",
    type=click.Choice(["each", "newest"]),
    default="each",
    help="Who gets the events where two sessions of a bot hold a shard.",
)
@click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Its sessions, and its copy of the cache; otherwise proxies/NAME, NAME being the key's, "
    "in the folder of this user's clusters.",
)
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info",
    help="What its log has, which goes to standard error.",
)  # fmt: skip
def proxy(
    keys_file: Path,
    secrets_file: Path,
    listen: str,
    certificate: Path | None,
    private_key: Path | None,
    url: str,
    keep_seconds: float,
    overlap: str,
    state_dir: Path | None,
    log_level: str,
) -> None:
    """Let bots connect here to a cluster on another host, until Ctrl-C.

    It keeps a copy of the cluster's cache, which has to have one (`[cache] keep`). SIGHUP lets it
    read secrets and certificate again.
    """
    keys = ClientKeys.read(keys_file)
    for name in ("events", "replay", "control"):
        if not getattr(keys, name):
            raise ConfigError(
                f"the key file {keys_file} does not say where the cluster's {name} endpoint is",
                "offer [tcp] events, replay and control there, and make the key after that",
            )
    config = ProxyConfig(
        listen=listen,
        url=url,
        certificate=str(certificate.absolute()) if certificate else "",
        private_key=str(private_key.absolute()) if private_key else "",
    )
    check_proxy(config)
    tls_of(config.certificate, config.private_key)
    _, warnings = read_secrets(secrets_file)
    for warning in warnings:
        warn(warning)
    spec = {
        "listen": listen,
        "state_dir": str((state_dir or state_root() / "proxies" / keys.name).absolute()),
        "control": keys.control,
        "events": [keys.events],
        "replay": keys.replay,
        "keys": keys,
        "secrets_file": str(secrets_file.absolute()),
        "certificate": config.certificate,
        "private_key": config.private_key,
        "keep_seconds": keep_seconds,
        "overlap": overlap,
        "url": url,
        "parent": os.getpid(),
        "process": "proxy",
        "log_level": log_level,
    }
    code = _run(msgspec.json.encode(spec), url)
    if code:
        click.get_current_context().exit(code)


def _run(spec: bytes, url: str) -> int:
    """Run the process until it ends; return its exit code. url: what bots are told. ClusterError:
    it did not start."""
    # -P: nothing is imported from the folder that it is run in.
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "cluster.proxy"], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, start_new_session=True, env=child_environment(),
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None

    def pass_on(number: int, frame: FrameType | None) -> None:
        process.send_signal(number)

    for number in PASSED_ON:
        signal.signal(number, pass_on)
    with process:
        process.stdin.write(spec + b"\n")
        process.stdin.flush()
        if line := process.stdout.readline():
            outcome = decode_outcome(line)
            if outcome.error is not None:
                process.wait()
                raise error_of(outcome.error)
            click.echo("\n".join(bot_lines(url or outcome.listens)))
        return process.wait()
