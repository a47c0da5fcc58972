"""``menshen plugins``: the plugin types that packages beside Menshen bring."""

from __future__ import annotations

import typer

from menshen.cli.listing import row
from menshen.gateway.plugin_loading import installed_types

__all__ = ["plugins"]


def plugins() -> None:
    """List the installed plugin types: name, package and version, and ok or why it is broken. Exit 1: one is broken."""
    types = installed_types()
    found = [kind for name in types.names() if (kind := types.installed(name)) is not None]
    for kind in found:
        state = f"broken: {kind.broken}" if kind.broken else "ok"
        typer.echo(row(kind.name, ", ".join(kind.packages), state))
    if not found:
        typer.echo("none: no installed package has an entry point menshen.plugins", err=True)
    if any(kind.broken for kind in found):
        raise typer.Exit(1)
