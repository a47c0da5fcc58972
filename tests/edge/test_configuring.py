"""The document changed by a program over the admin API: it counts at the gateway, and so does the way back."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.edge.conftest import OTHER_SECRET, SECRET, Stack, running_stack
from tests.edge.nodes import Nodes, two_nodes
from tests.edge.processes import LATE, REPOSITORY, Reply
from tests.edge.test_reload import until
from tests.postgresql import PostgreSQL

SOON = 2.0 + LATE
"""Seconds within which a change counts."""

API = {"name": "sold", "path": "/sold", "access": "public"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("configuring")) as running:
        yield running


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory, postgresql: PostgreSQL) -> Iterator[Nodes]:
    with two_nodes(tmp_path_factory.mktemp("nodes"), postgresql, running_stack) as running:
        yield running


def call(stack: Stack, method: str, path: str, body: Any = None, etag: str = "") -> Reply:
    headers = [("authorization", f"Bearer {(stack.data_dir / 'admin.token').read_text().strip()}")]
    if etag:
        headers.append(("if-match", etag))
    if body is None:
        return stack.admin(path, *headers, method=method)
    return stack.admin.send_json(method, path, body, *headers)


def etag_of(stack: Stack) -> str:
    reply = call(stack, "GET", "/v1/config")
    assert reply.status == 200
    assert SECRET not in reply.raw.decode()
    assert OTHER_SECRET not in reply.raw.decode()
    return reply.headers["etag"]


def revision_of(etag: str) -> str:
    return etag.strip('"').split("-")[0]


def is_open(stack: Stack) -> bool:
    return stack.gateway("/mall/sold").status == 200


def test_a_change_counts_at_the_gateway_and_so_does_a_rollback(stack: Stack) -> None:
    before = etag_of(stack)
    assert stack.gateway("/mall/sold").status == 404
    began = time.monotonic()
    done = call(stack, "POST", "/v1/config/groups/mall/apis?comment=sold", API, before)
    assert done.status == 200, done.raw
    until(lambda: is_open(stack), SOON)
    assert time.monotonic() - began < SOON

    late = call(stack, "DELETE", "/v1/config/groups/mall/apis/sold", etag=before)
    assert late.status == 412
    (newest, older) = call(stack, "GET", "/v1/revisions?limit=2").json["revisions"]
    assert (newest["author"], newest["comment"], newest["active"]) == ("admin", "sold", True)
    changes = call(stack, "GET", f"/v1/revisions/{newest['id']}/changes").json["changes"]
    assert [(each["part"], each["what"]) for each in changes] == [("groups/mall/apis/sold", "added")]

    began = time.monotonic()
    back = call(stack, "POST", f"/v1/revisions/{older['id']}/activate", etag=done.headers["etag"])
    assert back.status == 200, back.raw
    until(lambda: stack.gateway("/mall/sold").status == 404, SOON)
    assert time.monotonic() - began < SOON
    actions = [row["action"] for row in call(stack, "GET", "/v1/audit?limit=2").json["audit"]]
    assert actions == ["config.rollback", "config.change"]


def test_a_new_app_plugin_and_binding_let_a_user_log_in(stack: Stack) -> None:
    """The steps of TSF's console, by a program."""
    first = etag_of(stack)
    shop = call(stack, "GET", "/v1/config/apps/shop").json
    assert shop["secret"] == "***"
    new = {"appid": "wx0000000000000005", "secret": "planted-appsecret-of-store-012345678"}
    assert stack.emulator.post_json("/emulator/wechat/apps", new).status == 200
    for path, body in (
        ("apps", {**shop, "name": "store", **new}),
        ("groups", {"name": "new", "prefix": "/new", "upstream": "orders", "apis": [{"name": "all", "path": "/*"}]}),
        ("plugins", {"name": "store-login", "type": "WeChatMpLogin", "app": "store"}),
        ("bindings", {"bindings": [{"plugin": "store-login", "group": "new"}]}),
    ):
        done = call(stack, "POST", f"/v1/config/{path}", body, etag_of(stack))
        assert done.status == 200, done.raw
    until(lambda: stack.gateway("/new/orders").status == 401, SOON)
    login = stack.gateway("/new/login", ("js_code", stack.code("zhangsan", new["appid"])))
    assert login.status == 200, login.raw
    state = login.headers["user_session"]
    assert stack.gateway("/new/orders", ("user_session", state)).status == 200
    call(stack, "POST", f"/v1/revisions/{revision_of(first)}/activate", etag="*")
    until(lambda: stack.gateway("/new/orders").status == 404, SOON)
    for file in (stack.serve.log, *(path for path in stack.data_dir.rglob("*") if path.is_file())):
        assert new["secret"].encode() not in file.read_bytes(), file.name


