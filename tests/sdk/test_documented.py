"""The how-to's pages run as they stand there, in both languages, against a running gateway."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.edge.conftest import Stack
from tests.edge.processes import REPOSITORY
from tests.sdk.gateway import Phone
from tests.users.image_samples import png

PAGES = sorted((REPOSITORY / "docs" / "how-to").glob("mini-program-sdk*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_pages_of_the_how_to_work(stack: Stack, tmp_path: Path, page: Path) -> None:
    picture = tmp_path / "tmp_avatar.png"
    picture.write_bytes(png())
    user = f"documented-{PAGES.index(page)}"
    found = Phone(stack, user).runs(
        "documented",
        page=str(page),
        phone=f"1380000005{PAGES.index(page)}",
        call=[
            ["onLoad", None],
            ["onPhone", "$phone"],
            ["onAvatar", {"avatarUrl": str(picture)}],
            ["onNickname", {"value": "李四"}],
        ],
        file=str(picture),
        listen=True,
    )
    data = found["data"]
    assert data["error"] == ""
    assert data["orders"]["path"] == "/mall/orders"
    assert data["phone"].startswith("138****")
    assert data["nickname"] == "李四"
    assert data["avatar"].startswith(stack.gateway.origin)
    assert data["heard"].startswith("[[")
    assert found["uploaded"]["statusCode"] == 200


def test_there_are_two_languages() -> None:
    assert [page.name for page in PAGES] == ["mini-program-sdk.md", "mini-program-sdk.zh-CN.md"]
