"""From a request to an endpoint, and every fault to an answer."""

from __future__ import annotations

import json
import logging
from typing import Any

import msgspec
import pytest

from menshen.errors import AccountLocked, DatabaseUnavailable, PlatformRefusedUs, RefreshReused, Refusal
from menshen.gateway.answer import Answer, answer_json
from menshen.gateway.assertion import Asserter
from menshen.gateway.bearers import Bearers
from menshen.gateway.decide import route_table
from menshen.gateway.identity import Identities
from menshen.gateway.wire import BODY_LIMIT
from menshen.secret import Secret
from menshen.sessions.claims import SessionClaims
from menshen.web.authorization import BrainState
from menshen.web.user_api.authing.wire import AUTHING
from menshen.web.user_api.call import Body, Call, Upload
from menshen.web.user_api.dispatch import UserApi
from menshen.web.user_api.endpoint import Endpoint
from tests.gateway.samples import NOW, SHOP, nobody
from tests.sessions.rings import new_states
from tests.web.user_api.asking import JSON, SNAPSHOT, ask

STATES = new_states()
BRAIN = BrainState(route_table((SNAPSHOT,)), {SNAPSHOT.checksum: SNAPSHOT}, STATES, Identities(Asserter([None])))  # type: ignore[list-item]
STATE = STATES.sealed.mint(
    SessionClaims("u1", "s1", SHOP.platform, SHOP.appid, "o1", "", int(NOW) - 5, int(NOW) + 500, int(NOW) - 5)
)


class NoteBody(Body, frozen=True):
    text: str = ""
    password: Secret = msgspec.field(default_factory=lambda: Secret(""))
    number: int | None = None


async def note(call: Call, body: NoteBody) -> Answer:
    return answer_json(
        {
            "text": body.text,
            "whose": call.whose.claims.sub if call.whose else "",
            "ip": call.caller.ip,
            "agent": call.caller.user_agent,
            "received": call.request.received,
        },
        [(b"x-more", b"1")],
    )


async def upload(_: Call, body: Upload) -> Answer:
    return answer_json({"size": sum([len(chunk) async for chunk in body])}, [])


async def named(call: Call, _: None) -> Answer:
    return answer_json({"name": call.rest}, [])


def failing(fault: Exception) -> Any:
    async def work(_: Call, __: None) -> Answer:
        raise fault

    return work


def api(fault: Exception | None = None, state: BrainState | None = BRAIN) -> UserApi:
    table = [
        Endpoint("POST", "note", "", note, "nothing", NoteBody, None),
        Endpoint("POST", "me/note", "", note, "state", NoteBody, None),
        Endpoint("POST", "me/file", "", upload, "state", "upload", None),
        Endpoint("GET", "files/", "", named, "nothing", None, None),
        Endpoint("GET", "fault", "", failing(fault or KeyError()), "nothing", None, None),
        Endpoint("GET", "theirs", "", failing(fault or KeyError()), "state", None, None, (), AUTHING),
    ]
    nothing: Any = None
    return UserApi(table, Bearers(nothing, nobody), lambda: state, lambda: NOW)


def test_a_call_gets_its_endpoint() -> None:
    headers = [*JSON, ("x-menshen-client", "1.2.3.4"), ("user-agent", "a\nb" + "c" * 500), ("x-menshen-received", "17")]
    said = ask(api(), "note", headers, chunks=[b'{"te', b'xt": "hi"}'])
    assert said.status == 200
    body = json.loads(said.body)
    assert (body["text"], body["whose"], body["ip"], body["received"]) == ("hi", "", "1.2.3.4", 17.0)
    assert body["agent"] == "a?b" + "c" * 197
    assert said.headers["x-more"] == "1"
    assert said.headers["content-length"] == str(len(said.body))
    assert json.loads(ask(api(), "files/a.png", method="GET").body) == {"name": "a.png"}


@pytest.mark.parametrize(
    ("path", "method", "refusal"),
    [
        ("nothing", "POST", (404, 4004, "no_such_route")),
        ("", "GET", (404, 4004, "no_such_route")),
        ("note/", "POST", (404, 4004, "no_such_route")),
        ("files", "GET", (404, 4004, "no_such_route")),
        ("note", "GET", (405, 4004, "method_not_allowed")),
        ("files/x", "POST", (405, 4004, "method_not_allowed")),
    ],
)
def test_what_is_not_in_the_table(path: str, method: str, refusal: tuple[int, int, str]) -> None:
    assert ask(api(), path, method=method).refusal == refusal


