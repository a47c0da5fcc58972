"""Attack classes 45 to 52 at a running node: its console, its admin API, and what lies behind both."""

from __future__ import annotations

import base64
import json
import os
import pickle
import re
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from menshen.operators.roles import SCOPES_OF, Role
from menshen.web.console.door import SESSION_COOKIE
from tests.edge.conftest import OTHER_APPID, Stack
from tests.edge.desk import PASSWORD, Desk, admin_call, operator, pages
from tests.edge.people import OWN, Person, admin, api, entered, people_stack
from tests.edge.processes import REPOSITORY, Reply
from tests.edge.test_faults import envoy, workers
from tests.edge.test_reload import until


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with people_stack(tmp_path_factory.mktemp("console"), accounts=OWN) as running:
        operator(running, "olga", "owner")
        operator(running, "oscar", "operator")
        operator(running, "vera", "viewer")
        yield running


@pytest.fixture(scope="module")
def owner(stack: Stack) -> Desk:
    return Desk.of(stack, "olga")


@pytest.fixture(autouse=True)
def _alive_afterwards(stack: Stack) -> Iterator[None]:
    """Whatever a test sends: the node lives, and its console opens at once."""
    yield
    assert stack.serve.process.poll() is None
    began = time.monotonic()
    assert stack.admin("/console/login", timeout=60).status == 200
    assert time.monotonic() - began < 10


def text_of(reply: Reply) -> str:
    return reply.raw.decode("utf-8", "replace")


def raw(address: str, data: bytes, timeout: float = 3.0) -> bytes:
    """Whatever comes back until the connection ends or nothing more comes."""
    parts = urlsplit(address)
    received = b""
    with socket.create_connection((parts.hostname, parts.port), timeout=timeout) as connection:
        try:
            connection.sendall(data)
            while chunk := connection.recv(65536):
                received += chunk
        except OSError:
            pass
    return received


# 45: the brain is gone


def test_class_45_without_the_brain_nothing_passes_and_the_console_tells(stack: Stack, owner: Desk) -> None:
    state = Person(stack, "c45").log_in()
    assert stack.gateway("/mall/x", ("user_session", state)).status == 200
    hung = workers(stack)
    for pid in hung:
        os.kill(pid, signal.SIGSTOP)
    try:
        for headers in ([("user_session", state)], [("js_code", Person(stack, "c45-new").code())], []):
            refused = stack.gateway("/mall/x", *headers)
            assert refused.refusal == (503, 5004, "brain_unavailable")
        for path in ("/console/", "/console/revisions", "/console/logins", "/console/apps"):
            assert owner.get(path).status == 200, path
        assert admin_call(stack, "GET", "/v1/config").status == 200
    finally:
        for pid in hung:
            os.kill(pid, signal.SIGCONT)
    until(lambda: stack.gateway("/mall/x", ("user_session", state)).status == 200, 60)
    for pid in workers(stack):
        os.kill(pid, signal.SIGKILL)
    refused = stack.gateway("/mall/x", ("user_session", state))
    assert refused.status in (200, 503)
    assert owner.get("/console/").status == 200
    until(lambda: stack.gateway("/mall/x", ("user_session", state)).status == 200, 60)


# 46: floods and bytes that can be read in two ways

_HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
_POST = b"POST /v1/sessions/revoke HTTP/1.1\r\nHost: localhost\r\n"
_INSIDE = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Smuggled: 1\r\n\r\n"

