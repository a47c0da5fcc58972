"""Planted secrets of people: every flow of the user pool and its failures are run, then every sink is searched.

AppSecret, session_key, passwords, phone numbers, text-message codes, access tokens, login states, codes and payloads
(security rule 8, attack class 36). The emulator's own log is the one place that may show a text-message code.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest

from menshen.storage.database_url import DATABASE_URL_VARIABLE
from tests.edge.conftest import APPID, OTHER_SECRET, QQ_SECRET, SECRET, Stack
from tests.edge.people import (
    OWN,
    SERVICE_SECRET,
    VERIFIER,
    Person,
    admin,
    api,
    entered,
    events,
    happens,
    people_stack,
    sms_code,
)
from tests.edge.processes import Reply
from tests.edge.test_reload import menshen
from tests.postgresql import UNSAFE_AND_FAST, running_postgresql

PHONE, OTHER_PHONE, SMS_PHONE = "13571113571", "13572223572", "13573333573"
PASSWORD, NEW_PASSWORD, WRONG_PASSWORD = "Planted-Password-1!", "Planted-Password-2!", "Planted-Wrong-Guess-3!"


@dataclass
class Walk:
    """What was in play, what clients were refused with, and everything that was left behind.

    What is planted more than once, such as a login state, is kept under a name of its own each time.
    """

    planted: dict[str, str] = field(default_factory=dict)
    digits: set[str] = field(default_factory=set)
    """Six digits stand in many a file by chance: these are looked for as whole numbers, and not in binary files."""
    refusals: list[Reply] = field(default_factory=list)
    sinks: dict[str, bytes] = field(default_factory=dict)
    emulator_log: bytes = b""

    def plant(self, secrets: Mapping[str, str]) -> None:
        self.planted |= {f"{name} ({len(self.planted)})": secret for name, secret in secrets.items()}

    def refused(self, *replies: Reply) -> None:
        for reply in replies:
            assert reply.status >= 400, reply.raw
            self.refusals.append(reply)


def _plant(walk: Walk) -> None:
    walk.planted = {
        "AppSecret": SECRET,
        "AppSecret from the environment": OTHER_SECRET,
        "QQ AppSecret": QQ_SECRET,
        "secret of the team's services": SERVICE_SECRET,
        "password": PASSWORD,
        "new password": NEW_PASSWORD,
        "wrong password": WRONG_PASSWORD,
        "phone": PHONE,
        "other phone": OTHER_PHONE,
        "phone of a text message": SMS_PHONE,
    }


def _platform_flows(stack: Stack, walk: Walk) -> None:
    """Codes, open data, phone numbers, and what becomes of them when the platform fails."""
    person = Person(stack, "keeper")
    code, phone_code = person.code(), person.phone_code(PHONE)
    keyed = stack.gateway("/keyed/orders", ("js_code", code))
    info, number = person.user_info(profile={"nickName": "keeper"}), person.phone_data(OTHER_PHONE)
    state = person.log_in(encryptedData=info["encryptedData"], iv=info["iv"])
    bound = entered(api(stack, "me/phone", {"phone_code": phone_code}, state))
    told = api(stack, "me/phone/get", number, bound)
    assert told.json["purePhoneNumber"] == OTHER_PHONE
    token = admin(stack, "/internal/apps/shop/access-token").json["access_token"]
    walk.plant(
        {
            "code": code,
            "phone code": phone_code,
            "session_key": keyed.seen["x-session-key"],
            "access token": token,
            "state": state,
            "state after a binding": bound,
            "payload": info["encryptedData"],
            "signature": info["signature"],
            "payload of a number": number["encryptedData"],
        }
    )
    other = Person(stack, "other")
    others = other.log_in()
    walk.refused(
        api(stack, "me/phone", {"phone_code": other.phone_code(PHONE)}, others),
        api(stack, "me/phone", {"phone_code": phone_code}, others),
        api(stack, "me/phone", person.phone_data(PHONE), others),
        api(stack, "me/phone/get", {**number, "iv": "AAAA"}, bound),
        api(stack, "me/phone/get", {**number, "iv": base64.b64encode(bytes(16)).decode()}, bound),
        api(stack, "login", {"code": code, "app": "shop"}),
        api(stack, "login", {"code": person.code(), "app": "shop", "captcha": SECRET}),
        api(stack, "login", {"code": person.code(), "app": "shop", "secret": SECRET}),
        other.try_in(rawData=info["rawData"], signature=info["signature"]),
        api(stack, "me/bind", {"code": code, "app": "shop"}, bound),
        api(stack, "me/unbind", {"identity": 1_000_000}, bound),
        api(stack, "me", {"phone": PHONE}, bound, method="PATCH"),
        api(stack, "me", state=bound[:-2]),
        stack.gateway.send_json("POST", f"/v1/login?phone={PHONE}", {"code": "x", "password": PASSWORD}),
    )
    assert stack.emulator.send_json("DELETE", "/emulator/wechat/access-token", {"appid": APPID}).status == 200
    newer = api(stack, "me/phone/get", {"phone_code": person.phone_code(PHONE)}, bound)
    assert newer.status == 200
    walk.plant({"newer access token": admin(stack, "/internal/apps/shop/access-token").json["access_token"]})
    for api_name, faults in (
        ("login", ("-1", "40226", "45011", "truncated", "502", "html", "huge", "redirect")),
        (
            "phone",
            ("-1", "40001", "45009", "48001", "truncated", "502", "html", "huge", "redirect", "control_characters"),
        ),
        ("session", ("-1", "48001", "truncated", "html")),
    ):
        for fault in faults:
            with stack.faulty(fault=fault, api=api_name, times=2):
                if api_name == "login":
                    person.try_in(encryptedData=info["encryptedData"], iv=info["iv"])
                elif api_name == "phone":
                    api(stack, "me/phone/get", {"phone_code": person.phone_code(PHONE)}, bound)
                else:
                    api(stack, "me/phone/get", {**number, "iv": base64.b64encode(bytes(16)).decode()}, bound)


def _account_flows(stack: Stack, walk: Walk) -> None:
    """Menshen's own accounts and text messages."""
    person = Person(stack, "holder")
    registered = api(
        stack, "register", {"username": "holder", "password": PASSWORD, "code": person.code(), "app": "shop"}
    )
    state = entered(registered)
    bind = sms_code(stack, SMS_PHONE, "bind")
    state = entered(api(stack, "me/phone", {"phone": SMS_PHONE, "sms_code": bind}, state))
    login = sms_code(stack, SMS_PHONE, "login")
    by_message = entered(api(stack, "login/sms", {"phone": SMS_PHONE, "sms_code": login, "app": "shop"}))
    changed = api(stack, "me/password", {"password": PASSWORD, "new_password": NEW_PASSWORD}, by_message)
    assert changed.status == 200, changed.raw
    by_password = entered(api(stack, "login", {"username": "Holder", "password": NEW_PASSWORD, "app": "shop"}))
    reset = sms_code(stack, SMS_PHONE, "reset")
    answer = api(stack, "password/reset", {"phone": SMS_PHONE, "sms_code": reset, "password": PASSWORD, "app": "shop"})
    assert answer.status == 200, answer.raw
    walk.digits |= {bind, login, reset}
    walk.plant({"state of a message": by_message, "state of a password": by_password})
    walk.digits.add(sms_code(stack, PHONE, "login"))
    wrong = "000000" if login != "000000" else "000001"
    walk.refused(
        api(stack, "login", {"username": "holder", "password": WRONG_PASSWORD, "app": "shop"}),
        api(stack, "login", {"username": "nobody", "password": WRONG_PASSWORD, "app": "shop"}),
        # People type a password where the name belongs.
        api(stack, "login", {"username": WRONG_PASSWORD, "password": PASSWORD, "app": "shop"}),
        stack.gateway(f"/book/login?username=holder&password={quote(WRONG_PASSWORD)}&code={person.code()}"),
        stack.gateway(f"/passing/login?who=holder&word={quote(WRONG_PASSWORD)}&code={person.code()}"),
        api(stack, "register", {"username": "holder", "password": PASSWORD, "app": "shop"}),
        api(stack, "register", {"username": "holder2", "password": PASSWORD[:3], "app": "shop"}),
        api(stack, "register", {"username": "a b", "password": WRONG_PASSWORD, "app": "shop"}),
        api(stack, "login/sms", {"phone": SMS_PHONE, "sms_code": login, "app": "shop"}),
        api(stack, "login/sms", {"phone": SMS_PHONE, "sms_code": wrong, "app": "shop"}),
        api(
            stack, "password/reset", {"phone": SMS_PHONE, "sms_code": wrong, "password": WRONG_PASSWORD, "app": "shop"}
        ),
        api(stack, "sms", {"phone": PHONE, "purpose": "login", "app": "shop"}),
        api(stack, "sms", {"phone": f"{SMS_PHONE}x", "purpose": "login", "app": "shop"}),
        api(stack, "me/password", {"password": WRONG_PASSWORD, "new_password": NEW_PASSWORD}, by_password),
        api(stack, "login", {"username": "holder", "password": PASSWORD, "extra": PASSWORD, "app": "shop"}),
        api(stack, "login", [PASSWORD]),
    )
    forgotten = Person(stack, "forgotten").log_in()
    assert api(stack, "me/close", {"confirm": True}, forgotten).status == 200


