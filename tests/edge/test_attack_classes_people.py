"""Attack classes 34 to 44, each through a real Envoy: what mini programs, their users and their platforms can try."""

from __future__ import annotations

import base64
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from tests.edge.conftest import APPID, OTHER_APPID, OTHER_SECRET, QQ_APPID, SECRET, Stack
from tests.edge.people import (
    OWN,
    SERVICE_SECRET,
    Person,
    admin,
    api,
    entered,
    happens,
    logged,
    people_stack,
    rows,
    sms_code,
)
from tests.edge.processes import LATE, Reply

T = TypeVar("T")

TOKEN_PATH = "/cgi-bin/stable_token"
QQ_TOKEN_PATH = "/api/getToken"
PHONE_PATH = "/wxa/business/getuserphonenumber"
FORGED = (400, 4000, "open_data_invalid")
NO_PHONE_CODE = (400, 4022, "phone_code_invalid")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with people_stack(tmp_path_factory.mktemp("people"), accounts=OWN) as running:
        yield running


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """All of them in the same moment, as far as there is one."""
    gate = threading.Barrier(len(calls))

    def released(call: Callable[[], T]) -> T:
        gate.wait(60)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [done.result(120) for done in [pool.submit(released, call) for call in calls]]


def asked(stack: Stack, path: str, platform: str = "wechat") -> int:
    """How often the platform was called there so far."""
    return int(stack.emulator(f"/emulator/{platform}/calls").json["apis"].get(path, 0))


def session_key(stack: Stack, person: Person) -> bytes:
    """The key that is between platform and gateway: a backend that asks for it by name is given it."""
    seen = stack.gateway("/keyed/orders", ("js_code", person.code())).seen
    return base64.b64decode(seen["x-session-key"])


def closed_with(key: bytes, fields: Any, *, pad: bool = True) -> dict[str, str]:
    """What a platform with this key would have made of these fields."""
    iv = os.urandom(16)
    plain = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
    if pad:
        padder = PKCS7(128).padder()
        plain = padder.update(plain) + padder.finalize()
    encryptor = Cipher(AES128(key), CBC(iv)).encryptor()
    data = encryptor.update(plain) + encryptor.finalize()
    return {"encryptedData": base64.b64encode(data).decode(), "iv": base64.b64encode(iv).decode()}


def number(phone: str, *, appid: str = APPID, age: int = 0, **more: Any) -> dict[str, Any]:
    """The fields of a phone-number payload, made ``age`` seconds ago."""
    watermark = {"timestamp": int(time.time()) - age, "appid": appid}
    return {"phoneNumber": phone, "purePhoneNumber": phone, "countryCode": "86", "watermark": watermark, **more}


def nameless(reply: Reply) -> dict[str, Any]:
    """An error without what differs in every one."""
    return {**reply.json, "request_id": "", "status": reply.status}


INJECTIONS = (
    "&appid=wx0000000000000009&secret=attackers-own",
    "%26appid%3Dwx0000000000000009",
    "&js_code=another",
    "#fragment",
    "\r\nX-Injected: 1",
    "\n",
    "\x00",
    " ",
    "\u202e",
    "a" * 10_000,
)


@pytest.mark.parametrize("tail", INJECTIONS, ids=[f"{each[:12]!r}" for each in INJECTIONS])
def test_class_34_a_code_carries_no_other_parameters(stack: Stack, tail: str) -> None:
    somebody, state = Person(stack, "c34"), Person(stack, "c34-in").log_in()
    before, spoken = stack.exchanges(), asked(stack, PHONE_PATH)
    refused = [
        api(stack, "login", {"code": somebody.code() + tail, "app": "shop"}),
        api(stack, "login/phone", {"code": somebody.code() + tail, "phone_code": "0" * 64, "app": "shop"}),
        api(stack, "me/bind", {"code": Person(stack, "c34", OTHER_APPID).code() + tail, "app": "other"}, state),
    ]
    for reply in refused:
        assert reply.refusal[0] in (400, 413), reply.raw
        assert reply.refusal[1] == 4000, reply.raw
    assert stack.exchanges() == before, "the platform was asked with it"
    # A phone code is a JSON string on its way: it can hold anything and stays one value.
    reply = api(stack, "me/phone", {"phone_code": somebody.phone_code("13500340034") + tail}, state)
    assert reply.refusal[1] in (4000, 4022), reply.raw
    if not tail.startswith(("&", "%", "#")):
        assert asked(stack, PHONE_PATH) == spoken
    assert api(stack, "me", state=state).json["phone"] == ""