def test_a_secret_that_is_kept_is_the_one_that_the_platform_gets(stack: Stack) -> None:
    before = etag_of(stack)
    shop = call(stack, "GET", "/v1/config/apps/shop").json
    done = call(stack, "PUT", "/v1/config/apps/shop", {**shop, "name": "mall-app", "description": "renamed"}, before)
    assert done.status == 200, done.raw
    assert stack.log_in("lisi")
    moved = {**shop, "name": "mall-app", "base_url": "http://127.0.0.1:9"}
    refused = call(stack, "PUT", "/v1/config/apps/mall-app", moved, done.headers["etag"])
    assert refused.status == 422
    assert refused.json["problems"][0]["at"] == "secret"
    assert call(stack, "PUT", "/v1/config/apps/mall-app", shop, done.headers["etag"]).status == 200


def test_what_envoy_refuses_is_told_and_the_old_one_runs_on(stack: Stack) -> None:
    """It validates here; only Envoy can know that the certificate is not there."""
    before = etag_of(stack)
    state = stack.log_in("zhangsan")
    tls = {"tls": {"certificate": "/nowhere/cert.pem", "key": "/nowhere/key.pem"}}
    refused = call(stack, "PUT", "/v1/config/listener", tls, before)
    assert refused.status == 422
    (problem,) = refused.json["problems"]
    assert f"revision {revision_of(before)} runs on" in problem["message"]
    assert etag_of(stack) == before
    assert stack.gateway("/mall/orders/1", ("user_session", state)).status == 200


@pytest.mark.parametrize("suffix", [".md", ".zh-CN.md"])
def test_every_call_of_a_node_is_on_some_page(stack: Stack, suffix: str) -> None:
    """Written as ``GET /v1/users``, or as a path of a table whose next column has the methods."""
    described = call(stack, "GET", "/v1/openapi.json").json["paths"]
    calls = {(path, method.upper()) for path, methods in described.items() for method in methods}
    assert {("/v1/users/{uid}/ban", "POST"), ("/v1/config", "PUT"), ("/v1/sessions", "GET")} <= calls
    pages = [
        page for page in (REPOSITORY / "docs").rglob("*.md") if page.name.endswith(".zh-CN.md") == (suffix != ".md")
    ]
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    said = {(path, method) for method, path in re.findall(r"`([A-Z]+) (/[^`?]+)[`?]", text)}
    for path, methods in re.findall(r"^\| `(/[^`]+)` \| ((?:`[A-Z]+` ?)+)\|", text, re.MULTILINE):
        said |= {(path, method) for method in re.findall("[A-Z]+", methods)}
    assert sorted(calls - said) == []


def test_what_is_changed_at_one_node_counts_at_the_other(nodes: Nodes) -> None:
    before = etag_of(nodes.one)
    assert etag_of(nodes.two) == before
    began = time.monotonic()
    assert call(nodes.one, "POST", "/v1/config/groups/mall/apis", API, before).status == 200
    until(lambda: is_open(nodes.one) and is_open(nodes.two), SOON)
    assert time.monotonic() - began < SOON
    assert call(nodes.two, "DELETE", "/v1/config/groups/mall/apis/sold", etag=before).status == 412
    assert call(nodes.two, "DELETE", "/v1/config/groups/mall/apis/sold", etag=etag_of(nodes.two)).status == 200
    until(lambda: not is_open(nodes.one) and not is_open(nodes.two), SOON)
