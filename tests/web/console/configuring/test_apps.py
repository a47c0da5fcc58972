"""An app is made, changed and taken away in the console; its AppSecret goes in and never comes out."""

from __future__ import annotations

import re
from pathlib import Path

from menshen.documents.configuration import Configuration
from menshen.errors import ChildFailed
from menshen.operators.roles import Role
from tests.documents.samples import CANARY, full
from tests.platforms.api_security import SYMMETRIC_KEY, certificate_text
from tests.platforms.app_keys import private_text, public_text
from tests.web.console.browsing import Browser
from tests.web.console.configuring.stage import configuring, etag, fields_in, wrong_fields


def test_the_list_tells_of_apps_and_of_who_uses_them(tmp_path: Path) -> None:
    async def work(browser: Browser, _: Configuration) -> None:
        page = await browser.get("/console/apps")
        words = page.words()
        assert "shop" in words
        assert "shop-login" in words
        assert "${SECRET}" in words
        assert CANARY not in page.text
        chinese = await browser.get("/console/apps", accept_language="zh-CN")
        assert "新建应用" in chinese.words()

    configuring(tmp_path, work)


def test_an_app_is_made_with_a_comment_and_its_revision_is_told(tmp_path: Path) -> None:
    async def work(browser: Browser, configuration: Configuration) -> None:
        form = await browser.get("/console/apps/-/new")
        fields = {
            "etag": etag(form),
            "name": "cafe",
            "platform": "wechat",
            "appid": "wx2",
            "secret": f"{CANARY}-of-the-cafe",
            "comment": "the café",
        }
        got = await browser.post("/console/apps/-/new", fields)
        assert (got.status, got.location) == (303, "/console/apps/cafe?revision=2")
        page = await browser.get(got.location)
        assert "Revision 2 runs now" in page.words()
        assert 'href="/console/revisions/2"' in page.text
        assert CANARY not in page.text
        now = await configuration.current()
        assert now.document["apps"][-1] == {"name": "cafe", "platform": "wechat", "appid": "wx2", "secret": "***"}
        assert now.head is not None
        assert (now.head.author, now.head.comment) == ("li", "the café")

    configuring(tmp_path, work)


def test_problems_are_at_their_fields_in_the_visitors_language_and_the_form_is_kept(tmp_path: Path) -> None:
    async def work(browser: Browser, configuration: Configuration) -> None:
        fields = {
            "etag": etag(await browser.get("/console/apps/-/new")),
            "name": "Café",
            "platform": "wechat",
            "appid": "wx 2",
            "secret": CANARY,
            "base_url": "ftp://x",
        }
        got = await browser.post("/console/apps/-/new", fields, accept_language="zh-CN")
        assert got.status == 422
        assert wrong_fields(got) == ["name", "appid", "base_url"]
        assert "只能包含小写字母" in got.words()
        assert fields_in(got) | {"secret": ""} == fields_in(got)
        assert fields_in(got)["appid"] == "wx 2"
        assert CANARY not in got.text
        assert got.text.count("autofocus") == 1
        assert (await configuration.current()).revision == 1

    configuring(tmp_path, work)


def test_a_secret_that_is_left_empty_is_kept_and_does_not_go_elsewhere(tmp_path: Path) -> None:
    async def work(browser: Browser, configuration: Configuration) -> None:
        fields = fields_in(await browser.get("/console/apps/shop"))
        assert fields["secret"] == ""
        got = await browser.post("/console/apps/shop", fields | {"description": "a\r\nshop"})
        assert got.location == "/console/apps/shop?revision=2"
        compared = await configuration.compare(2)
        assert [(key.path, key.new) for key in compared.changes[0].keys] == [("description", "a\nshop")]
        fields = fields_in(await browser.get("/console/apps/shop"))
        moved = await browser.post("/console/apps/shop", fields | {"base_url": "https://his.example"})
        assert moved.status == 422
        assert wrong_fields(moved) == ["secret"]

    configuring(tmp_path, work)


def test_keys_of_api_security_go_in_and_never_come_out(tmp_path: Path) -> None:
    certificate = certificate_text("platform").replace("\n", "")  # as a field of one line has it

    async def work(browser: Browser, configuration: Configuration) -> None:
        path = "/console/apps/shop"
        typed = {
            "api_security:on": "on",
            "api_security.symmetric_key": SYMMETRIC_KEY,
            "api_security.symmetric_key_sn": "5f" * 16,
            "api_security.private_key": private_text("app"),
            "api_security.platform_certificate": certificate,
        }
        short = await browser.post(path, fields_in(await browser.get(path)) | typed)
        assert (short.status, wrong_fields(short)) == (422, ["api_security.platform_certificate_sn"])
        typed |= {"api_security.platform_certificate_sn": "79" * 16}
        got = await browser.post(path, fields_in(short) | typed)
        assert got.location == "/console/apps/shop?revision=2", got.text
        page = await browser.get(path)
        for secret in (SYMMETRIC_KEY, private_text("app")):
            assert secret not in short.text + page.text
        kept = await browser.post(path, fields_in(page) | {"description": "kept"})
        assert kept.location == "/console/apps/shop?revision=3", kept.text
        assert (await configuration.current()).document["apps"][0]["api_security"] == {
            "symmetric_key": "***",
            "symmetric_key_sn": "5f" * 16,
            "private_key": "***",
            "platform_certificate": certificate,
            "platform_certificate_sn": "79" * 16,
        }
        fields = fields_in(await browser.get(path)) | {"base_url": "https://his.example", "secret": "written-again"}
        moved = await browser.post(path, fields)
        assert (moved.status, wrong_fields(moved)) == (
            422,
            ["api_security.symmetric_key", "api_security.private_key"],
        )

    configuring(tmp_path, work)


