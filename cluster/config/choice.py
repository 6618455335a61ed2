"""Which cluster a program's configuration means, where several run on this host."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from cluster.plain_text import in_environment


class Choice(NamedTuple):
    """Where a cluster is to be looked for."""

    name: str | None
    """Its name, if the configuration has one."""
    env: Mapping[str, str]
    """The environment, with the folders that the configuration chose."""


def chosen(config: Path | str | None, env: Mapping[str, str] = os.environ) -> Choice:
    """Return what a configuration file says; None: the one that DCGW_CONFIG names. Without either
    the environment alone counts: a ./cluster.toml may be another program's. ConfigError: there is
    no such file, or it can't be read."""
    if config is None and not in_environment("DCGW_CONFIG", env):
        return Choice(None, env)
    from cluster.config.loading import locate  # 100 ms, which most programs do without

    return Choice(*locate(file=None if config is None else Path(config), env=env))
