"""Canaries at the console: rules in words, weights as one revision a save, and the dry run before that."""

from __future__ import annotations

from typing import Any

import pytest

from menshen.documents.configuration import ANY
from menshen.documents.editing import replace_document
from menshen.documents.parts import part_at
from menshen.documents.way import Question
from menshen.documents.way_words import lines_of
from menshen.envoy.dry_run import find_way
from menshen.operators.roles import Role
from tests.documents.samples import full
from tests.web.console.test_revisions import Rolling, rolling

RULES = [
    {
        "name": "testers",
        "priority": 1,
        "relation": "OR",
        "when": [
            {"tag": "channel", "values": ["<b>beta</b>"]},
            {"tag": "city", "op": "IN", "values": ["北京", "上海"]},
        ],
        "to": [{"version": "v2"}],
    },
    {"name": "some", "priority": 0, "to": [{"version": "v2", "weight": 30}]},
    {"name": "later", "enabled": False, "to": [{"version": "v2", "weight": 5}]},
]
WEIGHTS = {"weights": "1", "weight-0-0": "100", "on-0": "on", "weight-1-0": "30", "on-1": "on", "weight-2-0": "5"}


def greyed() -> dict[str, Any]:
    raw = full()
    raw["upstreams"][0] |= {"versions": [{"name": "v2", "endpoints": ["127.0.0.1:9002"]}]}
    raw["plugins"] += [
        {"name": "grey", "type": "Canary", "description": "orders v2", "rules": RULES},
        {"name": "idle", "type": "Canary", "rules": [{"name": "all", "to": [{"version": "v2"}]}]},
        {
            "name": "lifted",
            "type": "Tag",
            "tags": [{"in": "query", "name": "channel"}, {"in": "cookie", "name": "city"}],
        },
    ]
    raw["bindings"] += [{"plugin": "grey", "api": "mall/order"}, {"plugin": "lifted", "group": "mall"}]
    return raw


async def prepared(at: Rolling) -> None:
    await at.configuration.change(ANY, replace_document(greyed()), author="ann")


async def rules_of(at: Rolling) -> Any:
    return part_at((await at.configuration.current()).document, ("plugins", "grey"))["rules"]


def test_every_rule_is_said_in_words_with_its_weights(database_url: str) -> None:
    async def work(at: Rolling) -> None:
        assert "There is no canary yet" in (await at.ok("/console/canary")).words()
        await prepared(at)
        got = await at.ok("/console/canary")
        words = got.words()
        assert "If channel is &lt;b&gt;beta&lt;/b&gt; or city is one of 北京 上海 100 % → v2" in words
        assert "Every request 30 % → v2 70 % → default A user stays where he is." in words
        assert "1. some" in words
        assert "2. testers" in words
        assert "later Off" in words
        assert "Bound to mall/order" in words
        assert "Bound to nothing: it does nothing" in words
        assert '<rect x="0" y="0" width="30" height="8" class="s0"' in got.text
        assert '<rect x="30" y="0" width="70" height="8" class="rest"' in got.text
        assert "style=" not in got.text

    rolling(database_url, work)


def test_a_save_is_one_revision_and_changes_the_weights_alone(database_url: str) -> None:
    async def work(at: Rolling) -> None:
        await prepared(at)
        page = await at.ok("/console/canary/grey")
        etag = await at.etag()
        assert etag in page.text
        form = {**WEIGHTS, "etag": etag, "weight-1-0": "55", "on-2": "on", "comment": "more"}
        done = await at.browser.post("/console/canary/grey", form)
        assert (done.status, done.location) == (303, "/console/canary/grey")
        shown = await at.configuration.current()
        assert shown.head is not None
        assert (shown.revision, shown.head.author, shown.head.comment) == (3, "li", "more")
        some = {**RULES[1], "to": [{"version": "v2", "weight": 55}]}
        assert await rules_of(at) == [RULES[0], some, {**RULES[2], "enabled": True}]
        same = await at.browser.post("/console/canary/grey", {**form, "etag": shown.etag})
        assert same.status == 303
        assert (await at.configuration.current()).revision == 3

    rolling(database_url, work)


@pytest.mark.parametrize("weight", ["0", "101", "x", "-1", "9" * 30, "<b>"])
def test_a_weight_that_cannot_be_is_refused_with_its_place(weight: str, database_url: str) -> None:
    async def work(at: Rolling) -> None:
        await prepared(at)
        form = {**WEIGHTS, "etag": await at.etag(), "weight-1-0": weight}
        got = await at.browser.post("/console/canary/grey", form)
        assert got.status == 422
        assert "rules[1].to[0].weight" in got.text
        assert "<b>" not in got.text
        assert await rules_of(at) == RULES

    rolling(database_url, work)


