"""The command ``dcgw-cluster``: one file a verb.

A verb's file is imported when the verb is run or completed, so that none waits for what another
stands on. Help and completion of the verbs themselves need no more than the table ``VERBS``.
"""

from __future__ import annotations

import errno
import sys
from importlib import import_module
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from cluster import __version__
from cluster.cli.terminal.output import complain, warn
from cluster.cli.terminal.streams import output_failure, take_over
from cluster.errors import ClusterError
from cluster.interrupts import EXIT_INTERRUPTED, CtrlCRaises, interrupted_line

CANT_WRITE: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)

VERBS: Final = {
    "clean": "Remove what a stopped cluster left.",
    "config": "Check the configuration, or show what is in force.",
    "doctor": "Check all that a start needs.",
    "drain": "Move all shards away from a host.",
    "host": "Run workers here for a cluster elsewhere.",
    "hosts": "Show the hosts that workers run on.",
    "keys": "Who may reach the cluster over TCP.",
    "logs": "Show the logs of all processes of a cluster.",
    "proxy": "Let bots connect here to a cluster elsewhere.",
    "refresh": "Fetch the guilds of a shard anew (an identify).",
    "reshard": "Change the number of shards while the cluster runs.",
    "restart": "Restart workers without losing an event.",
    "sandbox": "Run a loopback Discord for any client.",
    "scale": "Change the number of workers while the cluster runs.",
    "send": "Send commands to the gateway.",
    "start": "Start a cluster and show it.",
    "status": "Show the running cluster.",
    "stop": "Stop the running cluster.",
    "tail": "Show events as they come out.",
    "top": "Show a cluster on the whole terminal.",
}
"""Each verb with its line of help: the command NAME of cluster/cli/verbs/NAME.py."""


RUNNERS: Final = ("start", "sandbox", "proxy")
"""Verbs that run something: that their output is lost is no failure of theirs."""


class VerbGroup(click.Group):
    """The group of all verbs, which tells foreseen errors in one line on stderr and by the exit
    code. A traceback is a bug."""

    _verb: str | None = None
    """The verb that is run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        verb: click.Command = getattr(import_module(f"cluster.cli.verbs.{cmd_name}"), cmd_name)
        return verb

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        resolved = super().resolve_command(ctx, args)
        self._verb = resolved[0]
        ctx.with_resource(CtrlCRaises())  # the verb is imported: what it begins it must end
        return resolved

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        options = click.Command.shell_complete(self, ctx, incomplete)
        verbs = [CompletionItem(name, help=line) for name, line in VERBS.items()]
        return [verb for verb in verbs if verb.value.startswith(incomplete)] + options

    def main(self, *args: Any, **extra: Any) -> Any:
        take_over()
        try:
            return super().main(*args, **extra)
        except SystemExit as end:
            lost = output_failure()
            if lost is None or lost.errno not in CANT_WRITE:  # nobody reads it: that is no failure
                raise
            error = ClusterError(f"the output can't be written ({lost.strerror})")
            if end.code or self._verb in RUNNERS:
                warn(str(error))
                raise
            complain(error)
            sys.exit(error.exit_code)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ClusterError as error:
            complain(error)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt as interrupt:
            click.echo(interrupted_line(str(interrupt)), err=True)
            ctx.exit(EXIT_INTERRUPTED)


EPILOG = """\b
Exit codes:
  0    done
  1    it failed; the line on stderr says why
  2    a wrong option, key or value
  3    no cluster is running
  4    already running, or a port or socket is in use
  5    Discord refused the token
  6    the identify budget does not allow it
  7    the cluster does not know the key, or the key may not do this
  8    Discord's API does not answer now, or asks to be left alone
  130  interrupted

\b
Shell completion: for bash, put this into ~/.bashrc (zsh and fish: the same with zsh_source
or fish_source in place of bash_source):
  eval "$(_DCGW_CLUSTER_COMPLETE=bash_source dcgw-cluster)"
"""


@click.group(
    cls=VerbGroup,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="dcgw-cluster")
def main() -> None:
    """Keeps a bot's connection to the Discord Gateway alive, outside the bot.

    \b
    Try it, without an account:     dcgw-cluster start --sandbox
    With your bot:                  DCGW_TOKEN=... dcgw-cluster start
    Then, in another terminal:      dcgw-cluster status
                                    dcgw-cluster top
                                    dcgw-cluster tail --event MESSAGE_CREATE
    """
