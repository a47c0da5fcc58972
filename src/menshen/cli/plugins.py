"""``menshen plugins``: the plugin types and platforms that packages beside Menshen bring."""

from __future__ import annotations

import typer

from menshen.cli.listing import row
from menshen.gateway.plugin_loading import installed_types
from menshen.platforms.installed import installed_platforms

__all__ = ["plugins"]


def plugins() -> None:
    """List what installed packages bring: plugin types, then platforms, each with its package and version, and ok or
    why it is broken. Exit 1: one is broken."""
    types = installed_types()
    kinds = [kind for name in types.names() if (kind := types.installed(name)) is not None]
    platforms = installed_platforms().installed
    found = [(kind.name, kind.packages, kind.broken) for kind in kinds]
    found += [(f"platform {each.name}", each.packages, each.broken) for each in platforms]
    for name, packages, broken in found:
        typer.echo(row(name, ", ".join(packages), f"broken: {broken}" if broken else "ok"))
    if not found:
        typer.echo("none: no installed package has an entry point menshen.plugins or menshen.platforms", err=True)
    if any(broken for _, _, broken in found):
        raise typer.Exit(1)