AMBIGUOUS = {
    "cl.te": _POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + _INSIDE,
    "te.cl": _POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" + _INSIDE,
    "two lengths": _POST + b"Content-Length: 0\r\nContent-Length: 60\r\n\r\n" + _INSIDE,
    "a list of lengths": _POST + b"Content-Length: 0, 60\r\n\r\n" + _INSIDE,
    "a signed length": _POST + b"Content-Length: +0\r\n\r\n" + _INSIDE,
    "te that is none": _POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + _INSIDE,
    "te in two words": _POST + b"Transfer-Encoding: identity, chunked, identity\r\n\r\n0\r\n\r\n" + _INSIDE,
    "a blank before the colon": _POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + _INSIDE,
    "a bad chunk": _POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n" + _INSIDE,
    "a chunk that is too long to count": _POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\n\r\n",
    "obs-fold": _HEAD + b"X-A: 1\r\n Transfer-Encoding: chunked\r\n\r\n",
    "a line feed alone in a value": _HEAD + b"X-A: 1\nX-Smuggled: 1\r\n\r\n",
    "nul": _HEAD + b"X-A: \x00\r\n\r\n",
    "no version": b"GET /healthz\r\n\r\n",
    "version 9": b"GET /healthz HTTP/9.9\r\nHost: localhost\r\n\r\n",
    "connect": b"CONNECT 127.0.0.1:80 HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n",
    "an absolute target": b"GET http://evil.example/console/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "h2c": _HEAD + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
    "websocket": _HEAD + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    "garbage": bytes(range(256)) * 40,
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    "http/2 with garbage": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(range(256)) * 10,
}


