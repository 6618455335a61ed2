"""Shows what a server sees of us, for ``dcgw-cluster doctor --fingerprint``."""

from __future__ import annotations

import asyncio
from typing import Final, Literal

import click
import msgspec
from rich.console import Group
from rich.table import Table
from rich.text import Text

from cluster.cli.terminal.output import console, show
from cluster.doctor.introductions import Fingerprint, fingerprints

TITLES: Final = {"rest": "The API", "websocket": "The gateway"}
NAME_WIDTH: Final = 10


def show_fingerprint(
    account: Literal["bot", "user"], client_build_number: int, as_json: bool
) -> None:
    """Take our fingerprints on loopback and show them. Raises ClusterError."""
    heard = asyncio.run(fingerprints(account, client_build_number))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(heard)).decode())
        return
    for one in heard:
        show(console(), fingerprint_table(one))


def fingerprint_table(one: Fingerprint) -> Group:
    """Return a title, and a line or a few for each part of one fingerprint."""
    table = Table.grid(padding=(0, 2))
    table.add_column(width=NAME_WIDTH)
    table.add_column(overflow="fold")
    rows = [
        ("JA4", one.ja4),
        ("JA4_r", one.ja4_r),
        ("JA3", f"{one.ja3} (another for each connection: Chrome shuffles its extensions)"),
        ("JA3 sorted", f"{one.ja3n} of {one.ja3n_text}"),
        ("Akamai", f"{one.akamai} ({one.akamai_hash})" if one.akamai else "none: HTTP/1.1"),
        ("ALPN", ", ".join(one.alpn)),
        ("extensions", ", ".join(one.extensions)),
        ("headers", "\n".join(f"{name}: {value}" for name, value in one.headers)),
    ]
    for name, value in rows:
        table.add_row(Text(name, style="dim"), Text(value))  # brackets in it are no markup
    return Group(Text(f"{TITLES[one.what]}: {one.request}", style="bold"), table, Text())
