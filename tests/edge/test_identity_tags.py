"""Default tags through the whole stack: what the platform vouched for and the identity, ticked by name, in every kind.

Open data brings a person's profile with a login; the backend behind a canary is told it as headers and baggage. What
people say of themselves, in a request or in their profile, changes none of it.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote

import pytest

from tests.edge.conftest import APPID, OTHER_APPID, OTHER_SECRET, QQ_APPID, SECRET, Stack, running_stack
from tests.edge.people import Person, api, rows
from tests.edge.processes import Reply
from tests.serving import served

DOCUMENT = """\
version: 1
apps:
  - {{name: shop, platform: wechat, appid: {appid}, secret: "{secret}", base_url: "{emulator}/wechat"}}
  - {{name: other, platform: wechat, appid: {other_appid}, secret: "${{OTHER_SECRET}}", base_url: "{emulator}/wechat"}}
  - {{name: chat, platform: qq, appid: "{qq_appid}", secret: "{qq_secret}", base_url: "{emulator}/qq"}}
upstreams:
  - {{name: orders, endpoints: ["{backend}"], versions: [{{name: gray, endpoints: ["GRAY"]}}]}}
groups:
  - {{name: sealed, hosts: ["*"], prefix: /sealed, upstream: orders, apis: APIS}}
  - {{name: signed, hosts: ["*"], prefix: /signed, upstream: orders, apis: APIS}}
  - {{name: reference, hosts: ["*"], prefix: /reference, upstream: orders, apis: APIS}}
  - {{name: plain, hosts: ["*"], prefix: /plain, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: plain-signed, hosts: ["*"], prefix: /plain-signed, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: brief-sealed, hosts: ["*"], prefix: /brief-sealed, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: brief-signed, hosts: ["*"], prefix: /brief-signed, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: brief-reference, hosts: ["*"], prefix: /brief-reference, upstream: orders, apis: [{{name: all, path: /*}}]}}
plugins:
  - name: sealed-login
    type: WeChatMpLogin
    app: shop
    session: {{refresh: {{expires_in: 600}}}}
    tags: {{identity: TICKED}}
  - name: signed-login
    type: WeChatMpLogin
    app: other
    session: {{kind: signed, claims: [account], refresh: {{expires_in: 600}}}}
    tags: {{identity: TICKED}}
  - name: reference-login
    type: QQMPLogin
    app: chat
    session: {{kind: reference, refresh: {{expires_in: 600}}}}
    tags: {{identity: TICKED}}
  - {{name: plain-login, type: WeChatMpLogin, app: shop, session: {{name: plain}}}}
  - {{name: plain-signed-login, type: WeChatMpLogin, app: other, session: {{name: plain, kind: signed}}}}
  - name: brief-sealed-login
    type: WeChatMpLogin
    app: shop
    session: {{name: brief, idle: 1}}
    tags: {{identity: [nickname, new_user]}}
  - name: brief-signed-login
    type: WeChatMpLogin
    app: other
    session: {{name: brief, idle: 1, kind: signed}}
    tags: {{identity: [nickname, new_user]}}
  - name: brief-reference-login
    type: QQMPLogin
    app: chat
    session: {{name: brief, idle: 1, kind: reference}}
    tags: {{identity: [nickname, new_user]}}
  - name: cantonese
    type: Canary
    rules: [{{name: guangzhou, when: [{{tag: city, values: ["广州"]}}], to: [{{version: gray}}]}}]
bindings:
  - {{plugin: sealed-login, group: sealed}}
  - {{plugin: signed-login, group: signed}}
  - {{plugin: reference-login, group: reference}}
  - {{plugin: plain-login, group: plain}}
  - {{plugin: plain-signed-login, group: plain-signed}}
  - {{plugin: brief-sealed-login, group: brief-sealed}}
  - {{plugin: brief-signed-login, group: brief-signed}}
  - {{plugin: brief-reference-login, group: brief-reference}}
  - {{plugin: cantonese, group: sealed}}
  - {{plugin: cantonese, group: signed}}
  - {{plugin: cantonese, group: reference}}
users: {{accounts: {{registration: true}}}}
"""

APIS = """[{{name: news, path: /news, access: optional}}, {{name: assets, path: /static/*, access: public}},
      {{name: x, path: /x}}, {{name: login, path: /login}}]"""
TICKED = "[nickname, gender, city, platform, app, account, new_user]"

NICKNAME = "老王, \U0001f468\u200d\U0001f469;=%"
NAMED = quote(NICKNAME, safe="=")
PASSWORD = "planted-Password-1"
TAG = "x-menshen-tag-"


@dataclass(frozen=True)
class Kind:
    """A kind of login states, with the app that gives such."""

    name: str
    app: str
    appid: str
    platform: str

    def person(self, stack: Stack, name: str) -> Person:
        return Person(stack, name, self.appid, self.platform)


KINDS = [
    Kind("sealed", "shop", APPID, "wechat"),
    Kind("signed", "other", OTHER_APPID, "wechat"),
    Kind("reference", "chat", QQ_APPID, "qq"),
]
each_kind = pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])


class _Gray(BaseHTTPRequestHandler):
    """The other version of the backend: it says so, and what it received."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = json.dumps({"version": "gray", "headers": self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *said: object) -> None:
        pass


@contextlib.contextmanager
def _gray() -> Iterator[str]:
    with served(ThreadingHTTPServer(("127.0.0.1", 0), _Gray)) as server:
        yield f"127.0.0.1:{server.server_address[1]}"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    document = DOCUMENT.replace("APIS", APIS).replace("TICKED", TICKED)
    directory = tmp_path_factory.mktemp("identity-tags")
    with _gray() as gray, running_stack(directory, document.replace("GRAY", gray), "--workers", "2") as running:
        for appid, secret in ((APPID, SECRET), (OTHER_APPID, OTHER_SECRET)):
            app = {"appid": appid, "secret": secret, "unionid": False}
            assert running.emulator.post_json("/emulator/wechat/apps", app).status == 200
        yield running


def log_in(person: Person, **profile: Any) -> Reply:
    """A login with open data that says this of the person; without any, a login by the code alone."""
    code = person.code()
    info = person.user_info(profile=profile) if profile else {}
    return api(person.stack, "login", {"code": code, "app": person.app, **info})


def call(stack: Stack, kind: Kind, state: str, path: str = "/x", *headers: tuple[str, str]) -> Reply:
    reply = stack.gateway(f"/{kind.name}{path}", *((("user_session", state),) if state else ()), *headers)
    assert reply.status == 200, reply.raw
    return reply


def tags(reply: Reply) -> dict[str, str]:
    """The tags that the backend was told in headers; those in the baggage are the same, and none is untrusted."""
    seen = reply.seen
    told = {name.removeprefix(TAG): value for name, value in seen.items() if name.startswith(TAG)}
    members = seen["baggage"].split(",") if "baggage" in seen else []
    assert dict(member.split("=", 1) for member in members) == {
        f"menshen.{name.replace('-', '_')}": value for name, value in told.items()
    }
    assert "x-menshen-untrusted-tags" not in seen
    return told


def version(reply: Reply) -> str:
    return str(reply.json.get("version", "default"))


def state_of(reply: Reply) -> str:
    assert reply.status == 200, reply.raw
    return str(reply.json["user_session"])


@each_kind
def test_the_platforms_word_is_told_and_chooses_the_version(stack: Stack, kind: Kind) -> None:
    said = {"nickName": NICKNAME, "gender": 1, "city": "广州", "province": "广东"}
    state = state_of(log_in(kind.person(stack, "wang"), **said))
    reply = call(stack, kind, state)
    assert tags(reply) == {
        "nickname": NAMED,
        "gender": "1",
        "city": quote("广州"),
        "platform": kind.platform,
        "app": kind.app,
        "new-user": "true",
    }
    assert version(reply) == "gray"
    elsewhere = call(stack, kind, state_of(log_in(kind.person(stack, "li"), nickName="Li", city="Beijing")))
    assert (version(elsewhere), tags(elsewhere)["city"]) == ("default", "Beijing")


@each_kind
def test_they_are_there_on_the_login_request_and_known_at_the_next(stack: Stack, kind: Kind) -> None:
    person = kind.person(stack, "next")
    log_in(person, nickName="Next", city="广州")
    first = stack.gateway(f"/{kind.name}/login", ("js_code", person.code()))
    later = call(stack, kind, first.headers["user_session"])
    assert tags(first) == tags(later)
    assert (tags(later)["nickname"], tags(later)["new-user"]) == ("Next", "false")
    assert version(first) == version(later) == "gray"


@each_kind
def test_the_platforms_latest_word_counts_and_the_anonymous_profile_says_nothing(stack: Stack, kind: Kind) -> None:
    person = kind.person(stack, "moved")
    log_in(person, nickName="Moved", city="广州", gender=2)
    assert tags(call(stack, kind, state_of(log_in(person, nickName="Moved", city="Shenzhen"))))["city"] == "Shenzhen"
    told = tags(call(stack, kind, state_of(log_in(person, nickName="微信用户", city="Nowhere"))))
    assert (told["nickname"], told["city"], told["gender"]) == ("Moved", "Shenzhen", "2")
    told = tags(call(stack, kind, state_of(log_in(person, nickName="王" * 43))))
    assert "nickname" not in told, "longer than 128 bytes, and the old one is true no more"


@each_kind
def test_class_35_what_a_user_says_of_himself_is_no_tag(stack: Stack, kind: Kind) -> None:
    known, unknown = kind.person(stack, "honest"), kind.person(stack, "liar")
    state = state_of(log_in(known, nickName="Honest", city="Beijing"))
    others = state_of(log_in(unknown))
    words = {"nickname": "Boss", "city": "广州", "gender": 1, "language": "zh_CN", "country": "China"}
    for holder in (state, others):
        patched = api(stack, "me", words, holder, method="PATCH")
        assert (patched.status, patched.json["city"]) == (200, "广州")
    for mine, theirs in ((state, others), (state_of(log_in(known)), state_of(log_in(unknown)))):
        reply = call(stack, kind, mine)
        assert (tags(reply)["nickname"], tags(reply)["city"], version(reply)) == ("Honest", "Beijing", "default")
        reply = call(stack, kind, theirs)
        assert set(tags(reply)) == {"platform", "app", "new-user"}
        assert version(reply) == "default"


FORGED = [
    ("X-Menshen-Tag-City", quote("广州")),
    ("x_menshen_tag_city", quote("广州")),
    ("X-Menshen-Tag-New-User", "true"),
    ("x-menshen-tag-new_user", "true"),
    ("X-Menshen-Tag-Account", "boss"),
    ("X-Menshen-Tag-Province", "Guangdong"),
    ("baggage", f"menshen.city={quote('广州')},menshen.account=boss,MENSHEN.new_user=true"),
]


@each_kind
def test_class_53_no_request_says_them(stack: Stack, kind: Kind) -> None:
    state = state_of(log_in(kind.person(stack, "forger")))
    own = tags(call(stack, kind, state))
    assert own == {"platform": kind.platform, "app": kind.app, "new-user": "true"}
    for path, held in (("/x", state), ("/news", state), ("/news", ""), ("/static/a.js", state), ("/static/a.js", "")):
        told = own if held and not path.startswith("/static") else {}
        for forged in ([each] for each in FORGED):
            reply = call(stack, kind, held, path, *forged)
            assert (tags(reply), version(reply)) == (told, "default"), (path, forged)
        reply = call(stack, kind, held, path, *FORGED)
        assert (tags(reply), version(reply)) == (told, "default"), path


@each_kind
def test_a_public_route_has_none_and_an_anonymous_caller_neither(stack: Stack, kind: Kind) -> None:
    state = state_of(log_in(kind.person(stack, "public"), nickName="Public", city="广州"))
    assert tags(call(stack, kind, state, "/news"))["nickname"] == "Public"
    assert tags(call(stack, kind, "", "/news")) == {}
    assert tags(call(stack, kind, state, "/static/a.js")) == {}


@each_kind
def test_a_refresh_keeps_them_and_takes_what_is_new(stack: Stack, kind: Kind) -> None:
    person = kind.person(stack, "fresh")
    first = log_in(person, nickName="Fresh", city="广州")
    before = tags(call(stack, kind, state_of(first)))
    second = stack.gateway.post_json("/v1/token", {"refresh_token": first.json["refresh_token"]})
    assert tags(call(stack, kind, state_of(second))) == before
    assert before["new-user"] == "true"
    assert tags(call(stack, kind, state_of(log_in(person, nickName="Fresher"))))["new-user"] == "false"
    third = stack.gateway.post_json("/v1/token", {"refresh_token": second.json["refresh_token"]})
    assert tags(call(stack, kind, state_of(third))) == {**before, "nickname": "Fresher"}


@each_kind
def test_an_account_is_a_tag(stack: Stack, kind: Kind) -> None:
    name = f"{kind.name}+li@corp"
    body = {"username": name, "password": PASSWORD, "app": kind.app}
    state = state_of(api(stack, "register", body))
    assert tags(call(stack, kind, state))["account"] == quote(name, safe="@")


def test_binding_keeps_who_is_new(stack: Stack) -> None:
    kind = KINDS[0]
    state = state_of(log_in(kind.person(stack, "binder"), nickName="Binder"))
    code = kind.person(stack, "second-phone").code()
    bound = api(stack, "me/bind", {"code": code, "app": "shop"}, state)
    told = tags(call(stack, kind, state_of(bound)))
    assert (told["nickname"], told["new-user"]) == ("Binder", "true")


@pytest.mark.parametrize("kind", KINDS[:2], ids=["sealed", "signed"])
def test_a_state_from_before_is_good_still(stack: Stack, kind: Kind) -> None:
    person = kind.person(stack, "old")
    log_in(person, nickName="Old", city="广州")
    plain = "/plain/login" if kind.name == "sealed" else "/plain-signed/login"
    reply = stack.gateway(plain, ("js_code", person.code()))
    assert reply.status == 200, reply.raw
    assert "baggage" not in reply.seen
    told = tags(call(stack, kind, reply.headers["plain"]))
    assert told == {"platform": kind.platform, "app": kind.app}


def test_a_renewal_keeps_them(stack: Stack) -> None:
    held: dict[str, str] = {}
    for kind in KINDS:
        person = kind.person(stack, "brief")
        log_in(person, nickName=NICKNAME)
        held[kind.name] = stack.gateway(f"/brief-{kind.name}/login", ("js_code", person.code())).headers["brief"]
    time.sleep(7)  # a tenth of idle, and a second
    for kind in KINDS:
        deadline = time.monotonic() + 30
        while "brief" not in (reply := stack.gateway(f"/brief-{kind.name}/x", ("brief", held[kind.name]))).headers:
            assert kind.name == "signed", "Envoy alone lets a request go on whose renewal takes longer than a second"
            assert time.monotonic() < deadline
        assert tags(reply) == {"nickname": NAMED, "new-user": "false"}
        renewed = reply.headers["brief"]
        assert (renewed == held[kind.name]) == (kind.name == "reference")
        again = stack.gateway(f"/brief-{kind.name}/x", ("brief", renewed))
        assert tags(again) == {"nickname": NAMED, "new-user": "false"}


def test_closing_an_account_erases_them_and_no_log_has_them(stack: Stack) -> None:
    for kind in KINDS:
        person = kind.person(stack, "gone")
        reply = log_in(person, nickName="Planted-Nickname", city="Planted-City")
        assert tags(call(stack, kind, state_of(reply)))["city"] == "Planted-City"
        uid = reply.json["uid"]
        asked = "SELECT u.vouched, s.tags FROM users u JOIN sessions s ON s.uid = u.uid WHERE u.uid = ?"
        [(vouched, told)] = rows(stack, asked, uid)
        assert "Planted-City" in vouched
        assert "Planted-City" in told
        closed = api(stack, "me/close", {"confirm": True}, state_of(reply))
        assert closed.status == 200, closed.raw
        assert rows(stack, asked, uid) == [("{}", "{}")]
    log = stack.serve.log.read_text()
    assert "Planted-" not in log
    assert NAMED not in log
