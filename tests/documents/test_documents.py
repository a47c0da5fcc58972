"""Documents as revisions: stored sealed, opened again, compared by content."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from menshen.documents.documents import SEALED_PREFIX, Documents
from menshen.errors import ConfigInvalid
from menshen.storage.revisions import Revisions
from menshen.storage.sealing import Sealer
from tests.storage.conftest import opened

DOCUMENT = """\
version: 1
apps:
  - {name: shop, platform: wechat, appid: wx1, secret: planted-app-secret-1}
  - {name: env, platform: wechat, appid: wx2, secret: "${SECRET}"}
"""


def with_documents(tmp_path: Path, work: Callable[[Documents], Awaitable[Any]], key: bytes = b"k" * 32) -> Any:
    async def main() -> Any:
        async with opened(tmp_path) as database:
            sealer = Sealer(key, "app-secret")
            return await work(Documents(Revisions(database), sealer, {"SECRET": "planted-from-env"}, lambda: 1000.0))

    return asyncio.run(main())


def test_a_literal_secret_is_stored_sealed_and_a_reference_as_written(tmp_path: Path) -> None:
    async def work(documents: Documents) -> str:
        await documents.apply(DOCUMENT, author="ann")
        active = await documents.revisions.active()
        assert active is not None
        loaded = documents.load(active)
        assert [app.secret.reveal() for app in loaded.snapshot.apps] == ["planted-app-secret-1", "planted-from-env"]
        return active.document

    stored = with_documents(tmp_path, work)
    assert "planted" not in stored
    assert SEALED_PREFIX in stored
    assert "${SECRET}" in stored


def test_the_same_document_again_is_no_new_revision(tmp_path: Path) -> None:
    async def work(documents: Documents) -> None:
        first, _ = await documents.apply(DOCUMENT, author="ann")
        active = await documents.revisions.active()
        assert active is not None
        assert (await documents.apply(DOCUMENT, author="bob"))[0] == first
        assert (await documents.apply(active.document, author="bob"))[0] == first, "its own export"
        assert (await documents.apply(DOCUMENT + "upstreams: []\n", author="bob"))[0] == first + 1

    with_documents(tmp_path, work)


def test_what_was_just_applied_is_run_without_being_read_again(tmp_path: Path) -> None:
    async def work(documents: Documents) -> None:
        number, loaded = await documents.apply(DOCUMENT, author="ann")
        assert documents.load(await documents.revisions.get(number)) is loaded
        again, changed = await documents.apply(DOCUMENT + "upstreams: []\ngroups: []\n", author="ann")
        assert documents.load(await documents.revisions.get(again)) is changed
        assert documents.load(await documents.revisions.get(number)).snapshot == loaded.snapshot

    with_documents(tmp_path, work)


def test_a_document_sealed_elsewhere_is_refused(tmp_path: Path) -> None:
    async def export(documents: Documents) -> str:
        await documents.apply(DOCUMENT, author="ann")
        active = await documents.revisions.active()
        return active.document if active else ""

    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    foreign = with_documents(tmp_path / "a", export)

    async def work(documents: Documents) -> None:
        with pytest.raises(ConfigInvalid, match="another data directory"):
            await documents.apply(foreign, author="ann")
        assert await documents.revisions.active() is None

    with_documents(tmp_path / "b", work, secrets.token_bytes(32))


def test_a_diff_shows_what_changed_and_no_secret(tmp_path: Path) -> None:
    async def work(documents: Documents) -> str:
        await documents.apply(DOCUMENT, author="ann")
        changed = DOCUMENT.replace("name: env", "name: renamed").replace("planted-app-secret-1", "planted-app-secret-2")
        number, _ = await documents.apply(changed, author="ann")
        return await documents.diff(number)

    diff = with_documents(tmp_path, work)
    assert "+- name: renamed" in diff.replace("+  -", "+-")
    assert "planted" not in diff
    assert SEALED_PREFIX not in diff
