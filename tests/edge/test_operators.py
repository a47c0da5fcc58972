"""Operators at a running node: who may call what of the whole admin API, how soon a revocation counts, what leaks."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from menshen.operators.roles import SCOPES_OF, Role, Scope
from menshen.web.console.door import SESSION_COOKIE, csrf_token
from tests.edge.conftest import Stack, running_stack
from tests.edge.processes import LATE, REPOSITORY, Reply, says_something

PASSWORDS = {role: f"planted-{role}-password-of-a-test" for role in Role}
CHANGED = "planted-changed-password-of-a-test"
WRONG = "planted-wrong-password-of-a-test"


@dataclass
class Desk:
    """A node with an operator of each role, and a token of each that may all that the role may."""

    stack: Stack
    setup_token: str
    cookies: dict[Role, str]
    tokens: dict[Role, str]
    answers: list[Reply]

    def call(self, token: str, method: str, path: str, body: Any = None) -> Reply:
        headers = [("authorization", f"Bearer {token}")] if token else []
        if body is None:
            reply = self.stack.admin(path, *headers, method=method)
        else:
            reply = self.stack.admin.send_json(method, path, body, *headers)
        self.answers.append(reply)
        return reply

    def page(self, path: str, cookie: str = "", fields: list[tuple[str, str]] | None = None) -> Reply:
        """A page, or a form that is sent with its token; ``cookie`` is the session's."""
        headers = [("cookie", f"{SESSION_COOKIE}={cookie}")] if cookie else []
        if fields is None:
            reply = self.stack.admin(path, *headers)
        else:
            form = urlencode([*fields, ("csrf", csrf_token(cookie))]).encode()
            kind = ("content-type", "application/x-www-form-urlencoded")
            reply = self.stack.admin(path, kind, *headers, method="POST", body=form)
        self.answers.append(reply)
        return reply

    def sign_in(self, name: str, password: str) -> str:
        """The cookie of a new session; "" where there is none."""
        reply = self.page("/console/login", "any-cookie-will-do", [("name", name), ("password", password)])
        found = re.search(rf"{SESSION_COOKIE}=([\w-]{{43}})", reply.headers.get("set-cookie", ""))
        return found[1] if found else ""


def said_by(stack: Stack) -> str:
    """The line with the set-up token, which follows the ``ready`` line."""
    output = stack.serve.process.stdout
    assert output is not None
    assert says_something(output, 60)
    return output.readline().decode()


def menshen(stack: Stack, *arguments: str, typed: str = "") -> str:
    command = [sys.executable, "-m", "menshen", *arguments, "--data-dir", str(stack.data_dir)]
    done = subprocess.run(command, input=typed, capture_output=True, text=True, check=True, cwd=REPOSITORY)
    return done.stdout


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with running_stack(tmp_path_factory.mktemp("operators")) as stack:
        line = said_by(stack)
        found = re.fullmatch(r"no owner yet: open (http://\S+)/console/setup and give the set-up token (\S+)\n", line)
        assert found, line
        assert found[1] == stack.admin.origin
        desk = Desk(stack, found[2], {}, {}, [])
        first = {"token": desk.setup_token, "name": "a-owner", "password": PASSWORDS[Role.OWNER]}
        assert desk.call("", "POST", "/v1/setup", first).status == 201
        for role in (Role.VIEWER, Role.OPERATOR):
            menshen(stack, "operators", "add", f"a-{role}", "--role", role, typed=f"{PASSWORDS[role]}\n")
        for role in Role:
            desk.cookies[role] = desk.sign_in(f"a-{role}", PASSWORDS[role])
            scopes = [("scope", scope) for scope in SCOPES_OF[role]]
            made = desk.page("/console/tokens", desk.cookies[role], [("name", "all"), ("days", "7"), *scopes])
            (desk.tokens[role],) = re.findall(r"mst_[\w-]{43}", made.raw.decode())
        yield desk


def test_class_50_every_call_of_the_admin_api_needs_its_scope(desk: Desk) -> None:
    """As the node's own OpenAPI document has it: by nobody, by a token of each role, and of every endpoint."""
    paths = desk.call("", "GET", "/v1/openapi.json").json["paths"]
    open_to_all, asked = set(), 0
    for template, methods in paths.items():
        path = re.sub(r"{[^}]+}", "nothing", template)
        for method, operation in methods.items():
            found = re.search(r"Needs the scope `([\w:]+)`", operation.get("description", ""))
            if "security" not in operation:
                open_to_all.add(template)
                continue
            assert desk.call("", method.upper(), path).status == 401, template
            assert desk.call("mst_" + "x" * 43, method.upper(), path).status == 401, template
            if found is None:
                assert template == "/v1/me"
                continue
            for role in (Role.VIEWER, Role.OPERATOR):
                if Scope(found[1]) not in SCOPES_OF[role]:
                    assert desk.call(desk.tokens[role], method.upper(), path, {}).status == 403, (template, role)
                    asked += 1
    assert open_to_all <= {"/v1/setup", "/v1/openapi.json"}
    assert asked > 20


