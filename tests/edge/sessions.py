"""A stack with a group for each session kind and every lifetime rule somewhere, and what tests do to its sessions."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import secrets
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import aiohttp

from menshen.sessions.claims import SessionClaims
from menshen.sessions.keys import load_key_rings, refresh_keys, sealed_keys, signed_keys
from menshen.sessions.reference import digest_of
from menshen.sessions.refresh import RefreshClaims, RefreshTokens
from menshen.sessions.sealed import SealedSessions
from menshen.sessions.signed import SignedSessions
from tests.edge.conftest import APPID, OTHER_APPID, OTHER_SECRET, SECRET, RunStack, Stack, running_stack
from tests.edge.load import Seen
from tests.edge.processes import LATE, Client, Reply, command
from tests.edge.test_faults import children

__all__ = [
    "DOCUMENT",
    "EXPIRED",
    "INVALID",
    "KINDS",
    "MISSING",
    "REUSED",
    "REVOKED",
    "UNCHECKED",
    "Login",
    "Mint",
    "admin",
    "aged",
    "check",
    "database",
    "kind_of",
    "log_in",
    "logout",
    "over_within",
    "payload_of",
    "record",
    "refresh",
    "refused_within",
    "renewed",
    "session_stack",
    "sessions_of",
    "started_again",
    "watching",
]

KINDS = ("sealed", "signed", "reference")

MISSING = (401, 4001, "session_missing")
INVALID = (401, 4001, "session_invalid")
EXPIRED = (401, 4024, "session_expired")
REUSED = (401, 4024, "refresh_reused")
REVOKED = (401, 4024, "session_revoked")
UNCHECKED = (503, 5004, "brain_unavailable")

_APIS = (
    "[{name: login, path: /login}, {name: order, path: /orders/*}, {name: chat, path: /chat},"
    " {name: news, path: /news, access: optional}, {name: free, path: /free, access: public}]"
)

_PLUGINS = {
    # group and plugin -> (app, everything else of the plugin)
    **{kind: ("shop", f"session: {{kind: {kind}, refresh: {{expires_in: 1000}}}}") for kind in KINDS},
    **{f"other-{kind}": ("other", f"session: {{kind: {kind}, refresh: {{expires_in: 1000}}}}") for kind in KINDS},
    **{f"few-{kind}": ("shop", f"session: {{kind: {kind}, max_sessions: 2}}") for kind in KINDS},
    **{f"idle-{kind}": ("shop", f"session: {{kind: {kind}, idle: 10}}") for kind in KINDS},
    **{
        f"told-{kind}": (
            "shop",
            f"session: {{kind: {kind}, claims: [{claims}], refresh: {{expires_in: 1000}}}},"
            " identity: {claims: {level: X-User-Level}}",
        )
        for kind, claims in (
            ("sealed", "level, team"),
            ("signed", "openid, unionid, level, team"),
            ("reference", "level, team"),
        )
    },
    **{f"sliding-{kind}": ("shop", f"session: {{kind: {kind}, expires_in: 20, renew_before: 10}}") for kind in KINDS},
    "idle-jar": ("shop", "session: {kind: sealed, idle: 10, return_in: cookie, request_in: cookie}"),
    "queried": ("shop", "session: {kind: signed, request_in: query}"),
    "bodied": ("shop", "session: {kind: signed}, code: {in: body, name: code}"),
    **{
        f"jar-{kind}": (
            "shop",
            f"session: {{kind: {kind}, return_in: cookie, request_in: cookie, refresh: {{expires_in: 1000}}}}",
        )
        for kind in ("sealed", "reference")
    },
    **{
        f"book-{kind}": (
            "shop",
            "code: {in: body, name: code}, respond: gateway,"
            f" session: {{name: sessionId, kind: {kind}, return_in: body, refresh: {{expires_in: 1000}}}}",
        )
        for kind in KINDS
    },
    # At the second upstream.
    **{f"shared-{kind}": ("shop", f"session: {{kind: {kind}}}") for kind in KINDS},
}


def _document() -> str:
    lines = [
        "version: 1",
        "apps:",
        '  - {name: shop, platform: wechat, appid: <appid>, secret: "<secret>", base_url: "<emulator>/wechat"}',
        "  - {name: other, platform: wechat, appid: <other_appid>, secret: "
        '"${OTHER_SECRET}", base_url: "<emulator>/wechat"}',
        "upstreams:",
        '  - {name: orders, endpoints: ["<backend>"], timeout: 10}',
        '  - {name: second, endpoints: ["<backend>"], timeout: 10}',
        "groups:",
        *(
            f"  - {{name: {name}, prefix: /{name}, upstream: {'second' if name.startswith('shared') else 'orders'},"
            f" apis: {_APIS}}}"
            for name in _PLUGINS
        ),
        "plugins:",
        *(f"  - {{name: {name}, type: WeChatMpLogin, app: {app}, {rest}}}" for name, (app, rest) in _PLUGINS.items()),
        "bindings:",
        *(f"  - {{plugin: {name}, group: {name}}}" for name in _PLUGINS),
    ]
    text = "\n".join(lines).replace("{", "{{").replace("}", "}}") + "\n"
    for name in ("appid", "secret", "emulator", "other_appid", "backend"):
        text = text.replace(f"<{name}>", f"{{{name}}}")
    return text


DOCUMENT = _document()


@contextlib.contextmanager
def session_stack(directory: Path, *options: str, run: RunStack = running_stack) -> Iterator[Stack]:
    with run(directory, DOCUMENT, "--workers", "2", *options) as running:
        # The app belongs to an Open Platform account: its users have a unionid.
        shop = {"appid": APPID, "secret": SECRET, "unionid": True}
        assert running.emulator.post_json("/emulator/wechat/apps", shop).status == 200
        yield running


@contextlib.contextmanager
def started_again(stack: Stack) -> Iterator[Stack]:
    """The node killed, and another one on its data directory, at other addresses."""
    left = children(stack.serve.pid, "")
    if stack.serve.process.poll() is None:
        os.kill(stack.serve.pid, signal.SIGKILL)
        stack.serve.process.wait()
    deadline = time.monotonic() + 90
    while any(Path(f"/proc/{pid}").exists() for pid in left):
        assert time.monotonic() < deadline, "the node's processes outlive it"
        time.sleep(0.02)
    arguments = ["serve", "--config", str(stack.config), "--data-dir", str(stack.data_dir), "--workers", "2"]
    with command(
        ["-m", "menshen", *arguments, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"],
        stack.serve.log,
        {"OTHER_SECRET": OTHER_SECRET},
    ) as serve:
        origin = serve.words[1].removeprefix("admin=")
        yield replace(stack, serve=serve, gateway=Client(serve.origin), admin=Client(origin))


@dataclass(frozen=True)
class Login:
    """What one login gave: the state and the refresh token ("" for none), and who the backend says it is."""

    where: str
    state: str
    refresh: str
    uid: str
    sid: str


def log_in(stack: Stack, where: str, user: str = "zhangsan", *headers: tuple[str, str]) -> Login:
    """Log a user in at a group whose code and state are in headers."""
    appid = OTHER_APPID if where.startswith("other") else APPID
    reply = stack.gateway(f"/{where}/login", ("js_code", stack.code(user, appid)), *headers)
    assert reply.status == 200, reply.raw
    identity = reply.identity
    return Login(
        where,
        reply.headers["user_session"],
        reply.headers.get("refresh_token", ""),
        identity["x-menshen-user"],
        identity["x-menshen-session"],
    )


def check(stack: Stack, login: Login, state: str = "", *headers: tuple[str, str]) -> Reply:
    return stack.gateway(f"/{login.where}/orders/1", ("user_session", state or login.state), *headers)


def renewed(stack: Stack, login: Login, state: str) -> Reply:
    """The answer that brings what a state that is due is replaced by.

    Envoy, which judges a signed one, lets a request go on without it when a worker takes longer than a second.
    """
    deadline = time.monotonic() + 60
    while "user_session" not in (reply := check(stack, login, state)).headers:
        assert reply.status == 200, reply.raw
        assert kind_of(state) == "signed", "nobody but Envoy may go on without it"
        assert time.monotonic() < deadline, "it is never renewed"
    return reply


def refresh(stack: Stack, token: str, *headers: tuple[str, str]) -> Reply:
    return stack.gateway.post_json("/v1/token", {"refresh_token": token}, *headers)


def logout(stack: Stack, state: str, document: Mapping[str, object] | None = None) -> Reply:
    if document is None:
        return stack.gateway("/v1/logout", ("user_session", state), method="POST")
    return stack.gateway.post_json("/v1/logout", document, ("user_session", state))


def sessions_of(stack: Stack, state: str) -> list[dict[str, Any]]:
    reply = stack.gateway("/v1/sessions", ("user_session", state))
    assert reply.status == 200, reply.raw
    found: list[dict[str, Any]] = reply.json["sessions"]
    return found


def admin(stack: Stack, path: str, document: Mapping[str, object] | None = None) -> Reply:
    """A call of the operator's API with the node's own token."""
    token = ("Authorization", f"Bearer {(stack.data_dir / 'admin.token').read_text().strip()}")
    if document is None:
        return stack.admin(path, token)
    return stack.admin.post_json(path, document, token)


def payload_of(state: str) -> dict[str, Any]:
    """What a client can read in a signed state."""
    text = state.split(".")[1]
    payload: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return payload


class Mint:
    """States made with the data directory's own keys: what the gateway would have made at another time."""

    def __init__(self, stack: Stack) -> None:
        rings = load_key_rings(stack.data_dir / "keys")
        self.sealed = SealedSessions(sealed_keys(rings), secrets.token_bytes)
        self.signed = SignedSessions(signed_keys(rings))
        self.refresh = RefreshTokens(refresh_keys(rings), secrets.token_bytes)

    def claims(self, state: str) -> SessionClaims:
        made = state.encode()
        return self.sealed.open(made, 0) if state.count(".") == 4 else self.signed.open(made, 0)

    def state(self, kind: str, claims: SessionClaims, renew_at: int = 0) -> str:
        if kind == "sealed":
            return self.sealed.mint(claims)
        return self.signed.mint(claims, disclose=(), renew_at=renew_at, app="shop")

    def token(self, text: str) -> RefreshClaims:
        return self.refresh.open(text.encode(), 0)


