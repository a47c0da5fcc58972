"""``menshen integrate``: the configuration of another gateway, from a revision."""

from __future__ import annotations

import os
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from menshen.cli.options import DATA_DIR, DataDir, endpoint, problem_lines
from menshen.cli.revisions import on_documents
from menshen.config.loading import read_text
from menshen.config.snapshot import Snapshot
from menshen.documents.documents import Documents, load_document
from menshen.errors import ConfigInvalid, ConfigUnavailable, KeyRingInvalid
from menshen.integrate import NotCarried, Site, site_of
from menshen.integrate.caddy import caddy, caddy_secret
from menshen.integrate.haproxy import haproxy, haproxy_script, haproxy_secret
from menshen.integrate.nginx import nginx, nginx_secret
from menshen.secret import Secret
from menshen.storage.proxy_secret import proxy_secret
from menshen.storage.sealing import load_master_key

__all__ = ["Proxy", "integrate"]


class Proxy(StrEnum):
    """The gateways that a configuration can be printed for."""

    NGINX = "nginx"
    CADDY = "caddy"
    HAPROXY = "haproxy"


_PRINTED: dict[Proxy, tuple[Callable[[Site], str], Callable[[Secret], str]]] = {
    Proxy.NGINX: (nginx, nginx_secret),
    Proxy.CADDY: (caddy, caddy_secret),
    Proxy.HAPROXY: (haproxy, haproxy_secret),
}

_NO_QUERY = {Proxy.CADDY}
"""Those that cannot take a parameter off a query and leave the rest as it was."""


def integrate(
    proxy: Annotated[Proxy, typer.Argument(help="The gateway that stays in front.", show_default=False)],
    verify: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="As given to serve, and as the gateway reaches it.")
    ] = "127.0.0.1:8083",
    listen: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where the gateway listens.")] = "0.0.0.0:8080",
    config: Annotated[
        Path | None, typer.Option("--config", help="This document, not the active revision.", show_default=False)
    ] = None,
    secret: Annotated[
        bool, typer.Option("--secret", help="Print what the configuration reads the secret from, and only that.")
    ] = False,
    script: Annotated[
        bool, typer.Option("--script", help="Print the script that HAProxy's configuration loads, and only that.")
    ] = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Print a gateway's configuration, in which it asks Menshen. Exit 1: a route has what only our Envoy can do."""
    if script:
        if proxy is not Proxy.HAPROXY:
            raise typer.BadParameter("only haproxy has one", param_hint="--script")
        typer.echo(haproxy_script(), nl=False)
        return
    printed, printed_secret = _PRINTED[proxy]
    if secret:
        try:
            master_key = load_master_key(data_dir, os.environ)
            typer.echo(printed_secret(proxy_secret(master_key, os.environ)), nl=False)
        except KeyRingInvalid as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(1) from None
        return
    snapshot = _of_file(config) if config is not None else on_documents(data_dir, _active)
    try:
        site = site_of(
            snapshot, endpoint(verify, "--verify"), endpoint(listen, "--listen"), query=proxy not in _NO_QUERY
        )
    except NotCarried as missing:
        for line in missing.lines:
            typer.echo(f"only Menshen's own Envoy can do this: {line}", err=True)
        raise typer.Exit(1) from None
    typer.echo(printed(site), nl=False)


async def _active(documents: Documents) -> Snapshot:
    active = await documents.revisions.active()
    return documents.load(active).snapshot if active else Snapshot().sealed()


def _of_file(config: Path) -> Snapshot:
    try:
        return load_document(read_text(config), os.environ).snapshot
    except ConfigUnavailable as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    except ConfigInvalid as error:
        for line in problem_lines(error):
            typer.echo(line, err=True)
        raise typer.Exit(1) from None
