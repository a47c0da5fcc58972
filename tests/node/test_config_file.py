"""The document's file: what becomes of a change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from menshen.errors import ConfigInvalid, DatabaseUnavailable, MenshenError, RevisionMoved
from menshen.node import config_file
from menshen.node.config_file import ConfigFile

TEXT = "version: 1\n"


class Documents:
    """Fails as it is told to, one failure an application; keeps what was given to it."""

    def __init__(self, *failures: MenshenError) -> None:
        self.given: list[str] = []
        self._failures = list(failures)

    async def apply(self, text: str, **_: str) -> tuple[int, bool]:
        self.given.append(text)
        if self._failures:
            raise self._failures.pop(0)
        return len(self.given), True


class Running:
    """As much of a node as the file's follower sees."""

    revision = 1

    def __init__(self, documents: Documents) -> None:
        self.documents = documents
        self.activated: list[int] = []

    async def activate(self, number: int) -> None:
        self.activated.append(number)


def followed(path: Path, node: Running, enough: Callable[[list[MenshenError]], bool]) -> list[MenshenError]:
    """Follow until it is enough, and for many more looks; what was complained of."""
    complaints: list[MenshenError] = []

    async def main() -> None:
        file = ConfigFile(path, lambda error, _: complaints.append(error), lambda _: None)
        following = asyncio.create_task(file.follow(cast("Any", node)))
        while not enough(complaints):  # noqa: ASYNC110
            await asyncio.sleep(0)
        for _ in range(50):
            await asyncio.sleep(0)
        following.cancel()
        await asyncio.wait([following])

    asyncio.run(main())
    return complaints


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(config_file, "_LOOK_SECONDS", 0)
    (tmp_path / "menshen.yaml").write_text(TEXT)
    return tmp_path / "menshen.yaml"


@pytest.mark.parametrize("failure", [DatabaseUnavailable("OperationalError"), RevisionMoved()])
def test_a_change_that_could_not_be_written_down_is_tried_again_and_told_once(
    path: Path, failure: MenshenError
) -> None:
    documents = Documents(failure, failure, failure)
    node = Running(documents)
    assert followed(path, node, lambda _: node.activated != []) == [failure]
    assert (documents.given, node.activated) == ([TEXT] * 4, [4])


def test_a_document_that_does_not_hold_is_not_tried_again(path: Path) -> None:
    documents = Documents(ConfigInvalid([]))
    complaints = followed(path, Running(documents), bool)
    assert [type(each) for each in complaints] == [ConfigInvalid]
    assert documents.given == [TEXT]
