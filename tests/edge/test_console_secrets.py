"""Planted secrets and the operators' side: every page and every answer is read, and nothing planted stands in it.

AppSecrets, secrets of webhooks and key pairs, session_keys, phone numbers, passwords, login states, API tokens, the
node's own token, cookies of sessions (security rule 8, attack class 36). What gives a secret by its purpose is named.
"""

from __future__ import annotations

import base64
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest

from menshen.web.console.navigation import SECTIONS
from tests.edge.conftest import OTHER_SECRET, QQ_SECRET, SECRET, Stack
from tests.edge.desk import PASSWORD, Desk, admin_call, operator, pages
from tests.edge.people import OWN, SERVICE_SECRET, Person, admin, api, entered, people_stack, sms_code
from tests.edge.processes import Reply

PHONE, SMS_PHONE = "13571113571", "13573333573"
USER_PASSWORD, WRONG = "Planted-User-Password-1!", "Planted-Wrong-Guess-3!"
KEY_SECRET = "planted-secret-of-the-partners-erp-01"

GIVES_BY_PURPOSE = {"/internal/apps/{name}/access-token", "/v1/users/{uid}/phone"}
"""An access token for the team's own programs; a number in full, which is written to the audit log."""


@dataclass
class Read:
    """What was planted, and everything that was read."""

    planted: dict[str, str] = field(default_factory=dict)
    pages: dict[str, Reply] = field(default_factory=dict)
    answers: dict[str, Reply] = field(default_factory=dict)
    sinks: dict[str, bytes] = field(default_factory=dict)


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Read:
    found = Read()
    with people_stack(tmp_path_factory.mktemp("console-secrets"), accounts=OWN) as stack:
        _plant(stack, found)
        _walk(stack, found)
    for path in stack.data_dir.rglob("*"):
        if path.is_file() and path.name not in ("admin.token", "master.key"):
            found.sinks[f"file {path.relative_to(stack.data_dir)}"] = path.read_bytes()
    found.sinks["log"] = stack.serve.log.read_bytes()
    return found


def _plant(stack: Stack, read: Read) -> None:
    operator(stack, "olga", "owner")
    person = Person(stack, "keeper")
    keyed = stack.gateway("/keyed/orders", ("js_code", person.code()))
    state = entered(
        api(stack, "register", {"username": "keeper", "password": USER_PASSWORD, "code": person.code(), "app": "shop"})
    )
    bound = entered(api(stack, "me/phone", {"phone_code": person.phone_code(PHONE)}, state))
    api(stack, "login", {"username": "keeper", "password": WRONG, "app": "shop"})
    sms_code(stack, SMS_PHONE, "login")
    partner = {"name": "partner-keys", "type": "KeyPair", "keys": [{"id": "erp", "secret": KEY_SECRET}]}
    assert admin_call(stack, "POST", "/v1/config/plugins?comment=partners", partner).status == 200
    made = admin_call(
        stack,
        "POST",
        "/v1/tokens",
        {"name": "reader", "scopes": ["config:read"], "expires_in_days": 1, "owner": "olga"},
    )
    assert made.status in (200, 201), made.raw
    assert Desk(stack).sign_in("olga", WRONG).status == 403
    read.planted = {
        "AppSecret": SECRET,
        "AppSecret from the environment": OTHER_SECRET,
        "QQ AppSecret": QQ_SECRET,
        "secret of the webhook": SERVICE_SECRET,
        "secret of the key pair": KEY_SECRET,
        "session_key": keyed.seen["x-session-key"],
        "access token": str(admin(stack, "/internal/apps/shop/access-token").json["access_token"]),
        "phone": PHONE,
        "phone of a text message": SMS_PHONE,
        "password": USER_PASSWORD,
        "wrong password": WRONG,
        "operator's password": PASSWORD,
        "state": state,
        "state after a binding": bound,
        "API token": str(made.json["token"]),
        "node's token": (stack.data_dir / "admin.token").read_text().strip(),
    }


