"""``dcgw-cluster sandbox``: runs the loopback Discord alone, to point any client at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec
import uvloop

from cluster.cli.invocation import own_command
from cluster.cli.options import config_option, flags
from cluster.cli.signals import StopRequests, first
from cluster.cli.terminal.output import console
from cluster.config.loading import load
from cluster.errors import AlreadyRunningError, ConfigError
from cluster.sandbox.options import SandboxInfo, SandboxOptions

if TYPE_CHECKING:
    from cluster.sandbox import Sandbox

DEFAULT_RATE = 20.0
"""Events a second unless configured: enough to see something, few enough to read."""


def _option(
    name: str, help_text: str, metavar: str = "N"
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option(name, metavar=metavar, help=help_text)


@click.command(
    epilog="""\b
Examples:
  dcgw-cluster sandbox
  dcgw-cluster sandbox --port 8443 --shards 4 --max-concurrency 4 --rate 200
  dcgw-cluster sandbox --json > where.json""",
)
@config_option
@_option("--port", "The port of REST and gateway; otherwise any free one.")
@_option("--control-port", "The port of its control endpoint; otherwise any free one.")
@_option("--seed", "The same seed makes the same world.")
@_option("--guilds", "Guilds in the world.")
@_option("--members-per-guild", "Members of each.")
@_option("--rate", f"Events a second in the world (default {DEFAULT_RATE:g}).")
@_option("--shards", "What GET /gateway/bot recommends.")
@_option("--require-shards", "Fewer shards than this are refused (4011).")
@_option("--max-concurrency", "Identifies at a time.")
@_option("--session-start-total", "Identifies a day.")
@_option("--session-start-remaining", "How many of them are left.")
@_option("--latency-ms", "How late it answers (default 30).")
@_option("--heartbeat-interval-ms", "What HELLO asks for.")
@_option("--session-expiry-s", "How long a session without a connection can be resumed.")
@_option("--replay-events", "How many dispatches of a session are kept for RESUME.")
@_option("--fault-seed", "Faults at random: a schedule from this seed.")
@_option("--token", "The token that it takes; a made-up one, never a real one.", "TEXT")
@_option("--user-token", "The token of its user account; made up, too.", "TEXT")
@_option("--ca-file", "Where the certificate authority's certificate is written (PEM).", "FILE")
@click.option("--json", "as_json", is_flag=True, help="Print where it is: one line of JSON.")
def sandbox(config_file: Path | None, as_json: bool, **options: Any) -> None:
    """Run a loopback Discord for any client, until Ctrl-C.

    REST and gateway over TLS with a certificate authority of its own, Discord's limits enforced,
    faults on request over its control endpoint. `start --sandbox` runs its cluster on the same.
    """
    given = flags({f"sandbox.{key}": value for key, value in options.items()})
    loaded = load(file=config_file, flags=given)
    world = loaded.config.sandbox
    if "sandbox.rate" not in loaded.sources:
        world = msgspec.structs.replace(world, rate=DEFAULT_RATE)
    # Imported here: aiohttp and cryptography take half a second that help and completion do not
    # need; and before the loop runs, which would keep Ctrl-C waiting until they are there.
    from cluster.sandbox import Sandbox

    uvloop.run(_run(Sandbox, world, as_json))


async def _run(sandbox_class: type[Sandbox], options: SandboxOptions, as_json: bool) -> None:
    with StopRequests.watch() as requests:
        try:
            async with sandbox_class(options) as running:
                if as_json:
                    click.echo(msgspec.json.encode(running.info))
                else:
                    console().print(
                        introduction(running.info, options), soft_wrap=True, markup=False
                    )
                await first(requests.wait())
        except OSError as error:
            raise AlreadyRunningError(
                f"the sandbox can't listen on {error.strerror}",
                "give another --port, or 0 for any free one",
            ) from error
        except ValueError as error:
            raise ConfigError(f"an option of the sandbox can't be: {error}") from None


def introduction(info: SandboxInfo, options: SandboxOptions) -> str:
    """Return where the sandbox is and how to point a client at it."""
    return f"""\
A loopback Discord: {options.guilds} guilds, about {options.rate:g} events/s. Ctrl-C stops it.

  REST       {info.api_url}
  gateway    {info.gateway_url}
  token      {info.token}
  authority  {info.ca_file}
  control    {info.control_url}   Authorization: Bearer {info.control_token}

A cluster on it, in another terminal:
  export DCGW_API_URL={info.api_url}
  export DCGW_CA_FILE={info.ca_file}
  export DCGW_TOKEN={info.token}
  {own_command()} start
As its user account (docs/accounts.md), in place of the bot's token:
  export DCGW_ACCOUNT=user DCGW_CLIENT_BUILD_NUMBER=500334
  export DCGW_TOKEN={info.user_token}

discord.py: export SSL_CERT_FILE={info.ca_file}, and before the client is made
  discord.http.Route.BASE = "{info.api_url}/v10"
  discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL("{info.gateway_url}")

hikari: export SSL_CERT_FILE={info.ca_file}, and
  hikari.GatewayBot(token, rest_url="{info.api_url}/v10")

discord.js: export NODE_EXTRA_CA_CERTS={info.ca_file}, and
  new Client({{ intents, rest: {{ api: "{info.api_url}" }} }})
"""
