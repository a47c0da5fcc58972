"""``menshen emulator``: the platforms on this machine, for development and tests."""

from __future__ import annotations

import asyncio
import signal
from typing import Annotated

import typer
import uvloop

from menshen.cli.address import is_loopback, parse_address
from menshen.emulator.asgi import emulator_app
from menshen.emulator.dialects import DIALECTS
from menshen.emulator.state import Emulator
from menshen.web.serving import serving

__all__ = ["emulator"]


def emulator(
    listen: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where to listen; port 0 takes a free one.")] = (
        "127.0.0.1:8082"
    ),
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Listen on an address that other machines can reach.")
    ] = False,
) -> None:
    """Fake the platforms: logins, codes and faults on demand. Not for production: anyone who reaches it is anyone."""
    try:
        host, port = parse_address(listen)
    except ValueError as error:
        typer.echo(f"menshen emulator: --listen: {error}", err=True)
        raise typer.Exit(2) from None
    if not allow_remote and not is_loopback(host):
        typer.echo(
            f"menshen emulator: {host} can be reached from other machines, and whoever reaches the emulator can log "
            "in as anybody. Give --allow-remote if that is what you want.",
            err=True,
        )
        raise typer.Exit(2)
    try:
        uvloop.run(_serve(host, port))
    except OSError as error:
        typer.echo(f"menshen emulator: cannot listen on {listen}: {error.strerror or error}", err=True)
        raise typer.Exit(1) from None


async def _serve(host: str, port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with serving(emulator_app(Emulator()), host, port) as bound:
        platforms = " ".join(f"{name}={bound.origin}/{name}" for name in DIALECTS)
        typer.echo(f"ready {bound.origin} {platforms} control={bound.origin}/emulator")
        await stop.wait()