def _verifier_flows(stack: Stack, walk: Walk) -> None:
    """The team's accounts, a verifier that is there and one that breaks."""
    account = {"username": "employee", "password": PASSWORD, "account": "e-1"}
    assert stack.emulator.put_json("/emulator/accounts", account).status == 200
    person = Person(stack, "employee")
    state = person.log_in(username="employee", password=PASSWORD)
    assert stack.gateway("/mall/orders", ("user_session", state)).seen["x-menshen-account"] == "e-1"
    walk.planted["state of a verified account"] = state
    walk.refused(person.try_in(username="employee", password=WRONG_PASSWORD))
    # From now on its answer to a signature of ours is 401.
    assert stack.emulator.put_json("/emulator/secret", {"secret": "another-secret-of-the-service"}).status == 200
    walk.refused(
        person.try_in(username="employee", password=PASSWORD),
        api(stack, "sms", {"phone": PHONE, "purpose": "login", "app": "shop"}),
        stack.gateway(f"/book/login?username=employee&password={quote(PASSWORD)}&code={person.code()}"),
    )
    assert {reply.json["reason"] for reply in walk.refusals[-3:]} == {"verifier_unavailable", "sms_unavailable"}


def _envoy(stack: Stack) -> dict[str, bytes]:
    """What Envoy tells of itself over the socket that only we can open."""
    (bootstrap,) = stack.data_dir.rglob("bootstrap.json")
    socket = json.loads(bootstrap.read_text())["admin"]["address"]["pipe"]["path"]

    async def told() -> dict[str, bytes]:
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(socket)) as session:
            found = {}
            for path in (
                "/stats",
                "/stats/prometheus",
                "/config_dump?include_eds",
                "/clusters",
                "/server_info",
                "/listeners",
            ):
                async with session.get(f"http://envoy{path}") as response:
                    assert response.status == 200, path
                    found[f"Envoy's {path}"] = await response.read()
            return found

    return asyncio.run(told())


