"""Upstreams, groups and APIs: published, changed and taken off in the console."""

from __future__ import annotations

from pathlib import Path

from menshen.documents.configuration import Configuration
from tests.web.console.browsing import Browser
from tests.web.console.configuring.stage import configuring, etag, fields_in, wrong_fields


def test_from_nothing_to_a_published_api(tmp_path: Path) -> None:
    async def work(browser: Browser, configuration: Configuration) -> None:
        for path in ("/console/apps", "/console/upstreams", "/console/groups", "/console/plugins"):
            assert "Nothing here yet" in (await browser.get(path)).words()
        path = "/console/upstreams/-/new"
        upstream = {"name": "orders", "endpoints": "127.0.0.1:9001\r\n\r\n[::1]:9002 "}
        health = {"health_check:on": "on", "health_check.path": "/healthz", "health_check.interval": "2.5"}
        got = await browser.post(path, fields_in(await browser.get(path)) | upstream | health)
        assert got.location == "/console/upstreams/orders?revision=1"
        path = "/console/groups/-/new"
        group = {"name": "mall", "prefix": "/mall", "upstream": "orders", "hosts": "shop.example.com"}
        assert (await browser.post(path, fields_in(await browser.get(path)) | group)).status == 303
        path = "/console/groups/mall/apis/-/new"
        fields = [*(fields_in(await browser.get(path)) | {"name": "order", "path": "/orders/{id}"}).items()]
        got = await browser.post(path, [*fields, ("methods", "GET"), ("methods", "POST")])
        assert got.location == "/console/groups/mall?revision=3"
        assert "/mall/orders/{id}" in (await browser.get(got.location)).words()
        assert (await configuration.current()).document == {
            "version": 1,
            "upstreams": [
                {
                    "name": "orders",
                    "endpoints": ["127.0.0.1:9001", "[::1]:9002"],
                    "health_check": {"path": "/healthz", "interval": 2.5},
                }
            ],
            "groups": [
                {
                    "name": "mall",
                    "hosts": ["shop.example.com"],
                    "prefix": "/mall",
                    "upstream": "orders",
                    "apis": [{"name": "order", "path": "/orders/{id}", "methods": ["GET", "POST"]}],
                }
            ],
        }

    configuring(tmp_path, work, document={})


def test_a_group_keeps_its_apis_and_its_bindings_follow_its_name(tmp_path: Path) -> None:
    async def work(browser: Browser, configuration: Configuration) -> None:
        fields = fields_in(await browser.get("/console/groups/mall/edit"))
        got = await browser.post("/console/groups/mall/edit", fields | {"name": "shop", "strip_prefix": "on"})
        assert got.location == "/console/groups/shop?revision=2"
        document = (await configuration.current()).document
        assert [api["name"] for api in document["groups"][0]["apis"]] == ["login", "order"]
        assert document["groups"][0]["strip_prefix"] is True
        assert document["bindings"][0] == {"plugin": "shop-login", "group": "shop"}

    configuring(tmp_path, work)


def test_an_api_is_changed_and_taken_off(tmp_path: Path) -> None:
    async def work(browser: Browser, configuration: Configuration) -> None:
        path = "/console/groups/mall/apis/order"
        page = await browser.get(path)
        assert "shop-login" in page.words()
        got = await browser.post(path, fields_in(page) | {"path": "orders"})
        assert (got.status, wrong_fields(got)) == (422, ["path"])
        assert (await browser.post(path, fields_in(page) | {"access": "public"})).status == 303
        gone = await browser.get(f"{path}/delete")
        got = await browser.post(f"{path}/delete", {"etag": etag(gone)})
        assert got.location == "/console/groups/mall?revision=3"
        assert [api["name"] for api in (await configuration.current()).document["groups"][0]["apis"]] == ["login"]
        for missing in (path, "/console/groups/none/apis/-/new", "/console/groups/none", "/console/groups/none/delete"):
            assert (await browser.get(missing)).status == 404

    configuring(tmp_path, work)


def test_a_group_that_goes_says_which_plugins_are_not_bound_any_more(tmp_path: Path) -> None:
    async def work(browser: Browser, configuration: Configuration) -> None:
        page = await browser.get("/console/groups/mall/delete")
        assert "These plugins will not be bound" in page.words()
        assert (await browser.post("/console/groups/mall/delete", {"etag": etag(page)})).status == 303
        assert [each["plugin"] for each in (await configuration.current()).document["bindings"]] == ["partner-keys"]

    configuring(tmp_path, work)


def test_what_changed_meanwhile_is_not_deleted_unseen(tmp_path: Path) -> None:
    async def work(browser: Browser, configuration: Configuration) -> None:
        page = await browser.get("/console/apps/chat/delete")
        fields = fields_in(await browser.get("/console/apps/chat"))
        await browser.post("/console/apps/chat", fields | {"description": "needed after all"})
        got = await browser.post("/console/apps/chat/delete", {"etag": etag(page)})
        assert got.status == 409
        assert "needed after all" in got.words()
        assert len((await configuration.current()).document["apps"]) == 2

    configuring(tmp_path, work)


def test_the_health_of_endpoints_is_told_and_asked_for_again(tmp_path: Path) -> None:
    async def work(browser: Browser, _: Configuration) -> None:
        page = await browser.get("/console/upstreams")
        assert "127.0.0.1:9001 failing" in page.words()
        assert "127.0.0.1:9002 healthy" in page.words()
        rows = await browser.get("/console/upstreams/-/health", hx_request="true")
        assert rows.text.lstrip().startswith('<tbody id="upstreams" hx-get="/console/upstreams/-/health"')
        assert "127.0.0.1:9001 failing" in rows.words()

    configuring(tmp_path, work, health={"orders": [("127.0.0.1:9001", False), ("127.0.0.1:9002", True)]})
