"""``menshen integrate``: the configuration of another gateway, from a revision."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from menshen.cli.options import DATA_DIR, DataDir, endpoint, problem_lines
from menshen.cli.revisions import on_documents
from menshen.config.loading import read_text
from menshen.config.snapshot import Endpoint, Snapshot
from menshen.documents.documents import Documents, load_document
from menshen.errors import ConfigInvalid, ConfigUnavailable, KeyRingInvalid
from menshen.integrate import PLAIN, NotCarried, Site, VerifyTls, site_of
from menshen.integrate.apisix import apisix
from menshen.integrate.caddy import caddy
from menshen.integrate.environment import environment_secret
from menshen.integrate.envoy_gateway import envoy_gateway
from menshen.integrate.haproxy import haproxy, haproxy_script
from menshen.integrate.kong import kong
from menshen.integrate.nginx import nginx, nginx_secret
from menshen.integrate.traefik import traefik
from menshen.secret import Secret
from menshen.storage.proxy_secret import proxy_secret
from menshen.storage.sealing import load_master_key

__all__ = ["Proxy", "integrate"]


class Proxy(StrEnum):
    """The gateways that a configuration can be printed for."""

    NGINX = "nginx"
    CADDY = "caddy"
    HAPROXY = "haproxy"
    TRAEFIK = "traefik"
    APISIX = "apisix"
    KONG = "kong"
    ENVOY_GATEWAY = "envoy-gateway"


_PRINTED: dict[Proxy, tuple[Callable[[Site], str], Callable[[Secret], str]]] = {
    Proxy.NGINX: (nginx, nginx_secret),
    Proxy.CADDY: (caddy, environment_secret),
    Proxy.HAPROXY: (haproxy, environment_secret),
    Proxy.TRAEFIK: (traefik, environment_secret),
    Proxy.APISIX: (apisix, environment_secret),
    Proxy.KONG: (kong, environment_secret),
    Proxy.ENVOY_GATEWAY: (envoy_gateway, environment_secret),
}

_NO_QUERY = {Proxy.CADDY, Proxy.TRAEFIK}
"""Those that cannot take a parameter off a query and leave the rest as it was."""

_BY_TLS = {Proxy.NGINX, Proxy.CADDY, Proxy.HAPROXY}

_NOT_BESIDE = {Proxy.TRAEFIK}
"""Those that cannot put a header of Menshen's beside a backend's answer."""


def integrate(
    proxy: Annotated[Proxy, typer.Argument(help="The gateway that stays in front.", show_default=False)],
    verify: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="As given to serve, and as the gateway reaches it.")
    ] = "127.0.0.1:8083",
    listen: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where the gateway listens.")] = "0.0.0.0:8080",
    config: Annotated[
        Path | None, typer.Option("--config", help="This document, not the active revision.", show_default=False)
    ] = None,
    verify_ca: Annotated[
        str,
        typer.Option(
            metavar="FILE", help="Ask by TLS: the authority of Menshen's certificate, where the gateway runs."
        ),
    ] = "",
    verify_name: Annotated[
        str, typer.Option(metavar="NAME", help="The name in Menshen's certificate; else the host of --verify.")
    ] = "",
    client_cert: Annotated[
        str,
        typer.Option(
            metavar="FILE", help="The certificate that the gateway shows to Menshen; for HAProxy with its key."
        ),
    ] = "",
    client_key: Annotated[str, typer.Option(metavar="FILE", help="The key of that certificate.")] = "",
    secret: Annotated[
        bool, typer.Option("--secret", help="Print what the configuration reads the secret from, and only that.")
    ] = False,
    script: Annotated[
        bool, typer.Option("--script", help="Print the script that HAProxy's configuration loads, and only that.")
    ] = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Print a gateway's configuration, in which it asks Menshen. Exit 1: it does not carry all of the revision."""
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
    asked = endpoint(verify, "--verify")
    snapshot = _of_file(config) if config is not None else on_documents(data_dir, _active)
    try:
        site = site_of(
            snapshot,
            asked,
            endpoint(listen, "--listen"),
            query=proxy not in _NO_QUERY,
            beside=proxy not in _NOT_BESIDE,
            verify_tls=_verify_tls(proxy, asked, verify_ca, verify_name, client_cert, client_key),
        )
    except NotCarried as missing:
        for line in missing.lines:
            typer.echo(f"{proxy} does not carry this: {line}", err=True)
        raise typer.Exit(1) from None
    typer.echo(printed(site), nl=False)


def _verify_tls(proxy: Proxy, asked: Endpoint, ca: str, name: str, certificate: str, key: str) -> VerifyTls | None:
    if not ca:
        if name or certificate or key:
            raise typer.BadParameter("goes with --verify-ca", param_hint="--verify-name, --client-cert, --client-key")
        return None
    if proxy not in _BY_TLS:
        raise typer.BadParameter(f"is not printed for {proxy}", param_hint="--verify-ca")
    if bool(certificate) != bool(key) and proxy is not Proxy.HAPROXY:
        raise typer.BadParameter("goes with the other", param_hint="--client-cert, --client-key")
    for text in (ca, name, certificate, key):
        if text and not PLAIN.fullmatch(text):
            raise typer.BadParameter(f"{text!r} has characters that are not printed", param_hint="--verify-ca")
    if not name and _is_address(asked.host):
        raise typer.BadParameter("a certificate is known by its name", param_hint="--verify-name")
    return VerifyTls(ca, name or asked.host, certificate, key)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


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
