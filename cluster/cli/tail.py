"""``dcgw-cluster tail``: events as they come out."""

from __future__ import annotations

import click


@click.command()
def tail() -> None:
    """Show events as they come."""
    raise click.ClickException("tail is not there yet")