def _walk(stack: Stack, read: Read) -> None:
    for language in ("en", "zh-CN"):
        desk = Desk.of(stack, "olga", language=language)
        read.planted[f"session cookie ({language})"] = desk.session
        read.pages |= {f"{language} {path}": reply for path, reply in pages(desk).items()}
        for path in (entry.path for section in SECTIONS for entry in section.entries):
            read.pages[f"{language} {path}"] = desk.get(path)
    names = {
        "uid": [user["uid"] for user in admin(stack, "/v1/users").json["users"]],
        "sid": [each["sid"] for each in admin(stack, "/v1/sessions").json["sessions"]],
        "group": ["mall"],
        "number": ["1", "2"],
        "name": ["shop", "orders", "mall", "all", "partner-keys", "crm", "olga"],
    }
    for path in admin(stack, "/v1/openapi.json").json["paths"]:
        if "get" in admin(stack, "/v1/openapi.json").json["paths"][path] and path not in GIVES_BY_PURPOSE:
            for target in _targets(path, names):
                reply = admin(stack, target)
                read.answers[target] = reply
    for path in ("/v1/users?phone=3571", "/v1/logins?outcome=failed", "/v1/audit?limit=500", "/metrics", "/readyz"):
        read.answers[path] = admin(stack, path)
    yaml = admin_call(stack, "GET", "/v1/config", accept="application/yaml")
    assert yaml.headers["content-type"] == "application/yaml"
    read.answers["/v1/config as YAML"] = yaml
    read.answers["a dry run"] = admin_call(stack, "POST", "/v1/dry-run", {"path": "/keyed/x", "user": "u"})
    for path in stack.data_dir.glob("menshen.db*"):  # while it is open: its write-ahead log is one of them
        read.sinks[f"open {path.name}"] = path.read_bytes()
    read.sinks["command lines"] = b"".join(_command_lines())


def _targets(path: str, names: dict[str, list[str]]) -> Iterator[str]:
    """The path with each of the names that may fit."""
    words = re.findall(r"{(\w+)}", path)
    for chosen in itertools.product(*(names.get(word, ["crm"])[:8] for word in words)):
        target = path
        for word, value in zip(words, chosen, strict=True):
            target = target.replace(f"{{{word}}}", quote(value, safe=""))
        yield target


def _command_lines() -> Iterator[bytes]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes()
        except OSError:
            continue


def test_every_page_and_every_call_was_read(read: Read) -> None:
    read_well = {path for path, reply in read.pages.items() if reply.status == 200}
    for section in SECTIONS:
        for entry in section.entries:
            assert {f"en {entry.path}", f"zh-CN {entry.path}"} <= read_well
    for part in ("/console/users/", "/console/plugins/partner-keys", "/console/apps/shop", "/console/revisions/2"):
        assert any(part in path for path in read_well), part
    assert not [path for path, reply in (read.pages | read.answers).items() if reply.status >= 500]
    told = {path for path, reply in read.answers.items() if reply.status == 200}
    for path in (
        "/v1/config",
        "/v1/config/plugins/partner-keys",
        "/v1/revisions/2/changes",
        "/v1/webhooks",
        "/v1/tokens",
    ):
        assert path in told, path
    assert len(told) > 40


def test_nothing_planted_is_shown_or_left(read: Read) -> None:
    places = {
        **{f"page {path}": _whole(reply) for path, reply in read.pages.items()},
        **{f"answer {path}": _whole(reply) for path, reply in read.answers.items()},
        **read.sinks,
    }
    for name, secret in read.planted.items():
        spellings = {secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode().rstrip("=")}
        for place, content in places.items():
            for spelling in spellings:
                assert spelling.encode() not in content, f"{name} in {place}"


def _whole(reply: Reply) -> bytes:
    return reply.raw + "\n".join(f"{name}: {value}" for name, value in reply.headers.items()).encode()


def test_secrets_are_known_to_be_there_by_their_mark(read: Read) -> None:
    """That nothing was found is worth something only where it would have stood."""
    keys = read.answers["/v1/config/plugins/partner-keys"].json["keys"]
    assert keys == [{"id": "erp", "secret": "***"}]
    assert read.answers["/v1/config/webhooks/crm"].json["secret"] == "***"
    assert b"secret: '***'" in read.answers["/v1/config as YAML"].raw
    assert b"3571" in b"".join(reply.raw for path, reply in read.answers.items() if path.startswith("/v1/users"))
