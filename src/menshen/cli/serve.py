"""``menshen serve``: run the gateway."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from menshen.cli.address import free_port
from menshen.cli.options import DATA_DIR, DataDir, endpoint, in_chinese, problem_lines
from menshen.config.snapshot import Endpoint
from menshen.errors import ConfigInvalid, MenshenError
from menshen.node.config_file import ConfigFile
from menshen.node.logs import configure_logs
from menshen.node.node import Node, NodeSettings
from menshen.node.running import running
from menshen.web.hosts import is_origin
from menshen.web.serving import TlsFiles

__all__ = ["default_workers", "serve"]


def default_workers() -> int:
    """One worker for two cores, for Envoy has work as well; four at most, which check 60,000 requests a second."""
    return max(1, min((os.cpu_count() or 1) // 2, 4))


def serve(
    config: Annotated[
        Path | None,
        typer.Option("--config", help="Apply this document now and whenever the file changes.", show_default=False),
    ] = None,
    data_dir: DataDir = DATA_DIR,
    listen: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where mini programs connect.")] = "0.0.0.0:8080",
    admin: Annotated[str, typer.Option(metavar="HOST:PORT", help="JWKS, health, sessions.")] = "127.0.0.1:8081",
    verify: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where other proxies ask, such as 127.0.0.1:8083; else nowhere.")
    ] = "",
    verify_cert: Annotated[
        Path | None,
        typer.Option("--verify-cert", help="Speak TLS there, with this certificate (PEM).", show_default=False),
    ] = None,
    verify_key: Annotated[
        Path | None, typer.Option("--verify-key", help="The key of that certificate (PEM).", show_default=False)
    ] = None,
    verify_client_ca: Annotated[
        Path | None,
        typer.Option(
            "--verify-client-ca",
            help="Talk there only to proxies that have a certificate of this authority (PEM).",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that decide; default one for two cores, at most 4.")
    ] = None,
    envoy_threads: Annotated[int, typer.Option(min=1, help="Threads of Envoy.")] = 1,
    console_origin: Annotated[
        str,
        typer.Option(
            envvar="MENSHEN_CONSOLE_ORIGIN",
            metavar="URL",
            help="Where operators open the console, such as https://console.example.com; else the admin address.",
        ),
    ] = "",
) -> None:
    """Run the gateway: Envoy in front, workers behind it, both started again if they die."""
    configure_logs()
    asked = [(listen, "--listen"), (admin, "--admin"), *([(verify, "--verify")] if verify else [])]
    public, own, *verifying = _bindable(asked)
    settings = NodeSettings(
        data_dir=data_dir,
        listen=public,
        admin=own,
        workers=workers or default_workers(),
        envoy_threads=envoy_threads,
        console_origin=_origin(console_origin),
        verify=verifying[0] if verifying else None,
        verify_tls=_tls(verify, verify_cert, verify_key, verify_client_ca),
    )
    try:
        uvloop.run(_serve(settings, config))
    except ConfigInvalid as error:
        for line in problem_lines(error):
            typer.echo(line, err=True)
        raise typer.Exit(1) from None
    except MenshenError as error:
        typer.echo(f"menshen serve: {error}", err=True)
        raise typer.Exit(1) from None


def _bindable(asked: Iterable[tuple[str, str]]) -> list[Endpoint]:
    """The addresses of options; port 0 takes one that is free and no other's, which the ``ready`` line tells."""
    addresses = [endpoint(text, option) for text, option in asked]
    taken = {address.port for address in addresses}
    found = []
    for address in addresses:
        port = address.port or free_port(address.host, but=taken)
        taken.add(port)
        found.append(Endpoint(address.host, port))
    return found


def _tls(verify: str, certificate: Path | None, key: Path | None, client_ca: Path | None) -> TlsFiles | None:
    """What cannot be read, or does not go together, is said here, and not by workers that die of it."""
    if certificate is None and key is None and client_ca is None:
        return None
    if not verify or certificate is None or key is None:
        raise typer.BadParameter("goes with --verify, --verify-cert and --verify-key", param_hint="--verify-cert")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for file, option in ((certificate, "--verify-cert"), (key, "--verify-key"), (client_ca, "--verify-client-ca")):
        if file is not None and not os.access(file, os.R_OK):
            raise typer.BadParameter(f"{file} cannot be read", param_hint=option)
    try:
        context.load_cert_chain(certificate, key)
    except ssl.SSLError:
        raise typer.BadParameter("not a PEM certificate and its key", param_hint="--verify-cert") from None
    if client_ca is not None:
        try:
            context.load_verify_locations(client_ca)
        except ssl.SSLError:
            raise typer.BadParameter("not a PEM certificate", param_hint="--verify-client-ca") from None
    return TlsFiles(certificate, key, client_ca)


def _origin(text: str) -> str:
    if text and not is_origin(text):
        raise typer.BadParameter(
            "must be scheme and host, such as https://console.example.com", param_hint="--console-origin"
        )
    return text


async def _serve(settings: NodeSettings, config: Path | None) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    file = _file(config) if config else None

    async with running(settings, file.at_start if file else None) as node:
        scheme = "https" if settings.verify_tls else "http"
        asked = f" verify={scheme}://{settings.verify}" if settings.verify else ""
        typer.echo(f"ready http://{settings.listen} admin=http://{settings.admin}{asked}")
        await _tell_setup_token(node, settings.console_origin or f"http://{settings.admin}")
        following = asyncio.create_task(file.follow(node)) if file else None
        await stop.wait()
        if following:
            following.cancel()


async def _tell_setup_token(node: Node, origin: str) -> None:
    """Once: nobody can ask for it again, and a restart makes another."""
    token = await node.operators.setup.begin()
    if token is not None:
        where = f"{origin}/console/setup"
        typer.echo(f"no owner yet: open {where} and give the set-up token {token.reveal()}")
        if in_chinese():
            typer.echo(f"还没有所有者：请打开 {where}，填入初始化令牌 {token.reveal()}")


def _file(path: Path) -> ConfigFile:
    def complain(error: MenshenError, running: str) -> None:
        lines = problem_lines(error) if isinstance(error, ConfigInvalid) else [str(error)]
        said = [f"{path}: refused, {running} stays", *(f"  {line}" for line in lines)]
        typer.echo("\n".join(said), err=True)  # at once: who reads along has the whole of it

    return ConfigFile(path, complain, lambda number: typer.echo(f"{path}: revision {number} runs", err=True))
