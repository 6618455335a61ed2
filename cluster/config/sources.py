"""Where values of the configuration are given: a TOML file, and DCGW_* variables.

A variable is named as its key: ``identify.margin_ms`` is DCGW_IDENTIFY_MARGIN_MS.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cluster import plain_text
from cluster.config.cluster_config import ClusterConfig
from cluster.config.schema import Given, Schema, nearest
from cluster.endpoints.folders import here
from cluster.errors import ConfigError

MAX_FILE_BYTES: Final = 1024 * 1024
SCHEMA: Final = Schema(ClusterConfig)
VARIABLES: Final = {"DCGW_" + key.upper().replace(".", "_"): key for key in SCHEMA.keys}
"""Environment variable -> key."""
NOT_KEYS: Final = ("DCGW_TOKEN", "DCGW_CONFIG")
"""Variables that begin as a key's do, and are none."""
_SERVICE_URL: Final = re.compile("(tcp|udp|sctp)://")
_SERVICE_ENDS: Final = (
    "_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)"
)


def find_file(file: Path | None, env: Mapping[str, str]) -> Path | None:
    """Return the configuration file, absolute; None if there is none and none was named."""
    in_env = plain_text.in_environment("DCGW_CONFIG", env)
    named = file or (Path(in_env) if in_env else None)
    if named is None:
        named = Path("cluster.toml")
        if not os.path.isfile(named):  # nor can it be in a folder that can't be entered
            return None
    if not os.path.isfile(named):
        raise ConfigError(
            f"the configuration file {named} does not exist",
            "give --config or DCGW_CONFIG another one, or leave it out to run on defaults",
        )
    return named if named.is_absolute() else here() / named


def read_file(file: Path) -> dict[str, Given]:
    """Return the values of a TOML file by dotted key, not yet checked."""
    try:
        with file.open("rb") as handle:
            data = handle.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise ConfigError(
                f"{file} is larger than {MAX_FILE_BYTES} bytes", "is it the right file?"
            )
        document = tomllib.loads(plain_text.utf8(str(file), data))
    except OSError as error:
        raise ConfigError(f"{file} can't be read ({error.strerror})", "check its mode") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{file} is not valid TOML ({error})", "mend that line") from None
    if "token" in document:
        raise ConfigError(
            f"{file.name} holds a token",
            "take it out: the token comes from DCGW_TOKEN, or from a file that token_file names",
        )
    return SCHEMA.flatten(document, file.name)


def service_variables(env: Mapping[str, str]) -> frozenset[str]:
    """Return the variables by which Kubernetes tells every container of a Service whose name
    begins with dcgw. Source: Kubernetes documentation, Service, "Environment variables"."""
    found: set[str] = set()
    for variable in env:
        service, host, more = variable.partition("_SERVICE_HOST")
        if not host or more or not service.startswith("DCGW"):
            continue
        form = re.compile(re.escape(service) + _SERVICE_ENDS)
        found |= {
            one
            for one, value in env.items()
            if form.fullmatch(one) and (one not in VARIABLES or _SERVICE_URL.match(value))
        }
    return frozenset(found)


def read_environment(env: Mapping[str, str]) -> dict[str, Given]:
    """Return the DCGW_* variables by key. An unknown one is refused: it would change nothing,
    silently."""
    given: dict[str, Given] = {}
    services = service_variables(env)
    for variable, text in env.items():
        if not variable.startswith("DCGW_") or variable in NOT_KEYS or variable in services:
            continue
        if variable not in VARIABLES:
            meant = nearest(variable, [*VARIABLES, *NOT_KEYS])
            hint = f"did you mean {meant}? " if meant else ""
            raise ConfigError(
                f"unknown variable {variable} in the environment",
                f"{hint}`dcgw-cluster config show` lists the keys; KEY.NAME is DCGW_KEY_NAME",
            )
        given[VARIABLES[variable]] = Given(plain_text.variable(variable, text), variable, text=True)
    return given