@pytest.mark.parametrize("data", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_class_46_bytes_that_can_be_read_in_two_ways_are_one_request_or_none(stack: Stack, data: bytes) -> None:
    received = raw(stack.admin.origin, data, 1.5)
    statuses = [int(each) for each in re.findall(rb"HTTP/1\.[01] (\d{3})", received)]
    assert len(statuses) <= 2, received[:500]
    assert all(status < 500 for status in statuses), received[:500]
    if _INSIDE in data:  # a request behind one that can be read in two ways is answered by neither reading
        assert b'"alive"' not in received, received[:500]


def test_class_46_a_flood_of_headers_is_refused(stack: Stack) -> None:
    many = _HEAD + b"".join(b"X-%d: a\r\n" % number for number in range(20_000)) + b"\r\n"
    long = _HEAD + b"Cookie: " + b"a" * 4_000_000 + b"\r\n\r\n"
    target = b"GET /" + b"a" * 2_000_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for data in (many, long, target):
        received = raw(stack.admin.origin, data, 5)
        assert not received or re.match(rb"HTTP/1\.1 (400|404|414|431)", received), received[:200]


def test_class_46_a_body_without_end_is_not_waited_for(stack: Stack, owner: Desk) -> None:
    token = (stack.data_dir / "admin.token").read_text().strip().encode()
    forms = f"Cookie: {SESSION_COOKIE}={owner.session}\r\nContent-Type: application/x-www-form-urlencoded\r\n".encode()
    for head in (
        b"PUT /v1/config HTTP/1.1\r\nHost: localhost\r\nIf-Match: *\r\nAuthorization: Bearer " + token + b"\r\n",
        b"POST /v1/dry-run HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + token + b"\r\n",
        b"POST /console/login HTTP/1.1\r\nHost: localhost\r\n" + forms,
        b"POST /console/revisions/1/rollback HTTP/1.1\r\nHost: localhost\r\n" + forms,
    ):
        parts = urlsplit(stack.admin.origin)
        with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
            connection.sendall(head + b"Content-Length: 100000000\r\n\r\n")
            sent = 0
            answer = b""
            connection.settimeout(0.01)
            while not answer and sent < 8_000_000:
                try:
                    sent += connection.send(b"a=" + b"x" * 65_534)
                    answer = connection.recv(4096)
                except TimeoutError:
                    continue
                except OSError:
                    break
        assert sent < 8_000_000, head
        assert not answer or b" 413 " in answer.split(b"\r\n")[0], answer[:200]


def test_class_46_slow_connections_keep_nobody_out(stack: Stack) -> None:
    parts = urlsplit(stack.admin.origin)
    slow = [socket.create_connection((parts.hostname, parts.port), timeout=60) for _ in range(300)]
    try:
        for number, connection in enumerate(slow):
            half = _HEAD if number % 2 else _POST + b"Content-Length: 1000\r\n\r\nx"
            connection.sendall(half[: -5 if number % 3 else None])
        began = time.monotonic()
        for _ in range(20):
            assert stack.admin("/console/login", timeout=60).status == 200
            assert stack.admin("/healthz", timeout=60).status == 200
        assert time.monotonic() - began < 45
        assert stack.gateway("/mall/x").status == 401
    finally:
        for connection in slow:
            connection.close()


# 47: Envoy's own administration

ADMIN_PATHS = ("/config_dump", "/stats", "/clusters", "/listeners", "/server_info", "/certs", "/quitquitquit")


def test_class_47_envoys_administration_is_reached_from_nowhere(stack: Stack, owner: Desk) -> None:
    for path in ADMIN_PATHS:
        for method in ("GET", "POST"):
            for host in ("localhost", "envoy", "127.0.0.1:9901"):
                assert stack.gateway(path, method=method, host=host).refusal[1] == 4004
                assert stack.admin(path, method=method, host=host).status == 404
        for prefix in ("/console", "/v1", "/metrics", "/console/static"):
            assert stack.admin(f"{prefix}{path}").status in (303, 404)
            assert stack.admin(f"{prefix}/..{path}").status in (303, 404)
        assert owner.get(f"/console{path}").status == 404
    (bootstrap,) = stack.data_dir.rglob("bootstrap.json")
    pipe = Path(json.loads(bootstrap.read_text())["admin"]["address"]["pipe"]["path"])
    assert pipe.is_socket()
    assert pipe.stat().st_mode & 0o077 == 0 or pipe.parent.stat().st_mode & 0o077 == 0
    (pid,) = envoy(stack)
    assert listening(pid) == {stack.gateway.port}


def listening(pid: int) -> set[int]:
    """TCP ports on which a process listens."""
    sockets = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found = re.fullmatch(r"socket:\[(\d+)\]", str(entry.readlink()))
        except OSError:
            continue
        if found:
            sockets.add(found[1])
    ports = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A" and words[9] in sockets:
                ports.add(int(words[1].rpartition(":")[2], 16))
    return ports


# 48: lines of a log that somebody else wrote

FORGED = '", "event": "forged", "level": "ERROR"}\n{"event": "forged"}\r\n\x1b[2J\u2028forged'


def test_class_48_nobody_writes_a_line_into_a_log(stack: Stack, owner: Desk) -> None:
    agent = 'x", "event": "forged", "y": "'
    for name in (FORGED, f"olga{FORGED}", "olga\r\nforged"):
        assert Desk(stack).sign_in(name, FORGED, user_agent=agent).status in (401, 403, 422, 429)
    person = Person(stack, "c48")
    state = person.log_in()
    api(stack, "me", {"nickname": FORGED}, state, method="PATCH")
    refused = api(stack, "login", {"code": FORGED, "app": FORGED, "username": FORGED, "password": "x"})
    assert refused.status in (400, 401, 422)
    stack.gateway(f"/mall/{quote(FORGED)}", ("user-agent", agent), ("js_code", "no-code"), ("x-request-id", agent))
    for body in ({"path": FORGED, "host": FORGED}, {"path": "/", "headers": {FORGED: FORGED}}):
        assert admin_call(stack, "POST", "/v1/dry-run", body).status in (200, 400)
    app = {"name": FORGED, "platform": FORGED, "appid": FORGED, "secret": FORGED, FORGED: FORGED}
    comment = quote(FORGED.replace("\n", "").replace("\r", "").replace("\x1b", "").replace("\u2028", ""))
    assert admin_call(stack, "POST", f"/v1/config/apps?comment={comment}", app).status == 422
    upstream = {"name": "c48", "endpoints": ["127.0.0.1:9002"]}
    assert admin_call(stack, "POST", f"/v1/config/upstreams?comment={comment}", upstream).status == 200
    assert admin_call(stack, "DELETE", "/v1/config/upstreams/c48").status == 200
    time.sleep(0.5)
    for line in stack.serve.log.read_text().splitlines():
        event = json.loads(line) if line.startswith("{") else {}
        assert event.get("event") != "forged", line
        assert not line.startswith("forged"), line
    assert "\x1b" not in stack.serve.log.read_text()
    for path in ("/v1/logins", "/v1/audit"):
        rows = json.loads(admin(stack, f"{path}?limit=200").raw)
        (listed,) = (value for value in rows.values() if isinstance(value, list))
        assert listed
        for row in listed:
            for value in row.values():
                assert not isinstance(value, str) or value.isprintable(), row


# 49: text that would like to be code

CODE = (
    "%ENVIRONMENT(OTHER_SECRET)%",
    "%REQ(cookie)%",
    '%DYNAMIC_METADATA(["menshen"])%',
    "%FILTER_STATE(x)%",
    '"} } } } inline_code = [[os.execute("id")]]',
    "]]--os.exit()",
    'function envoy_on_request(h) h:respond({[":status"]="200"}, "owned") end',
    '{{ 1234*4321 }}{% import "os" %}',
    "${OTHER_SECRET}",
    "$(id)`id`",
    "x\r\nx-injected: 1",
    "x\x00y",
    '!!python/object/apply:os.system ["id"]',
    "&a [*a]",
    '(?{system("id")})',
    "(a+)+$",
)


UNQUOTED = {'%DYNAMIC_METADATA(["menshen"])%': "%DYNAMIC_METADATA(menshen)%"}
"""Envoy writes this old form anew wherever it stands, in text too, and it stays text."""


def scripts(stack: Stack) -> set[str]:
    """Every script that Envoy's files hold."""
    quoted = r'"inline_string":\s*("(?:[^"\\]|\\.)*")'
    found = set()
    for file in stack.data_dir.joinpath("envoy").rglob("*.json"):
        found |= {json.loads(each) for each in re.findall(quoted, file.read_text())}
    return {each for each in found if "envoy_on_re" in each}


OURS = {file.read_text() for file in (REPOSITORY / "src/menshen/envoy").glob("*.lua")}


def hostile_parts(text: str) -> dict[str, tuple[str, Any]]:
    """The text in each place that takes a free one: path of the call and what is sent."""
    return {
        "header": (
            "/v1/config/plugins",
            {
                "name": "c49",
                "type": "ReqTransformer",
                "filters": [{"in": "query", "name": "q", "values": ["1"]}],
                "actions": [{"header": "x-c49", "value": text}],
            },
        ),
        "regex": (
            "/v1/config/plugins",
            {
                "name": "c49",
                "type": "ReqTransformer",
                "filters": [{"in": "query", "name": "q", "op": "REGEX", "values": [text]}],
                "actions": [{"header": "x-c49", "value": "hit"}],
            },
        ),
        "rewrite": (
            "/v1/config/plugins",
            {"name": "c49", "type": "PathRewrite", "rules": [{"regex": text, "replacement": f"/{text}"}]},
        ),
        "tag": (
            "/v1/config/plugins",
            {"name": "c49", "type": "Tag", "tags": [{"in": "header", "name": text, "tag": text}]},
        ),
        "description": (
            "/v1/config/plugins",
            {"name": "c49", "type": "IpAccess", "deny": ["192.0.2.1"], "description": text},
        ),
        "name": ("/v1/config/plugins", {"name": text, "type": "IpAccess", "deny": ["192.0.2.1"]}),
        "type": ("/v1/config/plugins", {"name": "c49", "type": text}),
        "reply": (
            "/v1/config/plugins",
            {
                "name": "c49",
                "type": "WeChatMpLogin",
                "app": "shop",
                "code": {"in": "body", "name": "code"},
                "session": {"name": "c49", "return_in": "body"},
                "respond": "gateway",
                "reply": {"session": "$session", "text": text},
            },
        ),
    }


@pytest.fixture(scope="module")
def visitor(stack: Stack) -> str:
    """A login state."""
    return Person(stack, "c49", OTHER_APPID).log_in()


@pytest.fixture(scope="module")
def program(stack: Stack) -> str:
    """The token of a program that may do what an operator may."""
    return token_of(stack, Role.OPERATOR, "program")


@pytest.mark.parametrize("text", CODE)
def test_class_49_what_an_operator_writes_is_never_code(
    stack: Stack, owner: Desk, visitor: str, program: str, text: str
) -> None:
    admin_call(stack, "PUT", "/v1/config/plugins/c49/bindings", {"bindings": []})  # of a test that failed
    admin_call(stack, "DELETE", "/v1/config/plugins/c49")
    assert scripts(stack)
    for where, (path, part) in hostile_parts(text).items():
        answer = admin_call(stack, "POST", path, part, program)
        assert answer.status in (200, 400, 422), (where, answer.raw)
        assert answer.status != 200 or "${" not in text, (where, "an operator lends nothing of the environment")
        if answer.status != 200:
            continue
        name = quote(str(part["name"]), safe="")
        bound = admin_call(stack, "PUT", f"/v1/config/plugins/{name}/bindings", {"bindings": [{"group": "other"}]})
        assert bound.status in (200, 422), (where, bound.raw)
        if bound.status == 200 and where == "header":
            until(lambda: colour(stack, visitor) == UNQUOTED.get(text, text), 60)
        assert scripts(stack) <= OURS, where
        assert admin_call(stack, "PUT", f"/v1/config/plugins/{name}/bindings", {"bindings": []}).status == 200
        assert admin_call(stack, "DELETE", f"/v1/config/plugins/{name}").status == 200
    # The same through a form of the console: whatever it says, nothing of it is run, nor comes back unescaped.
    form = {
        "type": "IpAccess",
        "name": text,
        "description": text,
        "document": f"version: 1\napps: {text}\n",
        "text": text,
    }
    for page in ("/console/plugins", "/console/apps", "/console/document/edit", "/console/canary"):
        answered = owner.post(page, form)
        assert answered.status < 500, (page, answered.raw)
        assert "5332114" not in text_of(answered), page


def colour(stack: Stack, state: str) -> str:
    reply = stack.gateway("/other/x?q=1", ("user_session", state))
    assert reply.status == 200, reply.raw
    assert "x-injected" not in reply.seen
    return reply.seen.get("x-c49", "")


# 50: other people's pages, other people's names


FOREIGN = (
    "https://evil.example",
    "null",
    "{origin}.evil.example",
    "http://localhost.evil.example",
    "{origin}0",
    "{origin}@evil.example",
    "file://",
)


@pytest.mark.parametrize("template", FOREIGN)
def test_class_50_no_other_origin_reads_or_changes_anything(stack: Stack, owner: Desk, template: str) -> None:
    origin = template.format(origin=stack.admin.origin)
    before = admin_call(stack, "GET", "/v1/config").headers["etag"]
    for path in ("/console/", "/console/login", "/v1/config", "/v1/users", "/v1/dry-run", "/metrics", "/readyz"):
        asked = [("origin", origin), ("access-control-request-method", "POST")]
        for method in ("OPTIONS", "GET"):
            reply = stack.admin(path, *asked, ("access-control-request-headers", "authorization"), method=method)
            assert not [name for name in reply.headers if name.startswith("access-control-")], path
    # With the very token that a page of ours has: as if it had leaked.
    if template != "file://":
        assert owner.post("/console/revisions/1/rollback", {"etag": before.strip('"')}, origin=origin).status == 403
        assert owner.post("/console/logout", {}, origin=origin).status == 403
    assert owner.get("/console/").status == 200
    assert admin_call(stack, "GET", "/v1/config").headers["etag"] == before


def test_class_50_a_cookie_alone_changes_nothing_and_opens_no_api(stack: Stack, owner: Desk) -> None:
    forms = [page for page in pages(owner) if page.startswith("/console/")]
    assert len(forms) > 15, forms
    for token in ("", "0" * 64, Desk(stack).get("/console/login").headers["set-cookie"][:64]):
        for path in ("/console/logout", "/console/revisions/1/rollback", "/console/preferences", *forms[:20]):
            assert owner.post(path, {"x": "y"}, token=token).status in (403, 405), path
    for path in ("/v1/config", "/v1/users", "/v1/audit"):
        assert owner.get(path).status == 401
        assert owner.get(path, authorization=f"Bearer {owner.session}").status == 401
    for value in re.findall(r"menshen_\w+=[^,]*", Desk(stack).get("/console/login").headers["set-cookie"]):
        assert "HttpOnly" in value
        assert "SameSite=strict" in value


def test_class_50_a_name_that_leads_here_is_not_ours(stack: Stack, owner: Desk) -> None:
    port = urlsplit(stack.admin.origin).port
    for host in (f"evil.example:{port}", f"127.0.0.1.evil.example:{port}", "evil.example", f"a@127.0.0.1:{port}"):
        for path in ("/console/", "/console/login", "/console/setup", "/metrics", "/v1/openapi.json"):
            reply = stack.admin(path, ("cookie", f"{SESSION_COOKIE}={owner.session}"), host=host)
            assert (reply.status, "set-cookie" in reply.headers) == (421, False)
    assert stack.admin("/console/login", host=f"localhost:{port}").status == 200
    assert stack.admin("/healthz", host="evil.example").status == 200


XSS = (
    '"><script>alert(1)</script>',
    "<img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "</title><svg onload=alert(1)>",
    "{{ 1234*4321 }}",
)


def test_class_50_hostile_names_nicknames_and_agents_are_text_on_every_page(stack: Stack, owner: Desk) -> None:
    for number, text in enumerate(XSS):
        person = Person(stack, f"c50-{number}")
        state = entered(api(stack, "login", {"code": person.code(), "app": "shop"}))
        assert api(stack, "me", {"nickname": text[:30]}, state, method="PATCH").status in (200, 400)
        stack.gateway("/mall/login", ("js_code", person.code()), ("user-agent", text))
        Desk(stack).sign_in(text, text, user_agent=text)
        plugin = {"name": f"c50-{number}", "type": "IpAccess", "deny": ["192.0.2.1"], "description": text}
        made = admin_call(stack, "POST", f"/v1/config/plugins?comment={quote(text)}", plugin)
        assert made.status == 200, made.raw
    agent = Desk(stack)
    agent.sign_in("oscar", PASSWORD, user_agent=XSS[0])
    for language in ("en", "zh-CN"):
        owner.language = language
        found = pages(owner)
        everything = {path: text_of(reply) for path, reply in found.items()}
        assert any("&lt;script&gt;alert(1)" in page for page in everything.values())
        for path, page in everything.items():
            assert found[path].status < 500, path
            if not found[path].headers.get("content-type", "").startswith("text/html"):
                continue
            assert "<script>alert" not in page, path
            assert "5332114" not in page, path
            assert not re.search(r"<(?:img|svg)[^>]*\son(?:error|load)", page), path
            assert not re.search(r"<[^>]*\sonmouseover=", page), path
            assert not re.search(r'(?:href|action|src)="\s*javascript:', page), path
            assert not re.search(r"<script(?![^>]*\ssrc=)[^>]*>", page), path
            assert not re.search(r"<style|\sstyle=", page), path
            policy = found[path].headers["content-security-policy"]
            assert "script-src 'self'" in policy
            assert "unsafe" not in policy
    owner.language = "en"


def test_class_50_nothing_tells_which_operators_exist(stack: Stack) -> None:
    def took(name: str) -> float:
        desk = Desk(stack)
        desk.get("/console/login")
        began = time.monotonic()
        reply = desk.post("/console/login", {"name": name, "password": "wrong-password-of-nobody"})
        assert reply.status in (401, 403)
        times[name.startswith("there")].append(time.monotonic() - began)
        return time.monotonic() - began

    times: dict[bool, list[float]] = {True: [], False: []}
    for number in range(4):
        operator(stack, f"there{number}", "viewer")
    for number in range(4):
        took(f"there{number}")
        took(f"nobody{number}")
    there, nobody = min(times[True]), min(times[False])  # what else the machine does only ever adds to it
    assert there < 3 * nobody + 0.05
    assert nobody < 3 * there + 0.05


def token_of(stack: Stack, role: Role, name: str) -> str:
    made = admin_call(
        stack,
        "POST",
        "/v1/tokens",
        {"name": name, "scopes": sorted(SCOPES_OF[role]), "expires_in_days": 1, "owner": "olga"},
    )
    assert made.status in (200, 201), made.raw
    return str(made.json["token"])


OWN_FORMS = ("/console/me", "/console/preferences", "/console/login", "/console/tokens", "/console/users/search")
"""What anybody may do for himself."""


def test_class_50_every_page_asks_for_its_scope(stack: Stack, owner: Desk) -> None:
    viewer = Desk.of(stack, "vera")
    everything, may = set(pages(owner)), set(pages(viewer))
    hidden = {path for path in everything - may if "?" not in path and "/static/" not in path}
    assert {"/console/operators", "/console/audit"} <= hidden
    for path in hidden:
        assert viewer.get(path).status in (200, 403, 404, 405), path
    for path in ("/console/operators", "/console/audit", "/console/try"):
        assert viewer.get(path).status == 403, path
    before = admin_call(stack, "GET", "/v1/config").headers["etag"]
    for path in sorted(everything):
        if "/static/" not in path and not path.startswith(OWN_FORMS):
            reply = viewer.post(path, {"name": "x", "etag": before.strip('"'), "uid": "x"})
            assert reply.status in (200, 403, 404, 405), path
    assert admin_call(stack, "GET", "/v1/config").headers["etag"] == before


# 51: ways out of the console

REDIRECTS = (
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https://evil.example",
    "https:evil.example",
    "http:/\\evil.example",
    "//evil.example/console/",
    "/console//evil.example",
    "/console/..//evil.example",
    "/console/%2e%2e//evil.example",
    "/console/%2e%2e/%2e%2e/evil",
    "/console/\r\nLocation: https://evil.example",
    "/console/%0d%0aset-cookie:a=b",
    "/\t/evil.example",
    "/console/@evil.example",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    " //evil.example",
    "\u2044\u2044evil.example",
    "/console/\u3002evil.example",
    "//127.0.0.1@evil.example",
    "/console/https://evil.example",
)


@pytest.mark.parametrize("target", REDIRECTS)
def test_class_51_nobody_is_sent_out_of_the_console(stack: Stack, owner: Desk, target: str) -> None:
    origin = stack.admin.origin
    replies = [
        owner.get(f"/console/login?next={quote(target)}"),
        owner.post("/console/preferences", {"language": "en", "next": target}),
        Desk(stack).get(f"/console/users?next={quote(target)}"),
    ]
    if target in REDIRECTS[:4]:  # trying to sign in is counted, so not with all of them
        fresh = Desk(stack)
        fresh.get("/console/login")
        replies.append(fresh.post("/console/login", {"name": "vera", "password": PASSWORD, "next": target}))
    for reply in replies:
        assert reply.status in (200, 303), reply.raw
        location = reply.headers.get("location", "/console/")
        assert location.startswith("/console/"), location
        assert not location.startswith("/console//")
        assert not re.search(r"[\s\\]|\.\.", location)
        assert "evil.example:" not in location
        assert origin not in location
        assert "a=b" not in reply.headers.get("set-cookie", "")


# 52: blobs that are opened

BLOBS = (
    "",
    "a",
    "\xff\xfe",
    "=" * 50,
    base64.b64encode(pickle.dumps({"admin": True})).decode(),
    "gASVJAAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjAJpZJSFlFKULg==",
    "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.",
    "rO0ABXNyABFqYXZhLnV0aWwuSGFzaE1hcA",
    'O:8:"stdClass":0:{}',
    "../../../etc/passwd",
    "%00%ff",
    "x" * 6000,
    '{"$type":"x"}',
    "null",
    "-1",
)


@pytest.mark.parametrize("blob", BLOBS)
def test_class_52_a_cookie_or_token_that_is_none_is_nobodys(stack: Stack, blob: str) -> None:
    names = (SESSION_COOKIE, "menshen_visit", "menshen_said", "menshen_lang", "menshen_theme")
    cookie = "; ".join(f"{name}={blob}" for name in names)
    for path in ("/console/", "/console/login", "/console/users", "/console/preferences", "/console/nothing"):
        reply = stack.admin(path, ("cookie", cookie))
        assert reply.status in (200, 303, 404, 405, 400, 431), (path, reply.status)
        assert "Sign out" not in text_of(reply)
    for header in (f"Bearer {blob}", blob, f"Basic {blob}"):
        assert stack.admin("/v1/config", ("authorization", header)).status in (401, 400, 431)
    for name in ("user_session", "js_code"):
        assert stack.gateway("/mall/x", (name, blob)).status in (400, 401, 431)


def test_class_52_no_code_here_opens_what_can_run() -> None:
    forbidden = re.compile(
        r"^\s*(?:import|from)\s+(?:pickle|marshal|shelve|dill|jsonpickle)\b|yaml\.(?:unsafe_|full_)?load\(|\beval\(|\bexec\(",
        re.MULTILINE,
    )
    for file in (REPOSITORY / "src").rglob("*.py"):
        assert not forbidden.search(file.read_text("utf-8")), file