def _collect(stack: Stack, walk: Walk, name: str) -> None:
    """Every place where something may have been left, while all of it runs."""
    uids = [user["uid"] for user in admin(stack, "/v1/users").json["users"]]
    walk.sinks |= {f"{name}: {sink}": content for sink, content in _envoy(stack).items()}
    walk.sinks |= {
        f"{name}: admin {path}": admin(stack, path).raw
        for path in (
            "/v1/users",
            *(f"/v1/users/{uid}" for uid in uids),
            "/v1/users?phone=3571",
            "/v1/logins",
            "/v1/logins?outcome=failed",
            "/v1/audit",
            "/v1/webhooks",
            "/v1/webhooks/crm/deliveries",
            "/v1/sessions?live=false",
        )
    }
    walk.sinks |= {
        f"{name}: menshen {' '.join(words)}": _told(stack, words)
        for words in (
            ("users", "list"),
            *(("users", "show", uid) for uid in uids[:1]),
            ("users", "log"),
            ("users", "audit"),
            ("webhooks", "deliveries", "crm"),
            ("sessions", "list", "--all"),
            ("export",),
            ("envoy-config",),
        )
    }
    walk.sinks[f"{name}: webhooks"] = json.dumps(events(stack)).encode()
    walk.sinks[f"{name}: command lines"] = b"".join(_command_lines())
    walk.sinks[f"{name}: errors and their headers"] = b"".join(
        reply.raw + json.dumps(reply.headers).encode() for reply in walk.refusals
    )


def _told(stack: Stack, words: Sequence[str]) -> bytes:
    ran = menshen(stack, *words)
    assert ran.returncode == 0, ran.stderr
    return (ran.stdout + ran.stderr).encode()


def _command_lines() -> Iterator[bytes]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes()
        except OSError:
            continue


