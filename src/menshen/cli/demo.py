"""``menshen demo``: an emulated WeChat, a backend and the gateway on this machine, and a login through all of them."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import sys
import tempfile
import webbrowser
from pathlib import Path
from typing import Annotated

import aiohttp
import typer
import uvloop

from menshen.cli.address import free_port
from menshen.cli.demo_steps import Step, console_step, steps
from menshen.cli.echo import echo
from menshen.config.snapshot import Endpoint
from menshen.documents.documents import Documents
from menshen.emulator.asgi import emulator_app
from menshen.emulator.state import Emulator
from menshen.errors import MenshenError
from menshen.node.logs import configure_logs
from menshen.node.node import Node, NodeSettings
from menshen.node.running import running
from menshen.secret import Secret
from menshen.web.console.sign_in_link import LINK_PATH
from menshen.web.console.try_it.page import TRY_PATH
from menshen.web.serving import serving

__all__ = ["demo"]

_OWNER = "owner"
_APPID = "wx4f4bc4dec97d474b"
_DOCUMENT = """\
version: 1
apps:
  - {{name: shop, platform: wechat, appid: {appid}, secret: "{secret}", base_url: "{emulator}/wechat"}}
upstreams:
  - {{name: orders, endpoints: ["{backend}"]}}
groups:
  - name: mall
    hosts: ["*"]
    prefix: /mall
    upstream: orders
    apis:
      - {{name: login, path: /login}}
      - {{name: order, path: "/orders/{{id}}", methods: [GET, POST]}}
      - {{name: assets, path: /static/*, access: public}}
plugins:
  - name: shop-login
    type: WeChatMpLogin
    app: shop
    code: {{in: header, name: js_code}}
    session: {{name: user_session, kind: sealed, expires_in: 120, return_in: header, request_in: header}}
    identity: {{headers: menshen}}
    respond: upstream
bindings:
  - {{plugin: shop-login, group: mall}}
"""


def demo(
    once: Annotated[bool, typer.Option("--once", help="Stop after the steps; exit 0 only if every one held.")] = False,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the console's address, and leave the browser alone.")
    ] = False,
) -> None:
    """Show one login from end to end, with no AppSecret of yours and no network; then try it in the console."""
    configure_logs()
    try:
        held = uvloop.run(_demo(once, browser=not no_browser))
    except (MenshenError, OSError) as error:
        typer.echo(f"menshen demo: {error}", err=True)
        raise typer.Exit(1) from None
    if not held:
        raise typer.Exit(1)


async def _demo(once: bool, *, browser: bool) -> bool:
    stop = asyncio.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    secret = os.urandom(16).hex()
    emulator = Emulator()
    with tempfile.TemporaryDirectory(prefix="menshen-demo-") as directory:
        async with (
            serving(emulator_app(emulator), "127.0.0.1", 0) as platform,
            serving(echo, "127.0.0.1", 0) as backend,
        ):
            document = _DOCUMENT.format(
                appid=_APPID, secret=secret, emulator=platform.origin, backend=f"{backend.host}:{backend.port}"
            )

            async def apply(documents: Documents) -> None:
                await documents.apply(document, author="demo")

            listen = free_port("127.0.0.1", 8080)
            settings = NodeSettings(
                data_dir=Path(directory),
                listen=Endpoint("127.0.0.1", listen),
                admin=Endpoint("127.0.0.1", free_port("127.0.0.1", 8081, but=(listen,))),
                workers=1,
                envoy_threads=1,
            )
            async with running(settings, apply) as node, aiohttp.ClientSession() as client:
                gateway = f"http://127.0.0.1:{settings.listen.port}"
                registered = {"appid": _APPID, "secret": secret}
                async with client.post(f"{platform.origin}/emulator/wechat/apps", json=registered) as answer:
                    answer.raise_for_status()
                typer.echo(f"emulated WeChat {platform.origin}   backend {backend.origin}   gateway {gateway}\n")
                held = True
                number = 0
                async for step in steps(client, gateway, platform.origin, _APPID):
                    number += 1
                    held = held and step.held
                    _print(number, step)
                console = f"http://{settings.admin}"
                password = Secret(secrets.token_urlsafe(12))
                await node.operators.accounts.add_first_owner(_OWNER, password)
                shown = await console_step(client, console, await _link(node, console))
                held = held and shown.held
                _print(number + 1, shown)
                typer.echo("every step held" if held else "a step did not hold")
                if not once:
                    link = await _link(node, console)
                    _what_next(gateway, platform.origin, console, password, link)
                    if browser and _has_display():
                        await asyncio.to_thread(webbrowser.open, link)
                    await stop.wait()
    return held


def _print(number: int, step: Step) -> None:
    mark = "ok" if step.held else "FAILED"
    typer.echo(f"{number}. {step.title}  [{mark}]")
    typer.echo(f"   > {step.exchanged.request_line}")
    for name, value in step.exchanged.sent.items():
        typer.echo(f"   > {name}: {_short(value)}")
    typer.echo(f"   < {step.exchanged.status}")
    for name, value in step.shows.items():
        typer.echo(f"   < {name}: {_short(value if isinstance(value, str) else json.dumps(value))}")
    typer.echo("")


def _short(value: str) -> str:
    return value if len(value) <= 88 else f"{value[:60]}… ({len(value)} characters)"


async def _link(node: Node, console: str) -> str:
    """Signs in once and leads to the page with the phone."""
    token = await node.operators.links.make(_OWNER)
    return f"{console}{LINK_PATH}?next={TRY_PATH}#{token.reveal()}"


def _has_display() -> bool:
    """Whether somebody sits here who could look at a browser; one in a text terminal would take the terminal away."""
    if not sys.stdout.isatty():
        return False
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _what_next(gateway: str, emulator: str, console: str, password: Secret, link: str) -> None:
    body = json.dumps({"appid": _APPID, "user": "lisi"})
    typer.echo(f"""
Try it in the console: {link}
(the link signs in once, within five minutes; later: {console}/console/ as {_OWNER}, password {password.reveal()})

Or by hand (Ctrl-C stops everything):

  curl -i {gateway}/mall/orders/1
  CODE=$(curl -s {emulator}/emulator/wechat/login -d '{body}' | sed 's/.*"code": *"\\([^"]*\\)".*/\\1/')
  curl -i {gateway}/mall/login -H "js_code: $CODE"        # copy user_session from the answer
  curl -i {gateway}/mall/orders/1 -H "user_session: …" -H "X-Menshen-Openid: forged"
  curl -s {console}/.well-known/jwks.json

ready {gateway} console={link}""")
