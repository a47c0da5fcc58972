"""The dry run over HTTP: the same answer and the same words as the command's, and nothing of the environment in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from menshen.config.loading import Loaded
from menshen.documents.documents import Documents
from menshen.documents.way import Question
from menshen.documents.way_words import lines_of
from menshen.envoy.dry_run import find_way
from menshen.storage.database import sqlite_url
from tests.documents.samples import full
from tests.web.admin_api.configuring import Editor, editing

GREY = {"name": "grey", "type": "Canary", "rules": [{"name": "some", "to": [{"version": "v2", "weight": 30}]}]}


def versioned() -> dict[str, Any]:
    """With a canary on orders, and an upstream whose address only the environment knows."""
    raw = full()
    raw["upstreams"][0] |= {"versions": [{"name": "v2", "endpoints": ["127.0.0.1:9002"]}]}
    raw["plugins"] += [
        GREY,
        {"name": "lifted", "type": "Tag", "tags": [{"in": "header", "name": "x-beta", "tag": "beta"}]},
    ]
    raw["bindings"] += [{"plugin": "grey", "group": "mall"}, {"plugin": "lifted", "group": "mall"}]
    return raw


@pytest.fixture
def where(tmp_path: Path) -> str:
    return sqlite_url(tmp_path)


async def active(documents: Documents) -> Loaded:
    revision = await documents.revisions.active()
    assert revision is not None
    return documents.load(revision)


def test_it_says_what_the_command_says(where: str) -> None:
    async def work(editor: Editor) -> None:
        await editor.done("PUT", "/v1/config", versioned())
        asked = {"path": "/mall/orders/7?x=1", "user": "u-1", "headers": {"X-Beta": "yes"}, "tags": {"no": "x"}}
        answer = await editor.call("POST", "/v1/dry-run", asked, role="viewer")
        assert answer.status == 200
        question = Question("/mall/orders/7?x=1", user="u-1", headers={"x-beta": "yes"}, tags={"no": "x"})
        said = find_way(await active(editor.documents), question)
        assert answer.body["words"] == lines_of(question, said, chinese=False)
        assert answer.body["words_zh"] == lines_of(question, said, chinese=True)
        told = answer.body["said"]
        assert (told["goes"], told["api"], told["ignored_tags"]) == ("upstream", "mall/order", ["no"])
        assert {"tag": "beta", "value": "yes", "untrusted": True} in told["tags"]
        assert [each["plugin"] for each in told["plugins"]] == ["shop-login", "grey", "lifted"]
        assert told["spans"] == [{"version": "v2", "from": 0, "to": 29}, {"version": "default", "from": 30, "to": 99}]
        assert (answer.body["draft"], answer.body["revision"]) == (False, 2)

    editing(where, work)


def test_a_draft_is_asked_and_not_stored(where: str) -> None:
    async def work(editor: Editor) -> None:
        await editor.done("PUT", "/v1/config", versioned())
        draft = {**GREY, "rules": [{"name": "all", "to": [{"version": "v2"}]}]}
        asked = {"path": "/mall/orders/7", "plugin": draft}
        answer = await editor.call("POST", "/v1/dry-run", asked, role="operator")
        assert (answer.status, answer.body["draft"], answer.body["said"]["version"]) == (200, True, "v2")
        assert (await editor.get("/v1/config/plugins/grey"))["rules"] == GREY["rules"]
        whole = await editor.call("POST", "/v1/dry-run", {"path": "/mall/login", "document": {"version": 1}})
        assert whole.body["said"]["refusal"]["reason"] == "no_such_route"
        assert (await editor.call("POST", "/v1/dry-run", asked, role="viewer")).status == 403
        both = {**asked, "document": {"version": 1}}
        assert (await editor.call("POST", "/v1/dry-run", both)).status == 400
        unsound = {"path": "/x", "plugin": {**GREY, "rules": [{"name": "all", "to": [{"version": "v9"}]}]}}
        answer = await editor.call("POST", "/v1/dry-run", unsound)
        assert (answer.status, answer.paths[0][1]) == (422, "rules[0].to[0].version")
        assert (await editor.get("/v1/revisions"))["revisions"][0]["id"] == 2

    editing(where, work)


def test_a_draft_lends_nothing_of_the_environment(where: str) -> None:
    async def work(editor: Editor) -> None:
        lent = full()
        lent["upstreams"] = [{"name": "orders", "endpoints": ["${SECRET}:9001"]}]
        lent["groups"][0]["apis"].append({"name": "lent", "path": "/${SECRET}"})
        answer = await editor.call("POST", "/v1/dry-run", {"path": "/mall/login", "document": lent}, role="operator")
        assert answer.status == 422
        answer = await editor.call("POST", "/v1/dry-run", {"path": "/mall/login", "document": lent}, role="owner")
        assert answer.status == 200
        assert answer.body["said"]["endpoints"] == {"default": ["${SECRET}:9001"]}
        assert "goes to: orders, version default: ${SECRET}:9001" in answer.body["words"]

    editing(where, work)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"path": 1},
        {"path": "/x" * 5000},
        {"path": "/", "method": "get"},
        {"path": "/", "method": "G\r\nX"},
        {"path": "/", "tags": {str(n): "" for n in range(65)}},
        {"path": "/", "who": "x"},
    ],
)
def test_what_is_no_question_is_refused(body: dict[str, Any], where: str) -> None:
    async def work(editor: Editor) -> None:
        assert (await editor.call("POST", "/v1/dry-run", body)).status == 400

    editing(where, work)


@pytest.mark.parametrize("path", ["", "x", "/\x00", "//", "/%", "/😀", "/a\r\nb", "?", "/" * 8000])
def test_any_path_has_an_answer(path: str, where: str) -> None:
    async def work(editor: Editor) -> None:
        answer = await editor.call("POST", "/v1/dry-run", {"path": path, "headers": {"": "\n", "Cookie": ";;=;"}})
        assert (answer.status, answer.body["said"]["goes"]) == (200, "nowhere")

    editing(where, work)
