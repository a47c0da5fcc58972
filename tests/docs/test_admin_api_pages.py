"""The pages of the admin API list the calls that are served, and their programs work."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from menshen.documents.configuration import Configuration
from menshen.node.operating import configuration_endpoints
from menshen.storage.database import sqlite_url
from tests.docs.test_docs import blocks, text
from tests.documents.samples import documents_of
from tests.storage.conftest import opened
from tests.web.admin_api.configuring import Editor, editing

HOW_TO = ["docs/how-to/configure-from-a-program.md", "docs/how-to/configure-from-a-program.zh-CN.md"]


@pytest.mark.parametrize("page", ["docs/reference/admin-api.md", "docs/reference/admin-api.zh-CN.md"])
def test_every_call_of_the_configuration_is_documented(page: str, tmp_path: Path) -> None:
    async def served() -> set[tuple[str, str]]:
        async with opened(tmp_path) as database:
            endpoints = configuration_endpoints(Configuration(documents_of(database)))
            return {(endpoint.path, endpoint.method) for endpoint in endpoints}

    rows = re.findall(r"^\| `(/v1/[^`]+)` \| ((?:`[A-Z]+` ?)+)\|", text(page), re.MULTILINE)
    assert {(path, method) for path, methods in rows for method in re.findall("[A-Z]+", methods)} == asyncio.run(
        served()
    )


@pytest.mark.parametrize("page", HOW_TO)
def test_the_program_changes_a_part_and_begins_again_when_somebody_was_quicker(page: str, tmp_path: Path) -> None:
    (code,) = blocks(page, "python")
    (use,) = blocks(page, "text")
    names: dict[str, Any] = {}
    exec(compile(code, page, "exec"), names)

    async def work(editor: Editor) -> None:
        seen: list[Any] = []
        loop = asyncio.get_running_loop()
        quicker = {"name": "orders", "endpoints": ["127.0.0.1:9001"], "max_requests": 7}

        def edit(part: dict[str, Any]) -> dict[str, Any]:
            seen.append(part)
            if len(seen) == 1:
                done = editor.call("PUT", "/v1/config/upstreams/orders", quicker)
                assert asyncio.run_coroutine_threadsafe(done, loop).result(60).status == 200
            return {**part, "timeout": 3.0}

        url = f"{editor.origin}/v1/config/upstreams/orders"
        changes = await asyncio.to_thread(names["change"], url, "owner", edit)
        assert [(each["part"], each["keys"][0]["path"]) for each in changes] == [("upstreams/orders", "timeout")]
        assert len(seen) == 2
        assert await editor.get("/v1/config/upstreams/orders") == {**quicker, "timeout": 3.0}
        await asyncio.to_thread(eval, use, {**names, "admin": editor.origin, "token": "owner"})
        assert (await editor.get("/v1/config/upstreams/orders"))["endpoints"] == ["10.0.0.7:9001"]

    editing(sqlite_url(tmp_path), work)


@pytest.mark.parametrize("page", ["docs/reference/admin-api.md", "docs/reference/admin-api.zh-CN.md"])
def test_the_commands_read_and_write_with_an_etag(page: str, tmp_path: Path) -> None:
    (script,) = blocks(page, "sh")
    (tmp_path / "menshen-data").mkdir()
    (tmp_path / "menshen-data/admin.token").write_text("owner\n")

    async def work(editor: Editor) -> None:
        ran = await asyncio.create_subprocess_exec(
            "sh",
            "-euc",
            script.replace("http://127.0.0.1:8081", editor.origin),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        said, wrong = await asyncio.wait_for(ran.communicate(), 180)
        assert (ran.returncode, wrong) == (0, b"")
        assert b'"changes":[]' in said

    editing(sqlite_url(tmp_path), work)
