"""``dcgw-cluster config``: checks the configuration, and shows what is in force."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from rich.markup import escape

from cluster.cli.options import config_option
from cluster.cli.terminal.output import console, warn
from cluster.config.checks import check_folders
from cluster.config.loading import HIDDEN, VARIABLES, Loaded, load
from cluster.config.offered import behind_keys
from cluster.endpoints.curve_keys import KeyFolder, check_keys
from cluster.words import count


@click.group()
def config() -> None:
    """Check the configuration, or show what is in force."""


@config.command(
    epilog="""\b
Examples:
  dcgw-cluster config check
  dcgw-cluster config check --config /etc/dcgw/cluster.toml"""
)
@config_option
@click.option("--sandbox", is_flag=True, help="As `start --sandbox` would read it: needs no token.")
def check(config_file: Path | None, sandbox: bool) -> None:
    """Check every key, value and variable, and that there is a token. Exit code 2 if not."""
    loaded = load(file=config_file, on_sandbox=sandbox)
    spec, warnings = loaded.spec()
    warnings += check_folders(spec.paths)
    warnings += check_keys(KeyFolder(spec.paths.keys), behind_keys(spec))
    for warning in warnings:
        warn(warning)
    where = str(loaded.file) if loaded.file else "no file, defaults"
    click.echo(f"The configuration is right ({where}; {count(len(loaded.sources), 'key')} set).")


@config.command(
    epilog="""\b
Examples:
  dcgw-cluster config show
  dcgw-cluster config show > everything.toml
  DCGW_SHARDS=16 dcgw-cluster config show --json"""
)
@config_option
@click.option("--sandbox", is_flag=True, help="With the defaults of `start --sandbox`.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object: {key: {value, source}}.")
def show(config_file: Path | None, sandbox: bool, as_json: bool) -> None:
    """Show every key with the value that is in force and where it came from, but no secrets."""
    loaded = load(file=config_file, on_sandbox=sandbox)
    if as_json:
        click.echo(json.dumps(_as_map(loaded), indent=2))
        return
    out = console()
    table = ""
    for key, value in loaded.values().items():
        its_table, _, name = key.rpartition(".")
        if its_table != table:
            table = its_table
            out.print(f"\n[bold]{escape(f'[{table}]')}[/]", highlight=False)
        source = loaded.sources.get(key)
        line = f"{name} = {_toml(value)}" if value is not None else f"# {name} is not set"
        if value == HIDDEN:  # a comment, so that the output stays a file that can be used
            line = f"# {name} = {HIDDEN}"
        note = f"  # {source}" if source else ""
        out.print(escape(line) + (f"[cyan]{escape(note)}[/]" if note else ""), soft_wrap=True)


def _as_map(loaded: Loaded) -> dict[str, Any]:
    variables = {key: variable for variable, key in VARIABLES.items()}
    return {
        key: {
            "value": value,
            "source": loaded.sources.get(key, "default"),
            "variable": variables[key],
        }
        for key, value in loaded.values().items()
    }


def _toml(value: Any) -> str:
    """Return a value as TOML, where scalars and lists are written as in JSON, and tables inline."""
    if isinstance(value, dict):
        inner = ", ".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list):
        return f"[{', '.join(_toml(item) for item in value)}]"
    return json.dumps(value, ensure_ascii=False)
