"""The team's own services that the gateway calls, as a development installation needs them.

=================================  ==================================================================================
``POST /emulator/sms``             the sender of text messages: sends none, tells the code on the emulator's own output
``GET /emulator/sms[?phone=]``     ``{"messages": [...]}``, newest last
``POST /emulator/accounts``        the verifier of business accounts
``PUT /emulator/accounts``         ``{"username", "password", "account"}``: there is such an account from now on
``POST /emulator/captcha``         the check of captchas: one that begins with ``solved`` passes, once
``POST /emulator/webhooks``        takes every event
``GET /emulator/webhooks``         ``{"events": [...]}``, newest last
``PUT /emulator/secret``           ``{"secret"}``: signatures are checked with it from now on
=================================  ==================================================================================

A call without the three headers of a signed one gets 401, and so does a signature that is not of the secret, once
there is one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sys
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from menshen.emulator.control_body import body_of, read_as

__all__ = ["Team", "team_routes"]

_MOST: Final = 1000
_HEADERS: Final = ("webhook-id", "webhook-timestamp", "webhook-signature")


class _Message(msgspec.Struct, forbid_unknown_fields=True):
    phone: str
    code: str
    purpose: str
    expires_in: int


class _Question(msgspec.Struct, forbid_unknown_fields=True):
    username: str
    password: str
    app: str
    platform: str
    appid: str


class _Account(msgspec.Struct, forbid_unknown_fields=True):
    username: str
    password: str
    account: str


class _Captcha(msgspec.Struct, forbid_unknown_fields=True):
    captcha: str
    ip: str
    app: str


class _Secret(msgspec.Struct, forbid_unknown_fields=True):
    secret: str


def _to_stderr(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


class Team:
    """What these services remember, the last thousand of each. ``tell`` writes a line to the emulator's output."""

    def __init__(self, tell: Callable[[str], None] = _to_stderr) -> None:
        self.tell = tell
        self.secret = ""
        self.messages: deque[_Message] = deque(maxlen=_MOST)
        self.accounts: OrderedDict[str, _Account] = OrderedDict()
        self.captchas: OrderedDict[str, None] = OrderedDict()
        self.events: deque[dict[str, Any]] = deque(maxlen=_MOST)

    def send(self, message: _Message) -> None:
        self.messages.append(message)
        self.tell(f"sms to {message.phone} ({message.purpose}): {message.code}")

    def add_account(self, account: _Account) -> None:
        self.accounts[account.username] = account
        if len(self.accounts) > _MOST:
            self.accounts.popitem(last=False)

    def account_of(self, username: str, password: str) -> str | None:
        found = self.accounts.get(username)
        return found.account if found is not None and found.password == password else None

    def passes(self, captcha: str) -> bool:
        if not captcha.startswith("solved") or captcha in self.captchas:
            return False
        self.captchas[captcha] = None
        if len(self.captchas) > _MOST:
            self.captchas.popitem(last=False)
        return True


def team_routes(team: Team) -> list[Route]:
    """The services as routes."""

    async def sms(request: Request) -> Response:
        team.send(read_as(await _signed(request, team.secret), _Message))
        return JSONResponse({"sent": True})

    async def messages(request: Request) -> Response:
        phone = request.query_params.get("phone")
        shown = [msgspec.to_builtins(each) for each in team.messages if phone in (None, each.phone)]
        return JSONResponse({"messages": shown})

    async def verifier(request: Request) -> Response:
        question = read_as(await _signed(request, team.secret), _Question)
        return JSONResponse({"account": team.account_of(question.username, question.password)})

    async def add_account(request: Request) -> Response:
        team.add_account(read_as(await body_of(request), _Account))
        return JSONResponse({})

    async def captcha(request: Request) -> Response:
        question = read_as(await _signed(request, team.secret), _Captcha)
        return JSONResponse({"passed": team.passes(question.captcha)})

    async def webhook(request: Request) -> Response:
        body = await _signed(request, team.secret)
        try:
            event = json.loads(body)
        except ValueError:
            raise HTTPException(400, "the body is not JSON") from None
        team.events.append({"id": request.headers["webhook-id"], "event": event})
        return Response(status_code=204)

    async def events(_request: Request) -> Response:
        return JSONResponse({"events": list(team.events)})

    async def secret(request: Request) -> Response:
        team.secret = read_as(await body_of(request), _Secret).secret
        return JSONResponse({})

    def route(path: str, method: str, endpoint: Callable[[Request], Awaitable[Response]]) -> Route:
        return Route(f"/emulator/{path}", endpoint, methods=[method])

    return [
        route("sms", "POST", sms),
        route("sms", "GET", messages),
        route("accounts", "POST", verifier),
        route("accounts", "PUT", add_account),
        route("captcha", "POST", captcha),
        route("webhooks", "POST", webhook),
        route("webhooks", "GET", events),
        route("secret", "PUT", secret),
    ]


async def _signed(request: Request, secret: str) -> bytes:
    """The body of a call that is signed (standardwebhooks.com)."""
    body = await body_of(request)
    id_, timestamp, signature = (request.headers.get(name, "") for name in _HEADERS)
    if not (id_ and timestamp and signature):
        raise HTTPException(401, f"a signed call has the headers {', '.join(_HEADERS)}")
    if secret:
        key = base64.b64decode(secret[6:]) if secret.startswith("whsec_") else secret.encode()
        content = f"{id_}.{timestamp}.".encode() + body
        expected = "v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
        if expected not in signature.split(" "):
            raise HTTPException(401, "the signature is not of the secret")
    return body
