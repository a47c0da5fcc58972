"""Revisions over HTTP: pages, documents, differences, the way back; and the plugin types."""

from __future__ import annotations

from pathlib import Path

import pytest

from menshen.config.plugins.registry import PARTS
from menshen.documents.masking import mask
from menshen.platforms.registry import PLATFORM_OF_PLUGIN
from menshen.storage.audit import list_audit
from menshen.storage.database import sqlite_url
from tests.documents.samples import full
from tests.web.admin_api.configuring import Editor, editing


@pytest.fixture
def where(tmp_path: Path) -> str:
    return sqlite_url(tmp_path)


def test_revisions_are_listed_compared_and_activated_again(where: str) -> None:
    async def work(editor: Editor) -> None:
        (first,) = (await editor.get("/v1/revisions"))["revisions"]
        assert (first["author"], first["active"]) == ("file", True)
        app = await editor.get("/v1/config/apps/shop")
        changed = {**app, "secret": "another-secret-that-nobody-sees", "description": "x"}
        await editor.done("PUT", "/v1/config/apps/shop?comment=rotated", changed, role="operator")
        listed = await editor.get("/v1/revisions?limit=1")
        (second,) = listed["revisions"]
        assert (second["author"], second["comment"], second["active"]) == ("the-operator", "rotated", True)
        assert listed["below"] == second["id"]
        (again,) = (await editor.get(f"/v1/revisions?below={listed['below']}"))["revisions"]
        assert again == {**first, "active": False}

        one = f"/v1/revisions/{second['id']}"
        compared = await editor.call("GET", f"{one}/changes")
        assert "another-secret" not in str(compared.body)
        assert compared.body["against"] == first["id"]
        assert compared.body["changes"] == [
            {
                "part": "apps/shop",
                "what": "changed",
                "keys": [
                    {"path": "secret", "what": "changed", "old": "***", "new": "***"},
                    {"path": "description", "what": "added", "old": None, "new": "x"},
                ],
            }
        ]
        assert "+  description: x" in compared.body["unified"]
        backwards = await editor.get(f"/v1/revisions/{first['id']}/changes?against={second['id']}")
        assert backwards["changes"][0]["keys"][1]["what"] == "removed"
        empty = await editor.get(f"/v1/revisions/{first['id']}/changes?against=0")
        assert {"part": "bindings/shop-login/mall", "what": "added", "keys": []} in empty["changes"]

        shown = await editor.get(f"/v1/revisions/{first['id']}")
        assert shown == {**first, "active": False, "document": mask(full())}
        etag = (await editor.call("GET", one)).etag
        assert (await editor.call("GET", one, headers={"if-none-match": etag})).status == 304

        back = f"/v1/revisions/{first['id']}/activate"
        assert (await editor.call("POST", back, etag="")).status == 428
        assert (await editor.call("POST", back, etag='"x"')).status == 412
        assert (await editor.call("POST", back, role="viewer")).status == 403
        assert await editor.done("POST", f"{back}?comment=too+slow") == [("apps/shop", "changed")]
        async with editor.documents.revisions.database.reading() as connection:
            (row, *_) = await list_audit(connection)
        assert (row.row.actor, row.row.action, row.row.detail["comment"]) == (
            "the-owner",
            "config.rollback",
            "too slow",
        )
        assert await editor.get("/v1/config") == mask(full())
        assert await editor.done("POST", back, etag="*") == []

    editing(where, work)


def test_revisions_that_are_not_there_are_not_found(where: str) -> None:
    async def work(editor: Editor) -> None:
        for number in ("99", "0", "9999999999", "99999999999", "-1", "x", "1.0"):
            one = f"/v1/revisions/{number}"
            for method, path in (("GET", one), ("GET", f"{one}/changes"), ("POST", f"{one}/activate")):
                assert (await editor.call(method, path)).status == 404, (method, path)
        assert (await editor.call("GET", "/v1/revisions/1/changes?against=99")).status == 404
        assert (await editor.call("GET", "/v1/revisions/1/changes?against=-1")).status == 400
        assert (await editor.get("/v1/revisions?below=1")) == {"revisions": [], "below": None}

    editing(where, work)


def test_every_plugin_type_is_listed_with_its_schema(where: str) -> None:
    async def work(editor: Editor) -> None:
        types = {each["type"]: each for each in (await editor.get("/v1/plugin-types"))["types"]}
        assert {*PLATFORM_OF_PLUGIN, *PARTS} <= types.keys()
        wechat = types["WeChatMpLogin"]
        assert (wechat["kind"], wechat["platform"], wechat["broken"]) == ("login", "wechat", "")
        assert wechat["schema"]["properties"]["type"] == {"const": "WeChatMpLogin", "type": "string"}
        assert wechat["schema"]["properties"]["code"] == {
            "$ref": "#/$defs/Code",
            "default": {"in": "header", "name": "js_code"},
        }
        assert types["KeyPair"]["schema"]["$defs"]["Key"]["properties"]["secret"]["format"] == "password"

    editing(where, work)


def test_the_openapi_document_knows_the_parts(where: str) -> None:
    async def work(editor: Editor) -> None:
        document = await editor.get("/v1/openapi.json")
        schemas = document["components"]["schemas"]
        referred = set(_references(document))
        assert referred
        assert {reference.rpartition("/")[2] for reference in referred} <= schemas.keys()
        put = document["paths"]["/v1/config/groups/{group}/apis/{name}"]["put"]
        assert {"404", "409", "412", "422", "428"} <= put["responses"].keys()
        body = put["requestBody"]["content"]["application/json"]["schema"]
        assert body == {"$ref": "#/components/schemas/ConfigApi"}
        assert schemas["ConfigApi"]["required"] == ["name", "path"]
        assert "If-Match" in [each["name"] for each in put["parameters"]]
        assert "application/yaml" in document["paths"]["/v1/config"]["get"]["responses"]["200"]["content"]

    editing(where, work)


def _references(value: object) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [each for item in value.values() for each in _references(item)]
    return [each for item in value for each in _references(item)] if isinstance(value, list) else []