def test_an_app_that_is_used_does_not_go_and_says_by_whom(tmp_path: Path) -> None:
    async def work(browser: Browser, configuration: Configuration) -> None:
        page = await browser.get("/console/apps/shop/delete")
        assert "shop-login" in page.words()
        got = await browser.post("/console/apps/shop/delete", {"etag": etag(page)})
        assert got.status == 422
        page = await browser.get("/console/apps/chat/delete")
        got = await browser.post("/console/apps/chat/delete", {"etag": etag(page), "comment": "closed"})
        assert got.location == "/console/apps?revision=2"
        assert [each["name"] for each in (await configuration.current()).document["apps"]] == ["shop"]
        assert (await browser.get("/console/apps/chat")).status == 404

    configuring(tmp_path, work)


def test_a_viewer_sees_and_changes_nothing(tmp_path: Path) -> None:
    async def work(browser: Browser, configuration: Configuration) -> None:
        page = await browser.get("/console/apps/shop")
        assert page.status == 200
        assert "Save" not in page.words().replace("Saved", "").split()[-40:]
        assert (await browser.get("/console/apps/-/new")).status == 403
        for path in ("/console/apps/shop", "/console/apps/-/new", "/console/apps/chat/delete"):
            assert (await browser.post(path, {"etag": etag(page)})).status == 403
        assert (await configuration.current()).revision == 1

    configuring(tmp_path, work, role=Role.VIEWER)


def test_a_change_meanwhile_is_shown_with_both_and_nothing_is_overwritten(tmp_path: Path) -> None:
    async def work(browser: Browser, configuration: Configuration) -> None:
        mine = fields_in(await browser.get("/console/apps/shop"))
        theirs = fields_in(await browser.get("/console/apps/shop"))
        await browser.post("/console/apps/shop", theirs | {"description": "their words", "comment": "why they did"})
        got = await browser.post("/console/apps/shop", mine | {"description": "my words"})
        assert got.status == 409
        for told in ("Changed meanwhile by li", "why they did", "their words", "my words"):
            assert told in got.words()
        assert (await configuration.current()).document["apps"][0]["description"] == "their words"
        again = await browser.post("/console/apps/shop", fields_in(got))
        assert again.location == "/console/apps/shop?revision=3"
        assert (await configuration.current()).document["apps"][0]["description"] == "my words"

    configuring(tmp_path, work)


def test_a_change_of_something_else_is_in_nobodys_way(tmp_path: Path) -> None:
    async def work(browser: Browser, configuration: Configuration) -> None:
        mine = fields_in(await browser.get("/console/apps/shop"))
        theirs = fields_in(await browser.get("/console/upstreams/orders"))
        assert (await browser.post("/console/upstreams/orders", theirs | {"timeout": "3"})).status == 303
        assert (await browser.post("/console/apps/shop", mine | {"description": "x"})).status == 303
        document = (await configuration.current()).document
        assert (document["upstreams"][0]["timeout"], document["apps"][0]["description"]) == (3, "x")

    configuring(tmp_path, work)


def test_what_envoy_does_not_run_is_told_and_the_form_kept(tmp_path: Path) -> None:
    async def activate(number: int) -> None:
        if number > 1:
            raise ChildFailed("envoy says no")

    async def work(browser: Browser, _: Configuration) -> None:
        fields = fields_in(await browser.get("/console/apps/shop"))
        got = await browser.post("/console/apps/shop", fields | {"description": "x"})
        assert got.status == 422
        assert "envoy says no" in got.words()
        assert fields_in(got)["description"] == "x"

    configuring(tmp_path, work, activate=activate)


def test_an_app_is_spoken_of_in_its_platforms_words(tmp_path: Path) -> None:
    """Alipay's has a private key and no AppSecret, Baidu's an App Key and no AppID."""
    document = full()
    document["apps"] += [
        {
            "name": "tickets",
            "platform": "alipay",
            "appid": "2021000000000001",
            "secret": private_text("app"),
            "platform_key": public_text("platform"),
        },
        {"name": "news", "platform": "baidu", "appid": "k1", "secret": "a-secret-of-baidus"},
    ]

    async def work(browser: Browser, _: Configuration) -> None:
        listed = (await browser.get("/console/apps")).words()
        assert "Alipay 2021000000000001 Private key" in listed
        assert "Baidu k1 App Secret" in listed
        chinese = (await browser.get("/console/apps", accept_language="zh-CN")).words()
        assert "支付宝 2021000000000001 应用私钥" in chinese
        labels = re.compile(r"<label[^>]*>\s*([^<]*)")
        for name, locale, told in (
            ("tickets", "en", {"AppID", "Private key"}),
            ("tickets", "zh-CN", {"AppID", "应用私钥"}),
            ("news", "en", {"App Key", "App Secret"}),
            ("shop", "en", {"AppID", "AppSecret"}),
            ("shop", "zh-CN", {"APPID", "APPSECRET"}),
        ):
            page = await browser.get(f"/console/apps/{name}", accept_language=locale)
            found = {each.strip() for each in labels.findall(page.text)}
            assert told <= found, (name, locale, found)
        # A form that comes back is of the platform that was chosen in it.
        form = await browser.get("/console/apps/-/new")
        back = await browser.post("/console/apps/-/new", {"etag": etag(form), "platform": "alipay", "name": "x"})
        assert back.status == 422
        assert "Private key" in {each.strip() for each in labels.findall(back.text)}

    configuring(tmp_path, work, document=document)
