"""What a client can ask of the gateway: all of ``cluster.commands`` (docs/commands.md)."""

from dcgw.installation import check_packages

check_packages()

from cluster.commands import *  # noqa: E402, F403
from cluster.commands import __all__ as __all__  # noqa: E402