def test_class_34_a_login_that_tries_it_on_a_published_route_is_in_the_login_log(stack: Stack) -> None:
    reply = stack.gateway("/mall/login", ("js_code", "0&appid=wx0000000000000009"))
    assert reply.refusal == (400, 4000, "code_malformed")
    row = logged(stack, outcome="code_malformed")[0]
    assert (row["app"], row["how"], row["request_id"]) == ("shop", "code", reply.json["request_id"])


def test_class_35_what_a_client_says_of_itself_is_not_believed(stack: Stack) -> None:
    victim, thief = Person(stack, "c35-victim"), Person(stack, "c35-thief")
    victims, state = victim.log_in(), thief.log_in()
    openid = stack.gateway("/mall/orders", ("user_session", victims)).seen["x-menshen-openid"]
    uid = api(stack, "me", state=victims).json["uid"]
    for claim in (
        {"openid": openid},
        {"unionid": "u"},
        {"uid": uid},
        {"userInfo": {"openId": openid}},
        {"account": "admin"},
        {"appid": OTHER_APPID},
        {"new_account": True},
        {"phone_number": "13500350035"},
    ):
        assert thief.try_in(**claim).refusal == (400, 4000, "call_malformed"), claim
        assert api(stack, "me", {"nickname": "x", **claim}, state, method="PATCH").refusal[1] == 4000, claim
    headers = [(f"x-menshen-{name}", openid) for name in ("openid", "user", "account", "client", "session")]
    said = stack.gateway.send_json("POST", "/v1/login", {"code": thief.code(), "app": "shop"}, *headers)
    assert said.json["uid"] == api(stack, "me", state=state).json["uid"] != uid
    # Signed data of one's own, changed; and that of another.
    own, others = thief.user_info(profile={"nickName": "thief"}), victim.user_info(profile={"nickName": "victim"})
    raw = own["rawData"].replace("thief", "admin")
    for changed in (
        {"rawData": raw, "signature": own["signature"]},
        {"rawData": own["rawData"], "signature": "0" * 40},
        {"rawData": others["rawData"], "signature": others["signature"]},
        {"encryptedData": others["encryptedData"], "iv": others["iv"]},
    ):
        assert thief.try_in(**changed).refusal == FORGED, changed
    assert api(stack, "me", state=state).json["nickname"] == ""
    assert thief.try_in(rawData=own["rawData"], signature=own["signature"]).status == 200
    assert api(stack, "me", state=thief.log_in()).json["nickname"] == "thief"
    # Nor is an AppSecret taken from him, by name or by value.
    for secret in ({"secret": "x"}, {"captcha": SECRET}, {"AppSecret": ""}):
        assert thief.try_in(**secret).refusal == (400, 4000, "client_sent_secret")


def test_class_36_neither_keys_nor_tokens_nor_secrets_come_out(stack: Stack) -> None:
    """The answers; that they are in no log, file and table either is in ``test_people_secrets.py``."""
    person = Person(stack, "c36")
    key = base64.b64encode(session_key(stack, person)).decode()
    token = admin(stack, "/internal/apps/shop/access-token").json["access_token"]
    state, secrets_ = person.log_in(), (key, token, SECRET, OTHER_SECRET, SERVICE_SECRET)
    uid = api(stack, "me", state=state).json["uid"]
    answers = [
        person.try_in(),
        person.try_in(encryptedData="AAAA", iv="AAAA"),
        api(stack, "me", state=state),
        api(stack, "me/identities", state=state),
        api(stack, "me/phone/get", {"phone_code": "wrong"}, state),
        api(stack, "openapi.json"),
        admin(stack, f"/v1/users/{uid}"),
        admin(stack, "/v1/users"),
        admin(stack, "/v1/logins"),
        admin(stack, "/v1/audit"),
        admin(stack, "/v1/webhooks"),
        stack.admin("/internal/apps/shop/access-token"),
        stack.admin("/internal/apps/shop/access-token", ("authorization", "Bearer wrong")),
    ]
    assert [reply.status for reply in answers[-2:]] == [401, 401]
    for reply in answers:
        told = reply.raw.decode() + json.dumps(reply.headers)
        assert not [secret for secret in secrets_ if secret in told], told
    # The gateway's own clients cannot ask for the token, whatever they hold.
    for path in ("/internal/apps/shop/access-token", "/v1/internal/apps/shop/access-token"):
        assert stack.gateway(path, ("user_session", state)).status == 404