def test_a_form_that_is_old_changes_nothing(database_url: str) -> None:
    async def work(at: Rolling) -> None:
        await prepared(at)
        etag = await at.etag()
        raw = greyed()
        del raw["plugins"][2]["description"]
        await at.configuration.change(ANY, replace_document(raw), author="bob")
        for sent in (etag, "", ANY):
            got = await at.browser.post("/console/canary/grey", {**WEIGHTS, "etag": sent, "weight-1-0": "55"})
            assert got.status == 409
            assert "Somebody changed the configuration meanwhile" in got.words()
        assert await rules_of(at) == RULES

    rolling(database_url, work)


ASK = {
    "ask-method": "GET",
    "ask-host": "localhost",
    "ask-path": "/mall/orders/7",
    "ask-query": "channel=alpha",
    "ask-user": "u-1",
    "ask-cookies": "city=北京\nnonsense\n",
    "ask-tags": "x=1",
}


def test_a_dry_run_has_the_words_of_the_command_in_both_languages(database_url: str) -> None:
    question = Question("/mall/orders/7?channel=alpha", tags={"x": "1"}, user="u-1", headers={"cookie": "city=北京"})

    async def work(at: Rolling) -> None:
        await prepared(at)
        active = await at.documents.revisions.active()
        assert active is not None
        said = find_way(at.documents.load(active), question)
        got = await at.browser.post("/console/canary", ASK)
        assert got.status == 200
        chinese = at.browser.language == "zh-CN"
        for line in lines_of(question, said, chinese=chinese):
            assert line.replace("&", "&amp;").replace('"', "&#34;").replace("'", "&#39;") in got.text
        part = await at.browser.post("/console/canary", ASK, hx_request="true")
        assert "<html" not in part.text
        assert "verdict" in part.text

    rolling(database_url, work)
    rolling(database_url, work, language="zh-CN")


def test_a_dry_run_counts_with_the_values_of_the_page_before_they_are_saved(database_url: str) -> None:
    async def work(at: Rolling) -> None:
        await prepared(at)
        asked = {**ASK, **WEIGHTS, "ask-user": "", "weight-1-0": "100"}
        got = await at.browser.post("/console/canary/grey/dry-run", asked, hx_request="true")
        assert "Version v2 of orders" in got.words()
        assert "With the values of this page, not saved" in got.words()
        off = {key: value for key, value in asked.items() if key != "on-1"}
        assert "Version v2" in (await at.browser.post("/console/canary/grey/dry-run", {**off, "weight-1-0": "30"})).text
        as_it_is = await at.browser.post("/console/canary/grey/dry-run", ASK, hx_request="true")
        assert "Revision 2" in as_it_is.words()
        wrong = await at.browser.post("/console/canary/grey/dry-run", {**asked, "weight-1-0": "x"}, hx_request="true")
        assert wrong.status == 422
        assert "rules[1].to[0].weight" in wrong.text
        assert await rules_of(at) == RULES
        assert (await at.configuration.current()).revision == 2

    rolling(database_url, work)


def test_nothing_that_is_asked_is_run_or_raises(database_url: str) -> None:
    async def work(at: Rolling) -> None:
        await prepared(at)
        hostile = "<script>alert(1)</script>\r\n\x00{{ 7*7 }}'\"&"
        for path in ("/console/canary", "/console/canary/grey/dry-run"):
            got = await at.browser.post(path, dict.fromkeys(ASK, hostile))
            assert got.status == 200, got.text
            assert "<script>alert" not in got.text
            assert "49" not in got.words().replace("4949", "")

    rolling(database_url, work)


def test_what_is_no_canary_has_no_page(database_url: str) -> None:
    async def work(at: Rolling) -> None:
        await prepared(at)
        for name in ("shop-login", "none", "%3Cb%3E"):
            assert (await at.browser.get(f"/console/canary/{name}")).status == 404
            assert (await at.browser.post(f"/console/canary/{name}", WEIGHTS)).status == 404
            assert (await at.browser.post(f"/console/canary/{name}/dry-run", ASK)).status == 404

    rolling(database_url, work)


def test_a_viewer_asks_of_what_runs_and_changes_nothing(database_url: str) -> None:
    async def work(at: Rolling) -> None:
        await prepared(at)
        page = await at.ok("/console/canary/grey")
        assert "Save as a new revision" not in page.words()
        assert (await at.browser.post("/console/canary/grey", {**WEIGHTS, "etag": await at.etag()})).status == 403
        asked = {**ASK, **WEIGHTS, "weight-1-0": "100", "ask-user": ""}
        got = await at.browser.post("/console/canary/grey/dry-run", asked, hx_request="true")
        assert "Revision 2" in got.words()

    rolling(database_url, work, role=Role.VIEWER)