def kind_of(state: str) -> str:
    return {4: "sealed", 2: "signed", 0: "reference"}[state.count(".")]


def aged(stack: Stack, login: Login, seconds: int) -> str:
    """The login's state, and its record, as if it had been made so long ago; the refresh token stays as it is.

    A reference is another text for the record: of the one that the client got, a worker remembers what it stood for.
    """
    kind = kind_of(login.state)
    reference = secrets.token_urlsafe(32) if kind == "reference" else ""
    with database(stack) as rows, rows:
        rows.execute(
            "UPDATE sessions SET state_issued_at = state_issued_at - :s, state_expires_at = state_expires_at - :s,"
            " state_end_at = state_end_at - :s, protect_until = protect_until - :s, last_seen_at = last_seen_at - :s,"
            " auth = auth - :s, expires_at = max(state_expires_at - :s, refresh_expires_at) WHERE sid = :sid",
            {"s": seconds, "sid": login.sid},
        )
        if reference:
            rows.execute("UPDATE sessions SET digest = ? WHERE sid = ?", [digest_of(reference), login.sid])
    if reference:
        return reference
    mint = Mint(stack)
    claims = mint.claims(login.state)
    old = replace(
        claims,
        iat=claims.iat - seconds,
        exp=claims.exp - seconds,
        end=claims.end - seconds,
        auth=claims.auth - seconds,
    )
    due = payload_of(login.state).get("rnw", 0) if kind == "signed" else 0
    return mint.state(kind, old, due and due - seconds)