def test_class_37_a_payload_that_is_not_the_platforms_says_nothing(stack: Stack) -> None:
    person = Person(stack, "c37")
    state, key = person.log_in(), session_key(stack, person)
    get = "me/phone/get"
    assert api(stack, get, closed_with(key, number("13500370037")), state).json["purePhoneNumber"] == "13500370037"
    good = closed_with(key, number("13500370037"))
    data = bytearray(base64.b64decode(good["encryptedData"]))
    data[-1] ^= 1
    rotten = {**good, "encryptedData": base64.b64encode(bytes(data)).decode()}
    wrong: dict[str, dict[str, str]] = {
        "another app's": closed_with(key, number("13500370037", appid=OTHER_APPID)),
        "eleven minutes old": closed_with(key, number("13500370037", age=660)),
        "of the future": closed_with(key, number("13500370037", age=-300)),
        "without a watermark": closed_with(key, {"phoneNumber": "1", "purePhoneNumber": "1", "countryCode": "86"}),
        "another key": closed_with(os.urandom(16), number("13500370037")),
        "wrong padding": rotten,
        "no padding": closed_with(key, b"0" * 32, pad=False),
        "no JSON": closed_with(key, b"phoneNumber=13500370037"),
        "not UTF-8": closed_with(key, b"\xff" * 40),
        "a list": closed_with(key, [1]),
        "a number that is none": closed_with(key, number("admin")),
        "a profile": closed_with(key, {"openId": "o", "watermark": number("1")["watermark"]}),
    }
    answers = {name: api(stack, get, payload, state) for name, payload in wrong.items()}
    told = {name: nameless(reply) for name, reply in answers.items()}
    assert {name: (t["status"], t["code"], t["reason"]) for name, t in told.items()} == dict.fromkeys(wrong, FORGED)
    assert all(text == told["no JSON"] for text in told.values()), "they differ in what they tell"
    # Nor do they differ in what was asked of the platform, which a clock would show.
    steps = []
    for name in ("wrong padding", "no JSON", "another app's", "eleven minutes old"):
        before = asked(stack, "/wxa/checksession")
        api(stack, get, wrong[name], state)
        steps.append(asked(stack, "/wxa/checksession") - before)
    assert steps == [1, 1, 1, 1]


def test_class_37_an_old_key_is_told_apart_and_good_for_nothing(stack: Stack) -> None:
    person = Person(stack, "c37-rotated")
    state, leaked = person.log_in(), session_key(stack, person)
    assert stack.emulator.post_json("/emulator/wechat/session-key", person.who).status == 200
    stale = (401, 4001, "session_key_stale")
    assert api(stack, "me/phone/get", person.phone_data("13500370038"), state).refusal == stale
    again = person.log_in()
    assert api(stack, "me/phone/get", person.phone_data("13500370038"), again).status == 200
    # Who has the old key makes nothing with it any more.
    assert api(stack, "me/phone/get", closed_with(leaked, number("13500370039")), again).refusal == FORGED


def test_class_38_a_phone_code_is_of_one_user_and_good_once(stack: Stack) -> None:
    owner, thief = Person(stack, "c38-owner"), Person(stack, "c38-thief")
    code = owner.phone_code("13500380038")
    thiefs = thief.log_in()
    assert api(stack, "me/phone", {"phone_code": code}, thiefs).refusal == NO_PHONE_CODE
    stolen = {"code": thief.code(), "phone_code": owner.phone_code("13500380038"), "app": "shop"}
    assert api(stack, "login/phone", stolen).refusal == NO_PHONE_CODE
    assert api(stack, "me", state=thiefs).json["phone"] == ""

    state, once = owner.log_in(), owner.phone_code("13500380038")
    bound = entered(api(stack, "me/phone", {"phone_code": once}, state))
    assert api(stack, "me", state=bound).json["phone"].endswith("38")
    assert api(stack, "me/phone/get", {"phone_code": once}, bound).refusal == NO_PHONE_CODE
    # A second number: refused before the code, which is paid for, is spent.
    spoken, second = asked(stack, PHONE_PATH), owner.phone_code("13500380039")
    assert api(stack, "me/phone", {"phone_code": second}, bound).refusal == (409, 4009, "already_bound")
    assert asked(stack, PHONE_PATH) == spoken
    assert api(stack, "me/phone/get", {"phone_code": second}, bound).status == 200


