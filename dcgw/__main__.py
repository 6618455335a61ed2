"""The entry of the command ``dcgw-cluster``, and ``python -m dcgw``."""

from __future__ import annotations

import sys

from dcgw.installation import ForeignPackageError, check_packages

EXIT_FOREIGN = 2
"""Equals ConfigError.exit_code, which can't be imported before the check."""


def main() -> None:
    """Run the command line, which ends the process. Where it is not ours: one line on stderr."""
    try:
        check_packages()
    except ForeignPackageError as error:
        print(f"Error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(EXIT_FOREIGN)
    from cluster.interrupts import end_at_once_on_ctrl_c

    end_at_once_on_ctrl_c()  # before the imports, which take longer than a quick hand
    from cluster.own_process import prepare

    prepare()
    from cluster.cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
