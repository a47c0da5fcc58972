"""Every part of the document over HTTP: made, read, replaced, renamed, deleted, and refused where it must be."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from menshen.config.yamltext import parse_yaml
from menshen.documents.masking import mask
from menshen.documents.parts import part_at
from menshen.errors import ChildFailed
from menshen.storage.database import sqlite_url
from tests.documents.samples import CANARY, full
from tests.web.admin_api.configuring import Editor, editing


@pytest.fixture
def where(tmp_path: Path) -> str:
    return sqlite_url(tmp_path)


APP = {"name": "new", "platform": "wechat", "appid": "wx9", "secret": f"{CANARY}-new"}
PARTS: list[tuple[str, str, dict[str, Any], dict[str, Any], list[tuple[str, str | None]]]] = [
    ("apps", "apps/new", APP, {"appid": "no id"}, [("apps[2].appid", "appid")]),
    (
        "upstreams",
        "upstreams/new",
        {"name": "new", "endpoints": ["127.0.0.1:9"]},
        {"endpoints": []},
        [("upstreams[1].endpoints", "endpoints")],
    ),
    (
        "groups",
        "groups/new",
        {"name": "new", "prefix": "/new", "upstream": "orders", "apis": [{"name": "all", "path": "/*"}]},
        {"apis": [{"name": "all", "path": "x"}]},
        [("groups[2].apis[0].path", "apis[0].path")],
    ),
    (
        "groups/mall/apis",
        "groups/mall/apis/new",
        {"name": "new", "path": "/new"},
        {"path": "/new", "methods": ["get"]},
        [("groups[0].apis[2].methods[0]", "methods[0]")],
    ),
    (
        "plugins",
        "plugins/new",
        {"name": "new", "type": "RateLimit", "limits": [{"by": "ip", "requests": 5}]},
        {"limits": [{"by": "ip", "requests": 0}]},
        [("plugins[2].limits[0].requests", "limits[0].requests")],
    ),
    (
        "webhooks",
        "webhooks/new",
        {"name": "new", "url": "https://team.example.com/x", "secret": f"{CANARY}-hook"},
        {"events": []},
        [("webhooks[1].events", "events")],
    ),
]
IDS = [each[0] for each in PARTS]


@pytest.mark.parametrize(("where_", "part", "body", "wrong", "problems"), PARTS, ids=IDS)
def test_a_part_is_made_read_replaced_renamed_and_deleted(
    where: str, where_: str, part: str, body: dict[str, Any], wrong: Any, problems: Any
) -> None:
    path, one = f"/v1/config/{where_}", f"/v1/config/{part}"
    shown = {**body, **({"secret": "***"} if "secret" in body else {})}

    async def work(editor: Editor) -> None:
        key = where_.rpartition("/")[2]
        before = (await editor.get(path))[key]
        assert (part, "added") in await editor.done("POST", path, body)
        assert await editor.get(one) == shown
        assert (await editor.get(path))[key] == [*before, shown]
        described = {**shown, "description": "x"} if key != "apis" else {**shown, "access": "public"}
        assert await editor.done("PUT", one, described) == [(part, "changed")]
        assert await editor.get(one) == described
        renamed = await editor.done("PUT", one, {**described, "name": "other"})
        assert {(part, "removed"), (part.replace("/new", "/other"), "added")} <= set(renamed)
        assert (await editor.call("GET", one)).status == 404
        assert (part.replace("/new", "/other"), "removed") in await editor.done("DELETE", f"{path}/other")
        assert (await editor.get(path))[key] == before
        active = await editor.documents.revisions.active()
        assert active is not None
        opened = editor.documents.opened(active)
        assert {key: value for key, value in opened.items() if value != []} == full(), "its secrets with it"

    editing(where, work)


@pytest.mark.parametrize(("where_", "part", "body", "wrong", "problems"), PARTS, ids=IDS)
def test_what_cannot_be_is_refused_with_the_status_and_the_place(
    where: str, where_: str, part: str, body: dict[str, Any], wrong: Any, problems: Any
) -> None:
    path, one = f"/v1/config/{where_}", f"/v1/config/{part}"

    async def work(editor: Editor) -> None:
        before = await editor.get("/v1/config")
        for method, to in (("PUT", one), ("DELETE", one), ("GET", one)):
            assert (await editor.call(method, to, body if method == "PUT" else None)).status == 404, method
        first = (await editor.get(path))[where_.rpartition("/")[2]][0]["name"]
        assert (await editor.call("POST", path, {**body, "name": first})).status == 409
        invalid = await editor.call("POST", path, {**body, **wrong})
        assert (invalid.status, invalid.paths) == (422, problems)
        assert all(each["message"] and each["message_zh"] for each in invalid.body["problems"])
        seen = editor.seen
        assert (await editor.call("POST", path, body, etag="")).status == 428
        assert (await editor.call("DELETE", f"{path}/{first}", etag="")).status == 428
        for other in ('"0-0123456789abcdef"', f"W/{seen}", "nonsense", seen.strip('"'), '""'):
            assert (await editor.call("POST", path, body, etag=other)).status == 412, other
        assert (await editor.call("POST", path, body, role="viewer")).status == 403
        assert (await editor.call("POST", path, body, role="nobody")).status == 401
        assert (await editor.call("POST", path, ["no", "object"])).status == 400
        dry = await editor.call("POST", f"{path}?dry_run=true", body, etag="")
        assert (dry.status, dry.body["changes"][0]["part"]) == (200, part)
        assert (await editor.call("POST", f"{path}?dry_run=true", {**body, **wrong}, etag="")).status == 422
        assert await editor.get("/v1/config") == before
        assert editor.seen == seen
        assert (await editor.call("POST", path, body, etag=f'"x", {seen}')).status == 200
        assert (await editor.call("POST", path, body, etag="*")).status == 409

    editing(where, work)


def test_the_etag_says_whether_there_is_anything_new(where: str) -> None:
    async def work(editor: Editor) -> None:
        seen = editor.seen
        for path in (
            "/v1/config",
            "/v1/config/apps",
            "/v1/config/apps/shop",
            "/v1/config/users",
            "/v1/config/bindings",
        ):
            for known in (seen, f'"x", W/{seen}', "*"):
                answer = await editor.call("GET", path, headers={"if-none-match": known})
                assert (answer.status, answer.body, answer.etag) == (304, "", seen), path
            assert (await editor.call("GET", path, headers={"if-none-match": '"x"'})).status == 200
        await editor.done("DELETE", "/v1/config/webhooks/crm")
        assert editor.seen != seen
        assert (await editor.call("GET", "/v1/config/apps", headers={"if-none-match": seen})).status == 200

    editing(where, work)


def test_the_whole_document_comes_as_yaml_too(where: str) -> None:
    async def work(editor: Editor) -> None:
        seen = editor.seen
        answer = await editor.call("GET", "/v1/config", headers={"accept": "application/yaml"})
        assert (answer.status, answer.media) == (200, "application/yaml")
        assert parse_yaml(answer.body).value == mask(full())
        assert answer.etag != seen
        again = await editor.call("GET", "/v1/config", headers={"accept": "text/yaml", "if-none-match": answer.etag})
        assert again.status == 304
        await editor.done("DELETE", "/v1/config/webhooks/crm", etag=answer.etag)

    editing(where, work)


def test_the_whole_document_is_replaced_and_keeps_its_secrets(where: str) -> None:
    async def work(editor: Editor) -> None:
        document = await editor.get("/v1/config")
        assert document == mask(full())
        assert await editor.done("PUT", "/v1/config", document) == []
        del document["webhooks"]
        document["apps"].reverse()
        assert set(await editor.done("PUT", "/v1/config", document)) == {
            ("webhooks/crm", "removed"),
            ("apps", "reordered"),
        }
        wrong = await editor.call("PUT", "/v1/config", {**document, "version": 2, "x": 1})
        assert sorted(wrong.paths) == [("version", "version"), ("x", "x")]
        active = await editor.documents.revisions.active()
        assert active is not None
        assert editor.documents.opened(active)["apps"] == full()["apps"][::-1]

    editing(where, work)


@pytest.mark.parametrize(
    ("section", "good", "wrong", "place"),
    [
        ("listener", {"trusted_hops": 1}, {"trusted_hops": -1}, "trusted_hops"),
        ("tracing", {"sample": 10.0}, {"sample": 101}, "sample"),
        ("users", {"avatar_kib": 64}, {"avatar_kib": 1}, "avatar_kib"),
    ],
)
def test_a_section_is_read_replaced_and_taken_away(where: str, section: str, good: Any, wrong: Any, place: str) -> None:
    path = f"/v1/config/{section}"

    async def work(editor: Editor) -> None:
        assert await editor.get(path) == mask(full()).get(section, {})
        assert [part for part, _ in await editor.done("PUT", path, good)] == [section]
        assert await editor.get(path) == good
        invalid = await editor.call("PUT", path, wrong)
        assert (invalid.status, invalid.paths) == (422, [(f"{section}.{place}", place)])
        assert (await editor.call("PUT", path, good, etag="")).status == 428
        assert (await editor.call("PUT", path, good, etag='"x"')).status == 412
        assert await editor.done("DELETE", path) == [(section, "removed")]
        assert await editor.get(path) == {}

    editing(where, work)


def test_references_follow_a_new_name(where: str) -> None:
    async def work(editor: Editor) -> None:
        app = await editor.get("/v1/config/apps/shop")
        await editor.done("PUT", "/v1/config/apps/shop", {**app, "name": "store"})
        assert (await editor.get("/v1/config/plugins/shop-login"))["app"] == "store"
        upstream = await editor.get("/v1/config/upstreams/orders")
        await editor.done("PUT", "/v1/config/upstreams/orders", {**upstream, "name": "backend"})
        group = await editor.get("/v1/config/groups/partners")
        assert group["upstream"] == "backend"
        await editor.done("PUT", "/v1/config/groups/partners", {"name": "b2b", "prefix": "/b2b", "upstream": "backend"})
        await editor.done("PUT", "/v1/config/groups/b2b/apis/all", {"name": "every", "path": "/*"})
        plugin = await editor.get("/v1/config/plugins/partner-keys")
        await editor.done("PUT", "/v1/config/plugins/partner-keys", {**plugin, "name": "b2b-keys"})
        assert (await editor.get("/v1/config/bindings"))["bindings"][1] == {"plugin": "b2b-keys", "api": "b2b/every"}
        active = await editor.documents.revisions.active()
        assert active is not None
        opened = editor.documents.opened(active)
        assert opened["plugins"][1]["keys"] == full()["plugins"][1]["keys"]
        assert opened["apps"][0]["secret"] == full()["apps"][0]["secret"]

    editing(where, work)


def test_one_plugin_is_bound_to_many_groups_and_apis_and_freed_again(where: str) -> None:
    async def work(editor: Editor) -> None:
        path, of_plugin = "/v1/config/bindings", "/v1/config/plugins/limit/bindings"
        await editor.done(
            "POST",
            "/v1/config/plugins",
            {"name": "limit", "type": "RateLimit", "limits": [{"by": "ip", "requests": 5}]},
        )
        many = [{"plugin": "limit", "group": "mall"}, {"plugin": "limit", "api": "partners/all"}]
        done = await editor.done("POST", path, {"bindings": many})
        assert done == [("bindings/limit/mall", "added"), ("bindings/limit/partners/all", "added")]
        assert await editor.get(of_plugin) == {"bindings": many}
        assert (await editor.get(path))["bindings"] == [*full()["bindings"], *many]
        assert await editor.done("POST", path, {"bindings": many}) == [], "bound already"
        await editor.done("PUT", of_plugin, {"bindings": [{"api": "mall/order"}, {"group": "mall"}]})
        assert await editor.get(of_plugin) == {"bindings": [many[0], {"plugin": "limit", "api": "mall/order"}]}
        wrong = await editor.call("PUT", of_plugin, {"bindings": [{"group": "mall"}, {"group": "nobody"}]})
        assert (wrong.status, wrong.paths) == (422, [("bindings[3].group", "[1].group")])
        assert await editor.done("DELETE", f"{path}?plugin=limit&group=mall") == [("bindings/limit/mall", "removed")]
        for gone, status in (
            ("plugin=limit&group=mall", 404),
            ("plugin=limit", 400),
            ("plugin=x&group=a&api=b/c", 400),
        ):
            assert (await editor.call("DELETE", f"{path}?{gone}")).status == status
        for method, to in (("GET", "nobody"), ("PUT", "nobody")):
            body = {"bindings": []} if method == "PUT" else None
            assert (await editor.call(method, f"/v1/config/plugins/{to}/bindings", body)).status == 404
        assert await editor.done("PUT", of_plugin, {"bindings": []}) == [("bindings/limit/mall/order", "removed")]

    editing(where, work)


def test_a_plugin_cannot_be_taken_away_under_its_bindings(where: str) -> None:
    """Its APIs would be open to everybody."""

    async def work(editor: Editor) -> None:
        refused = await editor.call("DELETE", "/v1/config/plugins/shop-login")
        assert (refused.status, refused.paths) == (422, [("bindings[0].plugin", None)])
        await editor.done("PUT", "/v1/config/plugins/shop-login/bindings", {"bindings": []})
        await editor.done("DELETE", "/v1/config/plugins/shop-login")

    editing(where, work)


SENT_ELSEWHERE = [
    ("apps/shop", {"base_url": "https://his.example.com"}, "secret"),
    ("apps/shop", {"appid": "wx2"}, "secret"),
    ("webhooks/crm", {"url": "https://his.example.com"}, "secret"),
    ("users", {"sms": {"url": "https://his.example.com"}}, "sms.secret"),
]


@pytest.mark.parametrize(("part", "change", "at"), SENT_ELSEWHERE)
def test_class_50_who_does_not_know_a_secret_cannot_have_it_sent_elsewhere(
    where: str, part: str, change: Any, at: str
) -> None:
    async def work(editor: Editor) -> None:
        path = f"/v1/config/{part}"
        shown = await editor.get(path)
        refused = await editor.call("PUT", path, {**shown, **change}, role="operator")
        assert refused.status == 422
        assert [each["at"] for each in refused.body["problems"]] == [at]
        assert "must be written again" in refused.body["problems"][0]["message"]
        for sealed in ("sealed:v1:AAAA", "sealed:v1:"):
            taken = await editor.call("PUT", "/v1/config/apps/shop", {**APP, "name": "shop", "secret": sealed})
            assert (taken.status, taken.paths) == (422, [("apps[0].secret", "secret")])

    editing(where, work)


def test_class_50_only_an_owner_lends_values_of_the_environment(where: str) -> None:
    async def work(editor: Editor) -> None:
        stolen = {**APP, "base_url": "https://his.example.com/${MENSHEN_MASTER_KEY}"}
        refused = await editor.call("POST", "/v1/config/apps", stolen, role="operator")
        assert (refused.status, refused.paths) == (422, [("apps[2].base_url", "base_url")])
        chat = await editor.get("/v1/config/apps/chat")
        assert chat["secret"] == "${SECRET}"
        assert await editor.done("PUT", "/v1/config/apps/chat", {**chat, "description": "x"}, role="operator")
        moved = await editor.call("PUT", "/v1/config/apps/chat", {**chat, "appid": "111"}, role="operator")
        assert (moved.status, moved.paths) == (422, [("apps[1].secret", "secret")])
        assert await editor.done("PUT", "/v1/config/apps/chat", {**chat, "appid": "111"})

    editing(where, work)


def test_of_two_editors_at_once_the_second_is_told(where: str) -> None:
    async def work(editor: Editor) -> None:
        seen = editor.seen
        await editor.done("DELETE", "/v1/config/webhooks/crm", etag=seen, role="operator")
        late = await editor.call("PUT", "/v1/config/listener", {"trusted_hops": 1}, etag=seen)
        assert late.status == 412
        assert await editor.get("/v1/config/listener") == {}

    editing(where, work)


def test_what_envoy_refuses_is_told_with_what_runs_on(where: str) -> None:
    first: list[int] = []

    async def activate(number: int) -> None:
        await editors[0].documents.reactivate(first[0], author="menshen", expected=number)
        raise ChildFailed("lds: no such filter")

    editors: list[Editor] = []

    async def work(editor: Editor) -> None:
        editors.append(editor)
        first.append((await editor.configuration.current()).revision)
        refused = await editor.call("PUT", "/v1/config/listener", {"trusted_hops": 1})
        assert refused.status == 422
        (problem,) = refused.body["problems"]
        assert problem["message"] == f"Envoy refused it, revision {first[0]} runs on: lds: no such filter"
        assert str(first[0]) in problem["message_zh"]
        assert await editor.get("/v1/config") == mask(full())

    editing(where, work, activate)


def test_hostile_bodies_and_names_are_refused_and_never_break(where: str) -> None:
    async def work(editor: Editor) -> None:
        deep: Any = {}
        for _ in range(300):
            deep = {"x": deep}
        for body in (deep, {"name": {}}, {"name": None}, {"name": "a\0b"}, {"keys": [{"id": []}]}, {"apis": 3}):
            for path in ("apps", "groups", "plugins", "groups/mall/apis", "webhooks"):
                answer = await editor.call("POST", f"/v1/config/{path}", body)
                assert answer.status == 422, (path, body)
        for body in (deep, {"apps": 3}, {"plugins": [[]]}, {"bindings": [3]}, {"groups": [{"apis": [None]}]}):
            assert (await editor.call("PUT", "/v1/config", body)).status == 422
        assert (await editor.call("POST", "/v1/config/bindings", {"bindings": [{}, deep]})).status == 422
        assert (await editor.call("GET", "/v1/config/apps/" + "x" * 201)).status == 400
        assert (await editor.call("PUT", "/v1/config/listener?comment=%00", {})).status == 400
        large, headers = io.BytesIO(b'{"x": "' + b"y" * 2**20), {"authorization": "Bearer owner", "if-match": "*"}
        async with editor.session.put(f"{editor.origin}/v1/config", data=large, headers=headers) as answer:
            assert answer.status == 413

    editing(where, work)


def test_the_sample_has_a_secret_in_each_place() -> None:
    assert part_at(full(), ("apps", "shop"))["secret"].startswith(CANARY)
