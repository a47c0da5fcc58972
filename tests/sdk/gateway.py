"""A gateway with an app for each way that a login state travels, and phones that run the SDK against it."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.edge.conftest import APPID, SECRET, Stack, running_stack
from tests.edge.people import SERVICE_SECRET, VERIFIER
from tests.edge.processes import REPOSITORY
from tests.edge.sessions import Login, aged

__all__ = ["APPIDS", "SDK", "Phone", "sdk_stack"]

SDK = REPOSITORY / "sdk" / "miniprogram"
HERE = REPOSITORY / "tests" / "sdk"

APPIDS = {"shop": APPID, "fresh": "wx0000000000000005", "jar": "wx0000000000000006", "quest": "wx0000000000000007"}

_APP = '{{{{name: {name}, platform: wechat, appid: {appid}, secret: "{{secret}}", base_url: "{{emulator}}/wechat"}}}}'

DOCUMENT = """\
version: 1
apps:
<apps>
upstreams:
  - {{name: orders, endpoints: ["{backend}"], timeout: 10}}
groups:
  - {{name: mall, prefix: /mall, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: open, prefix: /open, upstream: orders, apis: [{{name: all, path: /*, access: public}}]}}
  - {{name: book, prefix: /book, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: fresh, prefix: /fresh, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: jar, prefix: /jar, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: quest, prefix: /quest, upstream: orders, apis: [{{name: all, path: /*}}]}}
plugins:
  - {{name: mall, type: WeChatMpLogin, app: shop, session: {{expires_in: 20, renew_before: 10}}}}
  - name: book
    type: WeChatMpLogin
    app: shop
    code: {{in: body, name: js_code}}
    session: {{name: token, return_in: body}}
    respond: gateway
    reply: {{code: 0, data: {{token: $session, expires: $expires_in}}}}
  - {{name: fresh, type: WeChatMpLogin, app: fresh, session: {{refresh: {{expires_in: 1000}}}}}}
  - name: jar
    type: WeChatMpLogin
    app: jar
    session: {{return_in: cookie, request_in: cookie, expires_in: 20, renew_before: 10, refresh: {{expires_in: 1000}}}}
  - {{name: quest, type: WeChatMpLogin, app: quest, session: {{request_in: query}}}}
bindings:
  - {{plugin: mall, group: mall}}
  - {{plugin: book, group: book}}
  - {{plugin: fresh, group: fresh}}
  - {{plugin: jar, group: jar}}
  - {{plugin: quest, group: quest}}
users:
  accounts: <verifier>
""".replace("<apps>", "\n".join(f"  - {_APP.format(name=name, appid=appid)}" for name, appid in APPIDS.items()))


@contextlib.contextmanager
def sdk_stack(directory: Path) -> Iterator[Stack]:
    verifier = VERIFIER.replace("{service_secret}", SERVICE_SECRET)
    with running_stack(directory, DOCUMENT.replace("<verifier>", verifier), "--workers", "2") as stack:
        assert stack.emulator.put_json("/emulator/secret", {"secret": SERVICE_SECRET}).status == 200
        for appid in APPIDS.values():
            added = stack.emulator.post_json("/emulator/wechat/apps", {"appid": appid, "secret": SECRET})
            assert added.status == 200, added.raw
        yield stack


@dataclass(frozen=True)
class Phone:
    """Somebody's phone with a mini program on it that uses the SDK."""

    stack: Stack
    user: str
    app: str = "shop"

    def log_in(self) -> Login:
        """A login that this phone had before, as the gateway sees it."""
        code = self.stack.code(self.user, APPIDS[self.app])
        reply = self.stack.gateway.post_json("/v1/login", {"code": code, "app": self.app})
        assert reply.status == 200, reply.raw
        body = reply.json
        state = body["user_session"]
        where = {"shop": "mall"}.get(self.app, self.app)
        with_it = {
            "jar": (("Cookie", f"user_session={state}"),),
            "quest": (),
        }.get(self.app, (("user_session", state),))
        query = f"?user_session={state}" if self.app == "quest" else ""
        seen = self.stack.gateway(f"/{where}/who{query}", *with_it).identity
        return Login(where, state, body.get("refresh_token", ""), seen["x-menshen-user"], seen["x-menshen-session"])

    def expired(self) -> dict[str, str]:
        """What such a login has left in the storage when its state is too old."""
        login = self.log_in()
        return {"state": aged(self.stack, login, 3 * 60 * 60), "refresh": login.refresh}

    def runs(self, scenario: str, planted: Mapping[str, str] | None = None, **given: Any) -> dict[str, Any]:
        """What a scenario of ``scenarios/`` found, and what is kept after it. ``options`` go to ``new Menshen``."""
        options = {"baseUrl": self.stack.gateway.origin, "app": self.app, **given.pop("options", {})}
        settings = {
            "emulator": self.stack.emulator.origin,
            "appid": APPIDS[self.app],
            "user": self.user,
            "scenario": str(HERE / "scenarios" / f"{scenario}.js"),
            "options": options,
            "planted": planted,
            "phone": given.pop("phone", ""),
            "profile": given.pop("profile", {}),
            "stored": given.pop("stored", {}),
            "given": given,
        }
        run = subprocess.run(
            ["node", str(HERE / "phone.js"), json.dumps(settings)], capture_output=True, text=True, timeout=300
        )
        assert run.returncode == 0, run.stderr
        found: dict[str, Any] = json.loads(run.stdout)
        return found