def test_class_38_a_number_of_another_is_a_conflict_however_it_is_shown(stack: Stack) -> None:
    owner, other = Person(stack, "c38-first"), Person(stack, "c38-second")
    phone = "13500380040"
    assert api(stack, "me/phone", {"phone_code": owner.phone_code(phone)}, owner.log_in()).status == 200
    state, taken = other.log_in(), (409, 4009, "phone_taken")
    assert api(stack, "me/phone", {"phone_code": other.phone_code(phone)}, state).refusal == taken
    assert api(stack, "me/phone", other.phone_data(phone), state).refusal == taken
    assert api(stack, "me/phone", {"phone": phone, "sms_code": sms_code(stack, phone, "bind")}, state).refusal == taken
    login = {"code": other.code(), "phone_code": other.phone_code(phone), "app": "shop"}
    assert api(stack, "login/phone", login).refusal == taken
    assert api(stack, "me", state=state).json["phone"] == ""


def test_class_38_twenty_at_once_make_one_owner(stack: Stack) -> None:
    phone = "13500380041"
    people = [Person(stack, f"c38-crowd-{n}") for n in range(20)]
    states = [person.log_in() for person in people]
    codes = [person.phone_code(phone) for person in people]

    def bind(n: int) -> Callable[[], Reply]:
        return lambda: api(stack, "me/phone", {"phone_code": codes[n]}, states[n])

    replies = at_once([bind(n) for n in range(20)])
    won = [reply for reply in replies if reply.status == 200]
    assert len(won) == 1, [reply.raw for reply in replies]
    assert {reply.refusal for reply in replies if reply.status != 200} == {(409, 4009, "phone_taken")}
    # He lets go of it while another takes it: there is one owner at most, and he is who was told so.
    owner = entered(won[0])
    loser = next(n for n, reply in enumerate(replies) if reply.status != 200)
    again = people[loser].phone_code(phone)
    freed, took = at_once(
        [
            lambda: api(stack, "me/unbind", {"phone": True}, owner),
            lambda: api(stack, "me/phone", {"phone_code": again}, states[loser]),
        ]
    )
    assert freed.status == 200, freed.raw
    held = [
        bool(api(stack, "me", state=entered(reply)).json["phone"]) for reply in (freed, took) if reply.status == 200
    ]
    assert held == ([False, True] if took.status == 200 else [False])


def test_class_39_a_code_is_exchanged_once_whoever_sends_it(stack: Stack) -> None:
    person = Person(stack, "c39")
    code, before = person.code(), stack.exchanges()
    with stack.faulty(fault="latency", seconds=3, times=1):  # all are there before the outcome is
        replies = at_once([lambda: api(stack, "login", {"code": code, "app": "shop"})] * 20)
    assert {reply.status for reply in replies} == {200}
    assert len({reply.json["uid"] for reply in replies}) == 1
    assert stack.exchanges() == before + 1
    assert len(rows(stack, "SELECT 1 FROM users WHERE uid = ?", replies[0].json["uid"])) == 1
    time.sleep(6)  # later than requests in parallel share an outcome
    assert api(stack, "login", {"code": code, "app": "shop"}).refusal == (401, 4022, "code_used")
    assert api(stack, "me/bind", {"code": code, "app": "shop"}, person.log_in()).refusal == (401, 4022, "code_used")
    # Nothing is sent again that may have arrived: neither a login code nor a phone code.
    lost = person.code()
    with stack.faulty(fault="timeout", times=1):
        assert api(stack, "login", {"code": lost, "app": "shop"}).refusal == (503, 4021, "platform_timeout")
    assert stack.emulator(f"/emulator/wechat/calls?code={lost}").json["codes"][lost] == 1
    state, spoken = person.log_in(), asked(stack, PHONE_PATH)
    with stack.faulty(fault="timeout", api="phone", times=1):
        reply = api(stack, "me/phone/get", {"phone_code": person.phone_code("13500390039")}, state)
        assert reply.refusal == (503, 4021, "platform_timeout")
    assert asked(stack, PHONE_PATH) == spoken + 1


