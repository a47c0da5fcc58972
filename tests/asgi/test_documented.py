"""The application of the guide runs as it stands there, in both languages."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from menshen.config.plugins.registry import PARTS
from tests.asgi.in_process import serving
from tests.asgi.test_document import JUDGED
from tests.edge.processes import REPOSITORY

PAGES = ("docs/how-to/one-python-app.md", "docs/how-to/one-python-app.zh-CN.md")


def block(page: str, language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", (REPOSITORY / page).read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return found[1]


@pytest.mark.parametrize("page", PAGES)
def test_the_application_of_the_guide_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "menshen.yaml").write_text(block(page, "yaml"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHOP_APPSECRET", "any-secret-of-shop")
    names: dict[str, Any] = {}
    exec(block(page, "python"), names)

    async def run() -> None:
        async with serving(names["app"]) as server:
            assert (await server.ask("/mall/prices")).json == {"tea": 12}
            assert (await server.ask("/mall/orders/1")).refusal == (401, 4001, "session_missing")

    asyncio.run(run())


@pytest.mark.parametrize("page", PAGES)
def test_the_guide_names_every_type_that_is_refused(page: str) -> None:
    rows = [line for line in (REPOSITORY / page).read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    assert {kind for kind in PARTS if any(f"`{kind}`" in row for row in rows)} == set(PARTS) - set(JUDGED)
