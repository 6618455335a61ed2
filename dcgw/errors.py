"""Errors that a person reads, each with its cause and a way out: all of ``cluster.errors``."""

from dcgw.installation import check_packages

check_packages()

from cluster.errors import *  # noqa: E402, F403