@contextlib.contextmanager
def database(stack: Stack) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(stack.data_dir / "menshen.db", timeout=60)) as connection:
        yield connection


def record(stack: Stack, sid: str) -> dict[str, Any]:
    """The row of a session."""
    with database(stack) as rows:
        rows.row_factory = sqlite3.Row
        return dict(rows.execute("SELECT * FROM sessions WHERE sid = ?", [sid]).fetchone())


def over_within(stack: Stack, *logins: Login, seconds: float = 1.0) -> None:
    """These states are refused as revoked within a second, and stay so at whichever worker a request arrives.

    The machine may be late, the workers may not differ for longer than that.
    """
    refused_within([partial(check, stack, login) for login in logins], REVOKED, seconds)


def refused_within(
    asks: Sequence[Callable[[], Reply]], refusal: tuple[int, int, str] = REVOKED, seconds: float = 1.0
) -> None:
    promised = time.monotonic() + seconds
    deadline = promised + LATE
    for ask in asks:
        while True:
            asked = time.monotonic()
            reply = ask()
            if reply.status != 200:
                break
            assert asked < deadline, "still let through"
            time.sleep(0.01)
        assert reply.refusal == refusal
    time.sleep(max(0.0, promised - time.monotonic()))
    while True:
        asked = time.monotonic()
        replies = [ask() for ask in asks for _ in range(8)]
        assert {reply.refusal for reply in replies if reply.status != 200} == {refusal}
        if all(reply.status != 200 for reply in replies):
            break
        assert asked < deadline, "still let through by one of them"


@contextlib.contextmanager
def watching(stack: Stack, targets: Mapping[str, tuple[str, Mapping[str, str]]]) -> Iterator[dict[str, list[Seen]]]:
    """Ask for each target (a path or a URL, and headers) again and again over kept connections, until the block ends.

    Four connections a target, so that every worker is met; at a pace that leaves the machine to others.
    """
    answers: dict[str, list[Seen]] = {name: [] for name in targets}
    stop = threading.Event()

    async def client(session: aiohttp.ClientSession, name: str) -> None:
        path, headers = targets[name]
        while not stop.is_set():
            asked = time.monotonic()
            try:
                async with session.get(urljoin(stack.gateway.origin, path), headers=headers) as response:
                    await response.read()
                    outcome: int | str = response.status
                    code = response.headers.get("x-menshen-code", "")
            except (aiohttp.ClientError, TimeoutError) as error:
                outcome, code = type(error).__name__, ""
            answers[name].append(Seen(asked, time.monotonic(), outcome, code))
            await asyncio.sleep(0.03)

    async def main() -> None:
        timeout = aiohttp.ClientTimeout(total=60)
        async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
            await asyncio.gather(*(client(session, name) for name in targets for _ in range(4)))

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    try:
        deadline = time.monotonic() + 60
        while not all(len(seen) >= 8 for seen in answers.values()):
            assert time.monotonic() < deadline, {name: len(seen) for name, seen in answers.items()}
            time.sleep(0.02)
        yield answers
    finally:
        stop.set()
        thread.join(120)
        assert not thread.is_alive()
