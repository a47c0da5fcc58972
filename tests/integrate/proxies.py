"""The real proxies as child processes, with what ``menshen integrate`` prints."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from menshen.envoy.binary import find_envoy
from tests.edge.conftest import OTHER_SECRET, Stack
from tests.edge.processes import REPOSITORY, Client
from tests.integrate.lua_in_nginx import MODULES, nginx_with_lua
from tests.integrate.translation import bootstrap
from tests.nginx import nginx_command
from tests.ports import free_port

__all__ = [
    "ALL_FRONTS",
    "FRONTS",
    "Edit",
    "Front",
    "behind_caddy",
    "behind_envoy_gateway",
    "behind_haproxy",
    "behind_nginx",
    "behind_traefik",
    "printed",
    "proxied",
    "verify_of",
]

Edit = Callable[[str], str]
"""What a test does to a configuration before it runs."""

Front = Callable[..., contextlib.AbstractContextManager[Stack]]
"""``front(stack, directory, edit=…, secret=…, verify=…, options=…)``: the stack with a real proxy as its gateway."""

_UP_WITHIN = 90.0


def verify_of(stack: Stack) -> str:
    """``HOST:PORT`` of the door for proxies."""
    return next(word for word in stack.serve.words if word.startswith("verify=")).partition("://")[2]


def printed(stack: Stack, proxy: str, *options: str) -> str:
    """What ``menshen integrate`` says of the active revision of this node."""
    return _printed(stack.data_dir, proxy, *options)


def _printed(data_dir: Path, proxy: str, *options: str) -> str:
    run = subprocess.run(
        [sys.executable, "-m", "menshen", "integrate", proxy, "--data-dir", str(data_dir), *options],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        env={**os.environ, "OTHER_SECRET": OTHER_SECRET},
        timeout=180,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@contextlib.contextmanager
def behind_nginx(
    stack: Stack,
    directory: Path,
    edit: Edit = str,
    secret: str = "",
    verify: str = "",
    options: Sequence[str] = (),
) -> Iterator[Stack]:
    listen = _prepared(stack, directory, "nginx", "menshen.conf", edit, verify, options)
    (directory / "menshen-secret.conf").write_text(_secret(stack, "nginx", secret))
    command = nginx_command(directory, f"include {directory}/menshen.conf;", main="pcre_jit on;")
    with proxied(command, listen, directory / "nginx.log"):
        yield replace(stack, gateway=Client(f"http://{listen}"))


@contextlib.contextmanager
def behind_caddy(
    stack: Stack,
    directory: Path,
    edit: Edit = str,
    secret: str = "",
    verify: str = "",
    options: Sequence[str] = (),
) -> Iterator[Stack]:
    listen = _prepared(stack, directory, "caddy", "printed", edit, verify, options)
    file = directory / "Caddyfile"
    file.write_text("{\n\tadmin off\n\tauto_https off\n}\n" + (directory / "printed").read_text())
    name, _, value = _secret(stack, "caddy", secret).strip().partition("=")
    env = {name: value, "XDG_DATA_HOME": str(directory), "XDG_CONFIG_HOME": str(directory)}
    arguments = ["caddy", "run", "--adapter", "caddyfile", "--config", str(file)]
    with proxied(arguments, listen, directory / "caddy.log", env):
        yield replace(stack, gateway=Client(f"http://{listen}"))


@contextlib.contextmanager
def behind_haproxy(
    stack: Stack,
    directory: Path,
    edit: Edit = str,
    secret: str = "",
    verify: str = "",
    options: Sequence[str] = (),
) -> Iterator[Stack]:
    listen = _prepared(stack, directory, "haproxy", "haproxy.cfg", edit, verify, options)
    (directory / "menshen.lua").write_text(printed(stack, "haproxy", "--script"))
    name, _, value = _secret(stack, "haproxy", secret).strip().partition("=")
    arguments = ["haproxy", "-db", "-C", str(directory), "-f", str(directory / "haproxy.cfg")]
    with proxied(arguments, listen, directory / "haproxy.log", {name: value}):
        yield replace(stack, gateway=Client(f"http://{listen}"))


@contextlib.contextmanager
def behind_traefik(
    stack: Stack, directory: Path, edit: Edit = str, secret: str = "", verify: str = "", options: Sequence[str] = ()
) -> Iterator[Stack]:
    listen = _prepared(stack, directory, "traefik", "menshen.yaml", edit, verify, options)
    # The static part is in the printed file's first lines.
    head = (directory / "menshen.yaml").read_text().split("says:\n", 1)[1].split("\n\n", 1)[0]
    static = head.replace("# ", "", 1).replace("\n# ", "\n").replace("/etc/traefik", str(directory))
    (directory / "traefik.yaml").write_text(static)
    name, _, value = _secret(stack, "traefik", secret).strip().partition("=")
    arguments = ["traefik", f"--configFile={directory}/traefik.yaml"]
    with proxied(arguments, listen, directory / "traefik.log", {name: value}):
        gateway, deadline = Client(f"http://{listen}"), time.monotonic() + _UP_WITHIN
        while gateway("/nowhere").raw.startswith(b"404 page"):  # it listens before it has read the file
            assert time.monotonic() < deadline, (directory / "traefik.log").read_text()
            time.sleep(0.02)
        yield replace(stack, gateway=gateway)


@contextlib.contextmanager
def behind_envoy_gateway(
    stack: Stack, directory: Path, edit: Edit = str, secret: str = "", verify: str = "", options: Sequence[str] = ()
) -> Iterator[Stack]:
    """Envoy by itself, with what Envoy Gateway would make of the objects: there is no cluster here."""
    host, port = "127.0.0.1", free_port()
    where = ("--verify", verify or verify_of(stack), "--listen", f"{host}:{port}")
    name, _, value = _secret(stack, "envoy-gateway", secret).strip().partition("=")
    text = edit(printed(stack, "envoy-gateway", *where, *options)).replace(f"${{{name}}}", value)
    (directory / "envoy.json").write_text(json.dumps(bootstrap(text, host, port)))
    quiet = ("--use-dynamic-base-id", "--concurrency", "1", "--log-level", "warning")
    arguments = [str(find_envoy()), "-c", str(directory / "envoy.json"), *quiet]
    with proxied(arguments, f"{host}:{port}", directory / "envoy.log"):
        yield replace(stack, gateway=Client(f"http://{host}:{port}"))


def _lua_front(proxy: str) -> Front:
    @contextlib.contextmanager
    def front(
        stack: Stack, directory: Path, edit: Edit = str, secret: str = "", verify: str = "", options: Sequence[str] = ()
    ) -> Iterator[Stack]:
        if shutil.which("nginx") is None or not all(module.exists() for module in MODULES):
            pytest.skip("nginx's Lua module is not installed")
        listen = f"127.0.0.1:{free_port()}"
        text = edit(printed(stack, proxy, "--verify", verify or verify_of(stack), "--listen", listen, *options))
        arguments = nginx_with_lua(proxy, text, listen, directory)
        name, _, value = _secret(stack, proxy, secret).strip().partition("=")
        with proxied(arguments, listen, directory / "nginx.log", {name: value}):
            yield replace(stack, gateway=Client(f"http://{listen}"))

    return front


def _prepared(
    stack: Stack, directory: Path, proxy: str, file: str, edit: Edit, verify: str, options: Sequence[str]
) -> str:
    """Write the printed configuration; ``HOST:PORT`` where the proxy will listen."""
    if shutil.which(proxy) is None:
        pytest.skip(f"{proxy} is not installed")
    listen = f"127.0.0.1:{free_port()}"
    text = printed(stack, proxy, "--verify", verify or verify_of(stack), "--listen", listen, *options)
    (directory / file).write_text(edit(text))
    return listen


def _secret(stack: Stack, proxy: str, instead: str) -> str:
    text = _own_secret(stack.data_dir, proxy)
    return re.sub(r"[A-Za-z0-9_-]{43}", instead, text) if instead else text


@cache
def _own_secret(data_dir: Path, proxy: str) -> str:
    """It is the same for as long as the data directory is."""
    return _printed(data_dir, proxy, "--secret")


@contextlib.contextmanager
def proxied(arguments: Sequence[str], listen: str, log: Path, env: dict[str, str] | None = None) -> Iterator[None]:
    """A proxy from when it takes connections until the block ends."""
    with log.open("ab") as errors:
        process = subprocess.Popen(arguments, stdout=errors, stderr=errors, env={**os.environ, **(env or {})})
    try:
        host, _, port = listen.rpartition(":")
        deadline = time.monotonic() + _UP_WITHIN
        while True:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
                break
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


FRONTS: Mapping[str, Front] = {"nginx": behind_nginx, "caddy": behind_caddy, "haproxy": behind_haproxy}

ALL_FRONTS: Mapping[str, Front] = {
    **FRONTS,
    "envoy-gateway": behind_envoy_gateway,
    "apisix": _lua_front("apisix"),
    "kong": _lua_front("kong"),
}
"""With those that are not a distribution's: what they would run, run by what they are made of."""