def test_the_set_up_token_is_good_once(desk: Desk) -> None:
    again = {"token": desk.setup_token, "name": "mallory", "password": PASSWORDS[Role.OWNER]}
    assert desk.call("", "POST", "/v1/setup", again).status == 409
    assert desk.page("/console/setup").status == 303


def test_a_revocation_counts_within_a_second_whoever_made_it(desk: Desk) -> None:
    owner = desk.cookies[Role.OWNER]
    made = desk.page("/console/tokens", owner, [("name", "short"), ("days", "7"), ("scope", "figures:read")])
    (token,) = re.findall(r"mst_[\w-]{43}", made.raw.decode())
    assert desk.call(token, "GET", "/v1/me").status == 200
    tokens = desk.call(desk.tokens[Role.OWNER], "GET", "/v1/tokens").json["tokens"]
    (short,) = (each["id"] for each in tokens if each["name"] == "short")
    assert desk.call(desk.tokens[Role.OWNER], "DELETE", f"/v1/tokens/{short}").status == 200
    assert desk.call(token, "GET", "/v1/me").status == 401

    # By another process: the node is not told, it looks.
    viewer, cookie = desk.tokens[Role.VIEWER], desk.cookies[Role.VIEWER]
    assert desk.call(viewer, "GET", "/v1/me").status == 200
    assert desk.page("/console/me", cookie).status == 200
    menshen(desk.stack, "operators", "disable", "a-viewer")
    disabled = time.monotonic()
    while desk.call(viewer, "GET", "/v1/me").status == 200 or desk.page("/console/me", cookie).status == 200:
        assert time.monotonic() - disabled < 1.0 + LATE
        time.sleep(0.05)
    assert desk.sign_in("a-viewer", PASSWORDS[Role.VIEWER]) == ""
    menshen(desk.stack, "operators", "enable", "a-viewer")
    enabled = time.monotonic()
    while desk.call(viewer, "GET", "/v1/me").status != 200:
        assert time.monotonic() - enabled < 1.0 + LATE
        time.sleep(0.05)
    assert desk.page("/console/me", cookie).status == 303


def test_no_password_token_or_cookie_is_in_any_sink(desk: Desk) -> None:
    """Security rule 8, for what operators have. It is told once, to whom it was made for, and is nowhere then."""
    assert desk.sign_in("a-operator", WRONG) == ""
    assert desk.sign_in(WRONG, WRONG) == ""
    cookie = desk.sign_in("a-operator", PASSWORDS[Role.OPERATOR])
    change = [("old", PASSWORDS[Role.OPERATOR]), ("password", CHANGED), ("again", CHANGED)]
    assert desk.page("/console/me/password", cookie, [*change[:2], ("again", "x")]).status == 422
    assert desk.page("/console/me/password", cookie, change).status == 303
    assert desk.page("/console/me", cookie).status == 303
    owner = desk.cookies[Role.OWNER]
    for path in ("/console/operators", "/console/operators/a-operator", "/console/tokens", "/console/audit"):
        assert desk.page(path, owner).status == 200
    token = desk.tokens[Role.OWNER]
    for path in ("/v1/operators", "/v1/tokens", "/v1/audit?limit=500", "/v1/operators/a-operator/sessions"):
        assert desk.call(token, "GET", path).status == 200
    planted = {
        "set-up token": desk.setup_token,
        "changed password": CHANGED,
        "wrong password": WRONG,
        "session": cookie,
        **{f"password of {role}": password for role, password in PASSWORDS.items()},
        **{f"cookie of {role}": found for role, found in desk.cookies.items()},
        **{f"token of {role}": found for role, found in desk.tokens.items()},
    }
    # The one answer that a token stands in, and the page that says again which name was typed.
    told = [each for each in desk.answers if b'id="token"' not in each.raw and WRONG.encode() not in each.raw]
    sinks = {
        "answers": b"".join(each.raw for each in told),
        "log": desk.stack.serve.log.read_bytes(),
        "audit": menshen(desk.stack, "users", "audit", "--limit", "1000").encode(),
        "operators": menshen(desk.stack, "operators", "list").encode(),
        "command lines": b"".join(p.read_bytes() for p in Path("/proc").glob("[0-9]*/cmdline") if p.exists()),
        **{
            f"data directory: {path.name}": path.read_bytes()
            for path in desk.stack.data_dir.rglob("*")
            if path.is_file() and path.suffix != ".sock"
        },
    }
    assert len(told) > len(desk.answers) / 2
    assert b"operator.login.failed" in sinks["audit"]
    for name, secret in planted.items():
        spellings = {secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode().rstrip("=")}
        for sink, content in sinks.items():
            for spelling in spellings:
                assert spelling.encode() not in content, f"{name} in {sink}"