def test_a_file_in_a_folder_of_files_is_no_file() -> None:
    assert ask(api(), "files/a/b", method="GET").refusal == (404, 4004, "no_such_route")


def test_before_there_is_a_snapshot_and_of_another_revision() -> None:
    assert ask(api(state=None), "note").refusal == (503, 5004, "brain_unavailable")
    assert ask(api(), "note", checksum="0" * 32).refusal == (503, 5001, "route_stale")


def test_a_login_state_is_looked_at_before_the_body() -> None:
    missing = (401, 4001, "session_missing")
    assert ask(api(), "me/note", chunks=[b"nonsense"]).refusal == missing
    assert ask(api(), "me/file", [("content-type", "image/png")], chunks=[b"x"] * 9).refusal == missing
    assert ask(api(), "me/file", [("content-type", "image/png")], chunks=[b"x"] * 9).chunks_taken == 0
    bad = [*JSON, ("user_session", STATE[:-3] + "AAA")]
    assert ask(api(), "me/note", bad).refusal == (401, 4001, "session_invalid")
    good = [*JSON, ("user_session", STATE)]
    assert json.loads(ask(api(), "me/note", good).body)["whose"] == "u1"
    file = ask(api(), "me/file", [("user_session", STATE)], chunks=[b"x" * 9000] * 9)
    assert json.loads(file.body) == {"size": 81_000}


def test_two_login_states_are_none() -> None:
    twice = [*JSON, ("user_session", STATE), ("user_session", STATE)]
    assert ask(api(), "me/note", twice).refusal == (400, 4000, "ambiguous_credential")
    crumbs = [("cookie", "a=1"), ("cookie", f"user_session={STATE}"), ("user_session", STATE + "x"), *JSON]
    assert ask(api(), "me/note", crumbs).refusal == (400, 4000, "ambiguous_credential")


MALFORMED, CALL, TWICE = (
    (400, 4000, "body_malformed"),
    (400, 4000, "call_malformed"),
    (400, 4000, "ambiguous_credential"),
)


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        (b"[]", MALFORMED),
        (b"7", MALFORMED),
        (b'{"text": ', MALFORMED),
        (b"\xff\xfe", MALFORMED),
        (b'{"text": "\xff"}', MALFORMED),
        ('{"text": "a"}'.encode("utf-16"), MALFORMED),
        ('{"text": "a"}'.encode("utf-32-le"), MALFORMED),
        (b"[" * 8000, MALFORMED),
        (b'{"text": ' + b"[" * 500 + b"]" * 500 + b"}", CALL),
        (b'{"a":' * 1600 + b"1" + b"}" * 10, MALFORMED),
        (b'{"text": 1}', CALL),
        (b'{"text": null}', CALL),
        (b'{"text": ["a"]}', CALL),
        (b'{"other": "a"}', CALL),
        (b'{"Text": "a"}', CALL),
        (b'{"password": {}}', CALL),
        (b'{"password": "' + b"x" * 1025 + b'"}', CALL),
        (b'{"number": 1.5}', CALL),
        (b'{"number": NaN}', MALFORMED),
        (b'{"text": "a", "text": "a"}', TWICE),
        (b'{"text": "a", "te\\u0078t": "b"}', TWICE),
        (b'{"text": "\\ud800"}', MALFORMED),
    ],
)
def test_bodies_are_read_strictly(body: bytes, refusal: tuple[int, int, str]) -> None:
    assert ask(api(), "note", chunks=[body]).refusal == refusal


@pytest.mark.parametrize(
    "media",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/json",
        "application/json-patch+json",
        "application/json, text/plain",
    ],
)
def test_a_body_must_say_that_it_is_json(media: str) -> None:
    headers = [("content-type", media)] if media else []
    assert ask(api(), "note", headers, chunks=[b'{"text": "a"}']).refusal == CALL
    assert ask(api(), "note", headers, chunks=[b""]).status == 200, "no body needs no type"


def test_json_may_say_its_charset() -> None:
    assert ask(api(), "note", [("content-type", "Application/JSON; charset=utf-8")]).status == 200


def test_a_long_body_is_refused_before_it_is_read() -> None:
    said = ask(api(), "note", chunks=[b"x" * 4096] * 1000)
    assert said.refusal == (413, 4000, "body_too_large")
    assert said.chunks_taken == 3
    exact = b'{"text": "%s"}' % (b"x" * (BODY_LIMIT - 12))
    assert len(exact) == BODY_LIMIT
    assert ask(api(), "note", chunks=[exact]).status == 200
    assert ask(api(), "note", chunks=[exact + b" "]).status == 413


