"""What every measurement stands on: an emulated WeChat, a backend, gateways in front of it, codes and login states."""

from __future__ import annotations

import contextlib
import json
import os
import random
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import uvloop

from bench.children import BenchFailed, Child, child
from bench.connection import Reply, request
from bench.load import as_fast
from bench.scale import document_of
from menshen.config.login_rules import SessionKind

__all__ = ["APPID", "BUSINESS", "LOGIN", "Stage", "business", "stage"]

APPID = "wx4f4bc4dec97d474b"
LOGIN, BUSINESS = "/mall/login", "/mall/orders/42"

_SECRET = os.urandom(16).hex()
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
      - {{name: login, path: /login, access: {access}}}
      - {{name: order, path: "/orders/{{id}}", methods: [GET, POST], access: {access}}}
      - {{name: assets, path: /static/*, access: public}}
plugins:
  - {{name: shop-login, type: WeChatMpLogin, app: shop, session: {{kind: {kind}}}}}
bindings:
  - {{plugin: shop-login, group: mall}}
"""


def business(state: str) -> bytes:
    """A business request with a login state."""
    return request(BUSINESS, {"user_session": state})


@dataclass(frozen=True, slots=True)
class Stage:
    """``options`` go to every ``menshen serve``."""

    directory: Path
    emulator: Child
    backend: Child
    options: tuple[str, ...] = ()

    def document(self, access: str, kind: SessionKind = "sealed") -> str:
        """The document of a gateway whose APIs all have this access, by login states of this kind."""
        return _DOCUMENT.format(
            appid=APPID,
            secret=_SECRET,
            emulator=self.emulator.origin,
            backend=self.backend.origin.removeprefix("http://"),
            access=access,
            kind=kind,
        )

    def data_dir(self, name: str) -> Path:
        """Of the gateway of this name."""
        return self.directory / name

    def serve_arguments(
        self, name: str, access: str, *options: str, kind: SessionKind = "sealed", listen: str = "127.0.0.1:0"
    ) -> list[str]:
        """``menshen serve`` with a data directory of this name."""
        return self._arguments(name, self.document(access, kind), *options, listen=listen)

    def _arguments(self, name: str, document: str, *options: str, listen: str = "127.0.0.1:0") -> list[str]:
        config = self.config(name)
        config.write_text(document)
        own = ["--listen", listen, "--admin", "127.0.0.1:0", *self.options, *options]
        return ["-m", "menshen", "serve", "--config", str(config), "--data-dir", str(self.data_dir(name)), *own]

    def config(self, name: str) -> Path:
        """The document's file of the gateway of this name."""
        return self.directory / f"{name}.yaml"

    @contextlib.contextmanager
    def gateway(self, name: str, access: str, *options: str, kind: SessionKind = "sealed") -> Iterator[Child]:
        arguments = self.serve_arguments(name, access, *options, kind=kind)
        with child(arguments, self.directory / f"{name}.log") as gateway:
            yield gateway

    @contextlib.contextmanager
    def gateway_of(self, name: str, document: str) -> Iterator[Child]:
        """A gateway with this document."""
        with child(self._arguments(name, document), self.directory / f"{name}.log") as gateway:
            yield gateway

    def sized(self, groups: int) -> str:
        """A document of so many groups with plugins (:mod:`bench.scale`)."""
        backend = self.backend.origin.removeprefix("http://")
        return document_of(groups, appid=APPID, secret=_SECRET, emulator=self.emulator.origin, backend=backend)

    def codes(self, count: int, prefix: str) -> list[str]:
        """Codes of ``wx.login`` on the phones of this many users."""
        asked = {"appid": APPID, "count": count, "user_prefix": prefix}
        return list(self._control("codes", asked)["codes"])

    def logins(self, count: int, prefix: str) -> list[bytes]:
        """Login requests in random order, two for each user: half of them make a user, half find one."""
        codes = self.codes(count // 2, prefix) + self.codes(count - count // 2, prefix)
        random.Random(prefix).shuffle(codes)
        return [request(LOGIN, {"js_code": code}) for code in codes]

    def states(self, gateway: Child, count: int, path: str = LOGIN) -> list[str]:
        """Login states of so many users, each by a login through the gateway."""
        found: list[str] = []

        def keep(reply: Reply) -> None:
            found.append(reply.header("user_session"))

        codes = self.codes(count, "state-")
        requests = iter([request(path, {"js_code": code}) for code in codes])
        uvloop.run(as_fast(gateway.host, gateway.port, requests, connections=16, seconds=30, on_reply=keep))
        if len(set(found)) != count or "" in found:
            raise BenchFailed(f"{count} logins gave {len(set(found) - {''})} login states")
        return found

    def add_app(self) -> None:
        self._control("apps", {"appid": APPID, "secret": _SECRET})

    def _control(self, what: str, asked: dict[str, object]) -> dict[str, list[str]]:
        url = f"{self.emulator.origin}/emulator/wechat/{what}"
        with urllib.request.urlopen(urllib.request.Request(url, json.dumps(asked).encode()), timeout=30) as answer:
            return dict(json.load(answer))


@contextlib.contextmanager
def stage(directory: Path, *options: str) -> Iterator[Stage]:
    with (
        child(["-m", "menshen", "emulator", "--listen", "127.0.0.1:0"], directory / "emulator.log") as emulator,
        child(["-m", "bench.answers", "backend"], directory / "backend.log") as backend,
    ):
        ready = Stage(directory, emulator, backend, options)
        ready.add_app()
        yield ready