def _left_behind(stack: Stack, walk: Walk, name: str) -> None:
    """Logs and files, after the last process has written to them."""
    walk.sinks[f"{name}: log"] = stack.serve.log.read_bytes()
    walk.sinks[f"{name}: backend's log"] = stack.serve.log.with_name("backend.log").read_bytes()
    walk.emulator_log += stack.serve.log.with_name("emulator.log").read_bytes()
    for path in stack.data_dir.rglob("*"):
        if path.is_file():
            walk.sinks[f"{name}: file {path.relative_to(stack.data_dir)}"] = path.read_bytes()


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Walk:
    walk = Walk()
    _plant(walk)
    with people_stack(tmp_path_factory.mktemp("own"), accounts=OWN) as stack:
        _platform_flows(stack, walk)
        _account_flows(stack, walk)
        happens(lambda: any(event["type"] == "close" for event in events(stack)))
        _collect(stack, walk, "own")
        # The files as they are while the database is open: its write-ahead log is one of them.
        for path in stack.data_dir.glob("menshen.db*"):
            walk.sinks[f"own: open {path.name}"] = path.read_bytes()
    _left_behind(stack, walk, "own")
    with people_stack(tmp_path_factory.mktemp("verifier"), accounts=VERIFIER) as stack:
        _verifier_flows(stack, walk)
        _collect(stack, walk, "verifier")
    _left_behind(stack, walk, "verifier")
    _on_postgresql(tmp_path_factory.mktemp("postgresql"), walk)
    return walk


def _on_postgresql(directory: Path, walk: Walk) -> None:
    """The same on the other database, which writes down every statement with its parameters."""
    with (
        running_postgresql({**UNSAFE_AND_FAST, "log_statement": "all"}) as server,
        server.database() as url,
        pytest.MonkeyPatch.context() as environment,
    ):
        environment.setenv(DATABASE_URL_VARIABLE, url)
        walk.planted["PostgreSQL's password"] = server.password
        with people_stack(directory, accounts=OWN) as stack:
            _platform_flows(stack, walk)
            _account_flows(stack, walk)
            _collect(stack, walk, "PostgreSQL")
        _left_behind(stack, walk, "PostgreSQL")
        server.execute("CHECKPOINT")
        for path in server.log.parent.rglob("*"):
            if path.is_file():
                walk.sinks[f"PostgreSQL: its {path.relative_to(server.log.parent)}"] = path.read_bytes()


def test_the_walk_left_traces_to_search(walked: Walk) -> None:
    sinks = walked.sinks
    assert b"keeper" in sinks["own: admin /v1/users"]
    assert b"account_refused" in sinks["own: admin /v1/logins"]
    assert b"phone_taken" in sinks["own: log"]
    assert b"verifier_unavailable" in sinks["verifier: log"]
    assert b'"crm"' in sinks["own: admin /v1/webhooks"]
    assert b"bind" in sinks["own: webhooks"]
    assert b"http.ingress" in sinks["own: Envoy's /stats"] or b"downstream_rq" in sinks["own: Envoy's /stats"]
    assert b"routes" in sinks["own: Envoy's /config_dump?include_eds"]
    assert b"holder" in sinks["own: open menshen.db"] + sinks["own: open menshen.db-wal"]
    assert any("menshen.db-wal" in sink for sink in sinks)
    assert b"INSERT INTO users" in sinks["PostgreSQL: its log"]
    assert b"DETAIL:  " in sinks["PostgreSQL: its log"], "parameters are written down"
    assert any(b"keeper" in content for sink, content in sinks.items() if "PostgreSQL: its data/base" in sink)
    assert len(walked.refusals) > 30
    assert b"keeper" in sinks["own: menshen users list"]


def test_no_secret_is_in_any_sink(walked: Walk) -> None:
    found = []
    for name, secret in walked.planted.items():
        assert len(secret) >= 11, name
        spellings = {secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode().rstrip("=")}
        found += [
            (name, sink)
            for sink, content in walked.sinks.items()
            if any(spelling.encode() in content for spelling in spellings)
        ]
    assert found == []


def test_no_text_message_code_is_in_any_sink_but_the_emulators_log(walked: Walk) -> None:
    assert len(walked.digits) >= 6
    texts = {
        sink: content
        for sink, content in walked.sinks.items()
        if not re.search(r"menshen\.db|command lines|PostgreSQL: its (?!log$)", sink)
    }
    assert "PostgreSQL: its log" in texts
    for digits in walked.digits:
        whole = re.compile(rb"(?<![0-9a-zA-Z.:-])" + digits.encode() + rb"(?![0-9a-zA-Z.:-])")
        assert [sink for sink, content in texts.items() if whole.search(content)] == []
        assert whole.search(walked.emulator_log), "the development sender prints it"