def test_a_client_that_hangs_up_fills_no_log(caplog: pytest.LogCaptureFixture) -> None:
    assert ask(api(), "note", chunks=[b"{", None]).refusal[0] == 400
    assert not [record for record in caplog.records if record.levelno > logging.INFO]


SECRET = SHOP.secret.reveal()
LEAKED = (400, 4000, "client_sent_secret")


@pytest.mark.parametrize("name", ["secret", "appsecret", "app_secret", "AppSecret", "SECRET"])
def test_an_appsecret_by_name(name: str) -> None:
    assert ask(api(), "note", chunks=[json.dumps({name: "x"}).encode()]).refusal == LEAKED
    assert ask(api(), "note", query=f"a=1&{name}=x").refusal == LEAKED
    assert ask(api(), "me/file", [("content-type", "image/png")], query=f"{name}=x").refusal == LEAKED


def test_an_appsecret_by_value_and_in_a_header() -> None:
    assert ask(api(), "note", chunks=[json.dumps({"text": SECRET}).encode()]).refusal == LEAKED
    assert ask(api(), "note", query=f"x={SECRET}").refusal == LEAKED
    assert ask(api(), "note", [*JSON, ("x-menshen-sent-secret", "any")]).refusal == LEAKED


@pytest.mark.parametrize(
    ("fault", "refusal"),
    [
        (DatabaseUnavailable("OperationalError"), (503, 5004, "brain_unavailable")),
        (RuntimeError("planted-in-a-bug"), (500, 5005, "internal_fault")),
        (PlatformRefusedUs("why", platform_errcode=40013), (502, 4017, "platform_refused_credentials")),
        (RefreshReused("s1"), (401, 4024, "refresh_reused")),
        (AccountLocked(retry_after=77), (429, 4025, "account_locked")),
    ],
)
def test_faults_are_answers(fault: Exception, refusal: tuple[int, int, str], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    said = ask(api(fault), "fault", [("x-request-id", "r1")], method="GET")
    assert said.refusal == refusal
    assert b"planted" not in said.body
    assert json.loads(said.body)["request_id"] == "r1"
    assert [record.__dict__["request_id"] for record in caplog.records] == ["r1"]
    if isinstance(fault, Refusal):
        assert said.headers.get("retry-after") == (str(fault.retry_after) if fault.retry_after else None)


def test_what_a_client_wrote_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = b'{"password": "planted-password", "planted-field": "planted-value"}'
    assert ask(api(), "note", chunks=[wrong], query="planted-query=1").refusal == CALL
    assert caplog.records
    assert "planted" not in "".join(str(record.__dict__) for record in caplog.records)
    assert "planted" not in repr(NoteBody(text="planted", password=Secret("planted")))


@pytest.mark.parametrize(
    ("method", "fault", "state", "checksum", "reason"),
    [
        ("GET", AccountLocked(), BRAIN, SNAPSHOT.checksum, "account_locked"),
        ("GET", KeyError(), BRAIN, SNAPSHOT.checksum, "internal_fault"),
        ("GET", DatabaseUnavailable(), BRAIN, SNAPSHOT.checksum, "brain_unavailable"),
        ("GET", None, None, SNAPSHOT.checksum, "brain_unavailable"),
        ("GET", None, BRAIN, "0" * 16, "route_stale"),
        ("PUT", None, BRAIN, SNAPSHOT.checksum, "method_not_allowed"),
    ],
)
def test_a_client_of_another_wire_is_refused_in_its_own_words(
    method: str, fault: Exception | None, state: BrainState | None, checksum: str, reason: str
) -> None:
    headers = (("authorization", f"Bearer {STATE}"),)
    said = ask(api(fault, state), "theirs", headers, method=method, checksum=checksum)
    assert json.loads(said.body)["data"]["reason"] == reason
    assert "x-menshen-code" in said.headers


def test_a_login_state_is_read_where_the_wire_has_it() -> None:
    for headers in ((), (("user_session", STATE),)):
        said = ask(api(AccountLocked()), "theirs", headers, method="GET")
        assert json.loads(said.body)["data"]["reason"] == "session_missing"
    assert ask(api(), "me/note", (*JSON, ("authorization", f"Bearer {STATE}"))).refusal[2] == "session_missing"