LOGIN_ANSWERS = {
    "-1": (503, 4021, "platform_says_busy"),
    "40226": (403, 4003, "user_blocked"),
    "45011": (429, 4023, "platform_limit"),
    "502": (503, 4021, "platform_says_busy"),
    "html": (502, 4021, "platform_reply_invalid"),
    "redirect": (502, 4021, "platform_reply_invalid"),
    "truncated": (502, 4021, "platform_reply_invalid"),
    "huge": (502, 4021, "platform_reply_invalid"),
}
PHONE_ANSWERS = {
    **{fault: answer for fault, answer in LOGIN_ANSWERS.items() if fault != "40226"},
    "40164": (502, 4017, "platform_refused_credentials"),
    "45009": (429, 4023, "platform_limit"),
    "48001": (502, 4017, "platform_refused_credentials"),
}


def test_class_40_every_answer_of_a_platform_has_one_meaning(stack: Stack) -> None:
    person = Person(stack, "c40")
    state = person.log_in()
    found: dict[str, Any] = {}
    for fault in LOGIN_ANSWERS:
        with stack.faulty(fault=fault, times=1):
            found[fault] = person.try_in().refusal
    assert found == LOGIN_ANSWERS
    told: dict[str, Any] = {}
    for fault in PHONE_ANSWERS:
        code = person.phone_code("13500400040")
        with stack.faulty(fault=fault, api="phone", times=1):
            told[fault] = api(stack, "me/phone/get", {"phone_code": code}, state).refusal
    assert told == PHONE_ANSWERS
    # What means "this token is good no more" is mended behind the client's back, and tried again once and no more.
    for fault, at in (("40001", person), ("42001", Person(stack, "c40", OTHER_APPID))):
        theirs, code = at.log_in(), at.phone_code("13500400040")
        with stack.faulty(fault=fault, api="phone", times=1):
            assert api(stack, "me/phone/get", {"phone_code": code}, theirs).status == 200, fault
    before = asked(stack, PHONE_PATH)
    with stack.faulty(fault="40014", api="phone", times=5):
        reply = api(stack, "me/phone/get", {"phone_code": person.phone_code("13500400040")}, state)
    assert reply.refusal[1] in (4017, 4021, 4023), reply.raw
    assert asked(stack, PHONE_PATH) - before <= 2
    # What platforms were seen to do to good answers is no reason to refuse, or to believe anything.
    uid = api(stack, "me", state=state).json["uid"]
    for fault in ("extra_fields", "control_characters", "string_errcode"):
        with stack.faulty(fault=fault, times=1):
            assert person.try_in().json["uid"] == uid, fault


def test_class_41_an_app_is_never_taken_for_another(stack: Stack) -> None:
    names = [f"c41-{n}" for n in range(6)]
    people = [Person(stack, name, appid) for name in names for appid in (APPID, OTHER_APPID)]
    people += [Person(stack, name, QQ_APPID, "qq") for name in names]
    codes = [person.code() for person in people]
    tries = [(code, person.app) for code, person in zip(codes, people, strict=True)]
    replies = at_once([lambda t=t: api(stack, "login", {"code": t[0], "app": t[1]}) for t in tries])  # type: ignore[misc]
    where = {"shop": "/mall/orders", "other": "/other/orders", "chat": "/qq/orders"}
    for person, reply in zip(people, replies, strict=True):
        state = ("user_session", entered(reply))
        seen = stack.gateway(where[person.app], state).seen
        assert (seen["x-menshen-appid"], seen["x-menshen-platform"]) == (person.appid, person.platform)
        for app, path in where.items():
            if app != person.app:
                assert stack.gateway(path, state).refusal == (401, 4001, "session_invalid")
    # A code of one app is none at another, and does not become one by what the client says.
    stray = Person(stack, "c41-stray")
    assert api(stack, "login", {"code": stray.code(), "app": "other"}).refusal == (401, 4022, "code_invalid")
    assert api(stack, "login", {"code": stray.code(), "app": "shop "}).refusal == (400, 4000, "call_malformed")
    assert api(stack, "login", {"code": stray.code()}).refusal == (400, 4000, "call_malformed")
    others = Person(stack, "c41-stray", OTHER_APPID)
    code = others.phone_code("13500410041")
    assert api(stack, "me/phone", {"phone_code": code}, stray.log_in()).refusal == NO_PHONE_CODE
    # QQ has no phone codes: said before anything is asked.
    qq = Person(stack, "c41-stray", QQ_APPID, "qq")
    state = entered(api(stack, "login", {"code": qq.code(), "app": "chat"}))
    assert api(stack, "me/phone", {"phone_code": code}, state).refusal == (404, 4004, "not_offered")


