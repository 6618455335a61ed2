"""The command ``dcgw-cluster``: one file a verb."""

from __future__ import annotations

import errno
import sys
from typing import Any, Final

import click

from cluster import __version__
from cluster.cli.terminal.output import complain, no_more_output
from cluster.cli.verbs.config import config
from cluster.cli.verbs.doctor import doctor
from cluster.cli.verbs.keys import keys
from cluster.cli.verbs.reshard import reshard
from cluster.cli.verbs.restart import restart
from cluster.cli.verbs.sandbox import sandbox
from cluster.cli.verbs.scale import scale
from cluster.cli.verbs.send import send
from cluster.cli.verbs.start import start
from cluster.cli.verbs.status import status
from cluster.cli.verbs.stop import stop
from cluster.cli.verbs.tail import tail
from cluster.errors import ClusterError

EXIT_INTERRUPTED = 130
CANT_WRITE: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


class Verbs(click.Group):
    """Foreseen errors are one line on stderr and an exit code; a traceback is a bug."""

    def main(self, *args: Any, **extra: Any) -> Any:
        try:
            return super().main(*args, **extra)
        except OSError as error:
            if error.errno not in CANT_WRITE or error.filename is not None:
                raise
            no_more_output()
            complain(ClusterError(f"the output can't be written ({error.strerror})"))
            sys.exit(ClusterError.exit_code)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ClusterError as error:
            complain(error)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
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
  130  interrupted

\b
Shell completion: for bash, put this into ~/.bashrc (zsh and fish: the same with zsh_source
or fish_source in place of bash_source):
  eval "$(_DCGW_CLUSTER_COMPLETE=bash_source dcgw-cluster)"
"""


@click.group(
    cls=Verbs,
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
                                    dcgw-cluster tail --event MESSAGE_CREATE
    """


VERBS = (start, status, tail, send, restart, scale, reshard, stop, keys, doctor, sandbox, config)
for verb in VERBS:
    main.add_command(verb)
