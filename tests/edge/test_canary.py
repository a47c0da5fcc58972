"""Canaries through the whole gateway: real logins of every kind, real versions, and changes while requests run."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import aiohttp
import pytest

from menshen.config.buckets import bucket
from tests.edge.conftest import Stack, running_stack
from tests.edge.load import under_load, under_way
from tests.edge.processes import Reply, command
from tests.edge.test_reload import menshen, until

KINDS = ("sealed", "reference", "signed")
USER = "user-0"
ENOUGH = 3
"""Users on each side."""

_DOCUMENT = """\
version: 1
apps: [{name: shop, platform: wechat, appid: <appid>, secret: "<secret>", base_url: "<emulator>/wechat"}]
upstreams:
  - name: orders
    endpoints: ["<v1>"]
    timeout: 10
    versions: [{name: v2, endpoints: ["<v2>"]}, {name: gone, endpoints: ["127.0.0.1:9"]}]
groups:
  - {name: sealed, prefix: /sealed, upstream: orders, apis: [{name: all, path: /*}]}
  - {name: reference, prefix: /reference, upstream: orders, apis: [{name: all, path: /*}]}
  - {name: signed, prefix: /signed, upstream: orders, apis: [{name: all, path: /*}]}
  - name: told
    prefix: /told
    upstream: orders
    apis:
      - {name: login, path: /login}
      - {name: x, path: /x}
      - {name: up, path: /up}
      - {name: chat, path: /chat}
      - {name: free, path: /free, access: public}
  - {name: cut, prefix: /cut, strip_prefix: true, upstream: orders, apis: [{name: all, path: /*}]}
  - {name: moved, prefix: /moved, upstream: orders, apis: [{name: all, path: /*}]}
  - {name: named, prefix: /named, upstream: orders, apis: [{name: all, path: /*}]}
  - {name: down, prefix: /down, upstream: orders, apis: [{name: all, path: /*}]}
  - {name: live, prefix: /live, upstream: orders, apis: [{name: all, path: /*}]}
plugins:
  - {name: sealed-login, type: WeChatMpLogin, app: shop, identity: {headers: cloudrun}}
  - name: reference-login
    type: WeChatMpLogin
    app: shop
    session: {kind: reference}
    identity: {headers: cloudrun}
  - name: signed-login
    type: WeChatMpLogin
    app: shop
    session: {kind: signed, claims: [openid, unionid]}
    identity: {headers: cloudrun}
  - {name: told-login, type: WeChatMpLogin, app: shop}
  - {name: named-login, type: WeChatMpLogin, app: shop, tags: {identity: [app]}}
  - name: by-identity
    type: Canary
    rules: [{name: shop, when: [{tag: app, values: [shop]}], to: [{version: v2}]}]
  - {name: version-tag, type: Tag, tags: [{in: query, name: v}]}
  - {name: halves, type: Canary, rules: [{name: half, to: [{version: v2, weight: 50}]}]}
  - name: by-tag
    type: Canary
    rules: [{name: asked, when: [{tag: v, values: ["2"]}], to: [{version: v2}]}]
  - name: moving
    type: PathRewrite
    rules: [{regex: "/moved/(\\\\d+)/x", replacement: "/x/$1"}]
  - name: broken
    type: Canary
    rules: [{name: asked, when: [{tag: v, values: ["2"]}], to: [{version: gone}]}]
  - {name: changing, type: Canary, rules: [{name: some, to: [{version: v2, weight: 10}]}]}
bindings:
  - {plugin: named-login, group: named}
  - {plugin: by-identity, group: named}
  - {plugin: sealed-login, group: sealed}
  - {plugin: reference-login, group: reference}
  - {plugin: signed-login, group: signed}
  - {plugin: told-login, group: told}
  - {plugin: halves, group: sealed}
  - {plugin: halves, group: reference}
  - {plugin: halves, group: signed}
  - {plugin: version-tag, group: told}
  - {plugin: version-tag, group: cut}
  - {plugin: version-tag, group: moved}
  - {plugin: version-tag, group: down}
  - {plugin: by-tag, group: told}
  - {plugin: by-tag, group: cut}
  - {plugin: by-tag, group: moved}
  - {plugin: moving, group: moved}
  - {plugin: broken, group: down}
  - {plugin: changing, group: live}
"""


def _document(v1: str, v2: str) -> str:
    text = _DOCUMENT.replace("<v1>", v1).replace("<v2>", v2).replace("{", "{{").replace("}", "}}")
    for name in ("appid", "secret", "emulator"):
        text = text.replace(f"<{name}>", f"{{{name}}}")
    return text


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    directory = tmp_path_factory.mktemp("canary")
    with ExitStack() as versions:
        origins = [
            versions.enter_context(
                command(["-m", "tests.edge.version_backend", version], directory / f"{version}.log")
            ).origin.removeprefix("http://")
            for version in ("default", "v2")
        ]
        with running_stack(directory, _document(*origins), "--workers", "2") as running:
            yield running


@pytest.fixture(scope="module")
def uids(stack: Stack) -> dict[str, str]:
    """User -> id, as a backend that is told it knows it; some users of each side."""
    found: dict[str, str] = {}
    for number in range(64):
        user = f"user-{number}"
        found[user] = stack.gateway("/told/login", ("js_code", stack.code(user))).identity["x-menshen-user"]
        sides = Counter(_half(uid) for uid in found.values())
        if min(sides["default"], sides["v2"]) >= ENOUGH:
            return found
    raise AssertionError(found)


def _version(reply: Reply) -> str:
    assert reply.status == 200, reply.raw
    return reply.headers["x-version"]


def _half(uid: str) -> str:
    return "v2" if bucket("halves/half", uid) < 50 else "default"


@pytest.mark.parametrize("kind", KINDS)
def test_a_user_is_on_one_side_from_his_login_on(kind: str, stack: Stack, uids: dict[str, str]) -> None:
    for user, uid in uids.items():
        login = stack.gateway(f"/{kind}/login", ("js_code", stack.code(user)))
        state = ("user_session", login.headers["user_session"])
        later = [stack.gateway(f"/{kind}/{number}", state) for number in range(3)]
        assert {_version(reply) for reply in (login, *later)} == {_half(uid)}
        for reply in (login, *later):
            assert reply.seen["x-wx-openid"].startswith("o")
            assert not [name for name in reply.seen if "uid" in name or "bucket" in name or "x-menshen-user" in name]
            assert uid not in reply.raw.decode()


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_does_not_change_its_side(kind: str, stack: Stack, uids: dict[str, str]) -> None:
    login = stack.gateway(f"/{kind}/login", ("js_code", stack.code(USER)))
    forged = [
        header
        for uid in uids.values()
        for header in (("X-Menshen-Uid", uid), ("x_menshen_bucket_0", "00"), ("X-Menshen-Bucket-0", "99"))
    ]
    reply = stack.gateway(f"/{kind}/x", ("user_session", login.headers["user_session"]), *forged)
    assert _version(reply) == _half(uids[USER])


def _audience(reply: Reply) -> str:
    part = reply.identity["x-menshen-assertion"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return str(claims["aud"])


def test_every_version_gets_the_identity_of_the_one_upstream(stack: Stack, uids: dict[str, str]) -> None:
    login = stack.gateway("/told/login?v=2", ("js_code", stack.code(USER)))
    state = ("user_session", login.headers["user_session"])
    replies = {version: stack.gateway(f"/told/x?v={v}", state) for version, v in (("default", 1), ("v2", 2))}
    for version, reply in {**replies, "v2 at login": login}.items():
        assert _version(reply) == version.split()[0]
        assert reply.identity["x-menshen-user"] == uids[USER]
        assert _audience(reply) == "orders"
        assert "user_session" not in reply.seen


def test_the_other_version_is_as_closed_as_the_first(stack: Stack) -> None:
    assert stack.gateway("/told/x?v=2").refusal == (401, 4001, "session_missing")
    assert stack.gateway("/told/x?v=2", ("user_session", "forged")).refusal == (401, 4001, "session_invalid")


def test_a_public_api_of_a_group_with_logins_is_led_too(stack: Stack) -> None:
    reply = stack.gateway("/told/free?v=2", ("x-menshen-user", "forged"))
    assert _version(reply) == "v2"
    assert reply.identity["x-menshen-user"] == ""


def test_an_identity_tag_chooses_and_nobody_can_say_it_himself(stack: Stack) -> None:
    login = stack.gateway("/named/login?app=other", ("js_code", stack.code(USER)), ("x-menshen-tag-app", "other"))
    state = ("user_session", login.headers["user_session"])
    assert _version(login) == "v2"
    assert _version(stack.gateway("/named/x", state, ("x-menshen-tag-app", "other"))) == "v2"


@pytest.mark.parametrize(("v", "version"), [("1", "default"), ("2", "v2")])
def test_paths_are_rewritten_for_every_version(v: str, version: str, stack: Stack) -> None:
    for path, there in (("/cut/a/b", "/a/b"), ("/cut", "/"), ("/moved/7/x", "/x/7"), ("/moved/x/x", "/moved/x/x")):
        reply = stack.gateway(f"{path}?v={v}")
        assert _version(reply) == version
        assert (reply.json["path"], reply.json["query"]) == (there, f"v={v}")


@pytest.mark.parametrize("size", [1, 3_000_000])
def test_a_body_reaches_the_chosen_version_whole(size: int, stack: Stack) -> None:
    state = ("user_session", stack.log_in(USER, "/told/login"))
    reply = stack.gateway("/told/up?v=2", state, method="POST", body=b"x" * size)
    assert _version(reply) == "v2"
    assert reply.json["body_bytes"] == size


def test_a_websocket_goes_to_the_chosen_version(stack: Stack) -> None:
    headers = {"user_session": stack.log_in(USER, "/told/login")}

    async def talk(v: str) -> tuple[str, str]:
        async with (
            aiohttp.ClientSession() as client,
            client.ws_connect(f"{stack.gateway.origin}/told/chat?v={v}", headers=headers) as socket,
        ):
            version = await socket.receive_str()
            await socket.receive_str()
            await socket.send_str("hello")
            return version, await socket.receive_str()

    assert [asyncio.run(talk(v)) for v in ("1", "2")] == [("default", "hello"), ("v2", "hello")]


def test_a_version_that_is_down_is_no_reason_to_go_elsewhere(stack: Stack) -> None:
    """Half a canary's users on the old version without a word is what nobody would notice."""
    assert stack.gateway("/down/x?v=2").refusal == (503, 5010, "upstream_unavailable")
    assert _version(stack.gateway("/down/x?v=1")) == "default"


def test_weights_versions_and_rules_change_under_load(stack: Stack) -> None:
    original = stack.config.read_text()
    some = "to: [{version: v2, weight: 10}]"
    steps: list[tuple[str, Callable[[set[str]], bool]]] = [
        (original.replace(some, "to: [{version: v2}]"), lambda seen: seen == {"v2"}),
        (original.replace(some, "enabled: false, to: [{version: v2}]"), lambda seen: seen == {"default"}),
        (_with_another(original).replace(some, "to: [{version: v3}]"), lambda seen: seen == {"v2"}),
        (original.replace(some, "to: [{version: default}]"), lambda seen: seen == {"default"}),
    ]
    try:
        with under_load(f"{stack.gateway.origin}/live/x", {}, connections=4) as load:
            for text, reached in steps:
                assert text != original
                stack.config.write_text(text)
                until(lambda reached=reached: reached(_seen(stack)), 60)
                load.wait_for(50)
            time.sleep(0.2)
        assert set(load.counted()) == {200}, load.counted()
    finally:
        stack.config.write_text(original)


def test_a_request_under_way_is_answered_by_the_version_that_is_taken_out(stack: Stack) -> None:
    original = stack.config.read_text()
    some = "to: [{version: v2, weight: 10}]"
    slow: list[Reply] = []
    try:
        stack.config.write_text(original.replace(some, "to: [{version: v2}]"))
        until(lambda: _seen(stack) == {"v2"}, 60)
        waiting = threading.Thread(target=lambda: slow.append(stack.gateway("/live/x?sleep=6")))
        waiting.start()
        under_way(stack, 1)
        stack.config.write_text(_with_another(original).replace(some, "to: [{version: default}]"))
        until(lambda: _seen(stack) == {"default"}, 60)
        waiting.join(60)
        assert [_version(reply) for reply in slow] == ["v2"]
    finally:
        stack.config.write_text(original)
        until(lambda: "v2" in menshen(stack, "export").stdout)


def _with_another(document: str) -> str:
    """The second version under another name, and the old name gone with every rule that has it."""
    unbound = ("plugin: halves", "plugin: by-tag", "plugin: by-identity")
    lines = [line for line in document.splitlines() if not any(binding in line for binding in unbound)]
    text = "\n".join(lines).replace("name: v2, endpoints", "name: v3, endpoints") + "\n"
    return text.replace("to: [{version: v2, weight: 50}]", "to: [{version: v3}]")


def _seen(stack: Stack) -> set[str]:
    return {_version(stack.gateway("/live/x")) for _ in range(12)}


def test_the_dry_run_says_where_these_users_are(stack: Stack, uids: dict[str, str]) -> None:
    for kind in KINDS:
        uid = uids[USER]
        said = menshen(stack, "route", "--path", f"/{kind}/x", "--user", uid, "--json")
        assert said.returncode == 0, said.stderr
        told = json.loads(said.stdout)
        assert (told["version"], told["by"], told["bucket"]) == (_half(uid), "user", bucket("halves/half", uid))
        assert [guard["by"] for guard in told["guards"]] == ["envoy" if kind == "signed" else "brain"]


def test_the_dry_run_says_where_a_request_went(stack: Stack) -> None:
    reply = stack.gateway("/live/x")
    said = menshen(stack, "route", "--path", "/live/x", "--request-id", reply.seen["x-request-id"], "--json")
    told = json.loads(said.stdout)
    assert (told["version"], told["by"]) == (_version(reply), "request")