def test_class_42_a_stampede_gets_one_token(stack: Stack) -> None:
    person = Person(stack, "c42")
    state = person.log_in()
    # Nobody has asked for this app's yet.
    told = at_once([lambda: admin(stack, "/internal/apps/chat/access-token")] * 20)
    assert {reply.status for reply in told} == {200}, told[0].raw
    tokens = {reply.json["access_token"] for reply in told}
    assert len(tokens) == 1
    assert asked(stack, QQ_TOKEN_PATH, "qq") == 1
    # The platform takes it back: many find out at once, one gets another, and nobody is refused for it.
    assert api(stack, "me/phone/get", {"phone_code": person.phone_code("13500420042")}, state).status == 200
    assert stack.emulator.send_json("DELETE", "/emulator/wechat/access-token", {"appid": APPID}).status == 200
    codes, before = [person.phone_code("13500420042") for _ in range(12)], asked(stack, TOKEN_PATH)
    found = at_once([lambda c=c: api(stack, "me/phone/get", {"phone_code": c}, state) for c in codes])  # type: ignore[misc]
    assert {reply.status for reply in found} == {200}, [reply.raw for reply in found]
    assert asked(stack, TOKEN_PATH) - before == 1


def test_class_42_a_late_refusal_does_not_take_a_newer_token_away(stack: Stack) -> None:
    ask = "/internal/apps/shop/access-token"
    old = admin(stack, ask).json["access_token"]
    assert stack.emulator.send_json("DELETE", "/emulator/wechat/access-token", {"appid": APPID}).status == 200
    new = admin(stack, ask, {"refused": old}).json["access_token"]
    assert new != old
    before = asked(stack, TOKEN_PATH)
    late = at_once([lambda: admin(stack, ask, {"refused": old})] * 8)
    assert {reply.json["access_token"] for reply in late} == {new}
    assert asked(stack, TOKEN_PATH) == before


class _Hostile(BaseHTTPRequestHandler):
    """The team's verifier, taken over: what it answers is the username that it is asked about."""

    def do_POST(self) -> None:
        question = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.heard.append(self.path)  # type: ignore[attr-defined]
        status, body, headers = 200, b'{"account": "u1"}', {}
        match question["username"]:
            case "redirect":
                status, body, headers = 307, b"", {"Location": "/elsewhere"}
            case "huge":
                body = b'{"account": "u1", "more": "' + b"x" * 3_000_000 + b'"}'
            case "slow":
                time.sleep(60)
            case "html":
                body = b"<html>log in</html>"
            case "more":
                body = b'{"account": ["u1"]}'
            case "odd":
                body = b'{"account": "u1\\r\\nx-menshen-user: admin"}'
            case "gone":
                status = 500
        self.send_response(status)
        for name, value in {"content-length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            return

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing."""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, list[str]]]:
    """A stack whose verifier is hostile, and the paths that were asked of it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hostile)
    server.heard = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/check"
    accounts = f'{{{{verifier: {{{{url: "{url}", secret: "{SERVICE_SECRET}", timeout: 4}}}}}}}}'
    try:
        with people_stack(tmp_path_factory.mktemp("hostile"), accounts=accounts) as running:
            yield running, server.heard  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()


def test_class_43_no_request_goes_where_an_answer_or_a_client_says(hostile: tuple[Stack, list[str]]) -> None:
    stack, heard = hostile
    person = Person(stack, "c43")

    def try_as(username: str) -> Reply:
        return api(stack, "login", {"username": username, "password": "pwd123456", "app": "shop"})

    for username in ("redirect", "huge", "slow", "html", "more", "odd", "gone"):
        started = time.monotonic()
        assert try_as(username).refusal == (503, 5020, "verifier_unavailable"), username
        assert time.monotonic() - started < 30, username
    assert set(heard) == {"/check"}, "a redirect was followed"
    assert len(heard) == 7, "something was asked twice"
    assert try_as("honest").status == 200
    # Nothing of a call is an address, and no platform sends us elsewhere.
    for claim in (
        {"base_url": "http://127.0.0.1:1"},
        {"url": "http://127.0.0.1:1"},
        {"avatarUrl": "http://127.0.0.1:1"},
    ):
        assert person.try_in(**claim).refusal == (400, 4000, "call_malformed")
    elsewhere = {"avatarUrl": f"{stack.backend.origin}/avatar", "nickName": "visitor"}
    info = person.user_info(profile=elsewhere)
    state = person.log_in(encryptedData=info["encryptedData"], iv=info["iv"])
    shown = api(stack, "me", state=state).json
    assert (shown["nickname"], shown["avatar"]) == ("visitor", "")
    with stack.faulty(fault="redirect", times=1):
        assert person.try_in().refusal == (502, 4021, "platform_reply_invalid")


def test_class_44_who_closes_his_account_is_forgotten(stack: Stack) -> None:
    person, phone, agent = Person(stack, "c44"), "13500440044", "c44-agent/1.0"
    info = person.user_info(profile={"nickName": "被遗忘的人", "city": "c44-city"})
    login = {"code": person.code(), "app": "shop", "encryptedData": info["encryptedData"], "iv": info["iv"]}
    first = stack.gateway.send_json("POST", "/v1/login", login, ("user-agent", agent))
    state, uid = entered(first), first.json["uid"]
    state = entered(api(stack, "me/phone", {"phone_code": person.phone_code(phone)}, state))
    png = base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
    )
    set_ = stack.gateway(
        "/v1/me/avatar", ("user_session", state), ("content-type", "image/png"), method="POST", body=png
    )
    assert set_.status == 200, set_.raw
    avatar = set_.json["avatar"]
    assert stack.gateway(avatar).status == 200
    openid = stack.gateway("/mall/orders", ("user_session", state)).seen["x-menshen-openid"]
    account = api(
        stack, "register", {"username": "c44.name", "password": "pwd-of-c44-!", "code": person.code(), "app": "shop"}
    )
    state = entered(account)
    assert account.json["uid"] == uid
    stored = b"".join(path.read_bytes() for path in _files(stack))
    for trace in ("被遗忘的人", "c44-city", openid, "c44.name", agent):
        assert trace.encode() in stored, trace

    assert api(stack, "me/close", {"confirm": False}, state).refusal == (400, 4000, "call_malformed")
    assert api(stack, "me/close", {"confirm": True}, state).status == 200
    happens(lambda: stack.gateway("/mall/orders", ("user_session", state)).status == 401, 1 + LATE)
    assert stack.gateway(avatar).status == 404
    dumped = "\n".join(
        str(row)
        for (table,) in rows(stack, "SELECT name FROM sqlite_master WHERE type = 'table'")
        for row in rows(stack, f'SELECT * FROM "{table}"')
    )
    for trace in ("被遗忘的人", "c44-city", openid, "c44.name", agent, Path(avatar).name):
        assert trace not in dumped, trace
    assert rows(stack, "SELECT count(*) FROM phones WHERE uid = ?", uid) == [(0,)]
    # Nor are the bytes left in the file, once the write-ahead log is written back.
    happens(lambda: rows(stack, "PRAGMA wal_checkpoint(TRUNCATE)")[0][0] == 0)
    stored = b"".join(path.read_bytes() for path in _files(stack))
    for trace in ("被遗忘的人", "c44-city", openid, "c44.name", agent, Path(avatar).name):
        assert trace.encode() not in stored, trace
    # Neither the log nor the operator ever read the openid or the number in plain.
    log = stack.serve.log.read_text()
    assert openid not in log
    assert phone not in log
    # The number, the name and the identity are free: who comes again is somebody new.
    again = person.try_in()
    assert again.json["new_user"] is True
    assert again.json["uid"] != uid
    assert api(stack, "me/phone", {"phone_code": person.phone_code(phone)}, entered(again)).status == 200


def _files(stack: Stack) -> list[Path]:
    return [path for path in stack.data_dir.glob("menshen.db*") if path.is_file()]
