"""Two editors, one document: on SQLite and PostgreSQL, with the audit log, and without a secret anywhere."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from typing import Any

import pytest

from menshen.config.yamltext import dump_document
from menshen.documents.configuration import ANY, Changed, Configuration
from menshen.documents.documents import EMPTY, Documents
from menshen.documents.editing import create, delete, replace, replace_document
from menshen.documents.masking import mask
from menshen.documents.parts import apis_of, part_at
from menshen.errors import (
    ChildFailed,
    ConfigInvalid,
    EditInvalid,
    NameTaken,
    PartUnknown,
    RevisionMoved,
    RevisionUnknown,
)
from menshen.storage.audit import list_audit
from tests.storage.conftest import opened

from .samples import CANARY, documents_of, full, with_configuration

STOCK = {"name": "stock", "endpoints": ["127.0.0.1:9002"]}


async def audit_of(documents: Documents) -> list[tuple[str, str, Any]]:
    async with documents.revisions.database.reading() as connection:
        rows = await list_audit(connection)
    return [(each.row.actor, each.row.action, dict(each.row.detail)) for each in rows]


def test_before_the_first_revision_the_document_is_empty_and_can_be_changed(database_url: str) -> None:
    async def main() -> None:
        async with opened(database_url) as database:
            configuration = Configuration(documents_of(database))
            shown = await configuration.current()
            assert (shown.revision, shown.document, shown.head) == (0, EMPTY, None)
            changed = await configuration.change(shown.etag, create(("upstreams",), STOCK), author="ann")
            assert (await configuration.current()).document == {"version": 1, "upstreams": [STOCK]}
            assert changed.changes[0].part == "upstreams/stock"
            with pytest.raises(RevisionMoved):
                await configuration.change(shown.etag, create(("upstreams",), STOCK), author="bob")

    asyncio.run(main())


def test_what_is_shown_holds_no_secret_and_can_be_given_back_as_it_is(database_url: str) -> None:
    async def work(configuration: Configuration, documents: Documents) -> None:
        shown = await configuration.current()
        assert shown.document == mask(full())
        again = await configuration.change(shown.etag, replace_document(shown.document), author="ann")
        assert (again.revision, again.etag, again.changes) == (shown.revision, shown.etag, ())
        active = await documents.revisions.active()
        assert active is not None
        assert documents.opened(active) == full()

    with_configuration(database_url, work)


def test_a_change_is_a_revision_with_author_comment_and_a_row_in_the_audit_log(database_url: str) -> None:
    ran: list[int] = []

    async def activate(number: int) -> None:
        ran.append(number)

    async def work(configuration: Configuration, documents: Documents) -> None:
        shown = await configuration.current()
        app = {**part_at(shown.document, ("apps", "shop")), "secret": f"{CANARY}-another", "description": "new"}
        done = await configuration.change(
            shown.etag, replace(("apps",), "shop", app), author="ann", comment="a new AppSecret"
        )
        assert ran == [done.revision]
        now = await configuration.current()
        assert (now.revision, now.etag) == (done.revision, done.etag) != (shown.revision, shown.etag)
        assert now.head is not None
        assert (now.head.author, now.head.comment) == ("ann", "a new AppSecret")
        rows = await audit_of(documents)
        assert rows[0] == ("ann", "config.change", {"revision": done.revision, "parts": ["apps/shop"], "more": 0})
        assert rows[1][:2] == ("file", "config.change")
        assert CANARY not in json.dumps([rows, asdict(done)])
        compared = await configuration.compare(done.revision)
        assert (compared.against, compared.changes) == (shown.revision, done.changes)
        assert "+  description: new" in compared.unified
        assert CANARY not in repr(compared)

    with_configuration(database_url, work, activate)


def test_of_two_editors_at_once_one_wins_and_the_other_is_told(database_url: str) -> None:
    async def work(configuration: Configuration, documents: Documents) -> None:
        other_node = Configuration(documents_of(documents.revisions.database))
        shown = await configuration.current()
        tries = [
            node.change(shown.etag, create(("upstreams",), {**STOCK, "name": f"u{number}"}), author="ann")
            for number, node in enumerate((configuration, other_node, configuration, other_node))
        ]
        done = await asyncio.gather(*tries, return_exceptions=True)
        assert sorted(type(each).__name__ for each in done) == [
            "Changed",
            "RevisionMoved",
            "RevisionMoved",
            "RevisionMoved",
        ]
        now = await configuration.current()
        assert len(now.document["upstreams"]) == 2
        assert len(await configuration.page(limit=10)) == 2
        assert len(await audit_of(documents)) == 2

    with_configuration(database_url, work)


def test_whoever_changes_it_another_way_meanwhile_is_not_undone(database_url: str) -> None:
    async def work(configuration: Configuration, documents: Documents) -> None:
        shown = await configuration.current()
        await documents.apply(dump_document({**full(), "tracing": {"sample": 1.0}}), author="file")
        with pytest.raises(RevisionMoved):
            await configuration.change(shown.etag, delete(("webhooks",), "crm"), author="ann")
        with pytest.raises(RevisionMoved):
            await configuration.rollback(shown.revision, author="ann", etag=shown.etag)
        assert "tracing" in (await configuration.current()).document
        await configuration.change(ANY, delete(("webhooks",), "crm"), author="ann")
        assert (await configuration.current()).document["webhooks"] == []

    with_configuration(database_url, work)


def test_what_does_not_validate_is_told_by_its_place_in_the_document_and_in_the_part(database_url: str) -> None:
    async def work(configuration: Configuration, documents: Documents) -> None:
        shown = await configuration.current()

        async def refused(edit: Any) -> list[tuple[str, str | None]]:
            with pytest.raises(EditInvalid) as caught:
                await configuration.change(shown.etag, edit, author="ann")
            with pytest.raises(EditInvalid):
                await configuration.check(edit)
            assert CANARY not in str(caught.value)
            assert all(problem.message and problem.message_zh for problem in caught.value.problems)
            return [(problem.path, caught.value.written_at(problem)) for problem in caught.value.problems]

        app = {"name": "new", "platform": "wechat", "appid": "wx 3", "secret": "***"}
        assert await refused(create(("apps",), app)) == [("apps[2].secret", "secret"), ("apps[2].appid", "appid")]
        assert await refused(replace(apis_of("partners"), "all", {"path": "no"})) == [
            ("groups[1].apis[0].path", "path")
        ]
        group = {"upstream": "nobody", "apis": [{"name": "x", "path": "y"}]}
        assert await refused(replace(("groups",), "mall", group)) == [
            ("groups[0].apis[0].path", "apis[0].path"),
            ("groups[0].upstream", "upstream"),
        ]
        assert await refused(delete(("plugins",), "shop-login")) == [("bindings[0].plugin", None)]
        assert await refused(replace_document({"version": 2})) == [("version", "version")]
        deep: Any = {}
        for _ in range(200):
            deep = {"x": deep}
        assert await refused(create(("apps",), deep)) == [("", None)]
        assert await refused(create(("apps",), {"name": "x" * 2**20})) == [("", None)]
        for edit, error in (
            (create(("apps",), {"name": "shop"}), NameTaken),
            (delete(("apps",), "nobody"), PartUnknown),
        ):
            with pytest.raises(error):
                await configuration.change(shown.etag, edit, author="ann")
        assert await configuration.current() == shown
        assert len(await audit_of(documents)) == 1

    with_configuration(database_url, work)


def test_a_check_stores_nothing(database_url: str) -> None:
    async def work(configuration: Configuration, documents: Documents) -> None:
        shown = await configuration.current()
        checked = await configuration.check(create(("upstreams",), STOCK))
        assert [change.part for change in checked.changes] == ["upstreams/stock"]
        assert await configuration.current() == shown
        assert len(await audit_of(documents)) == 1

    with_configuration(database_url, work)


def test_who_may_not_lend_the_environment_writes_no_new_reference(database_url: str) -> None:
    async def work(configuration: Configuration, documents: Documents) -> None:
        stolen = {**STOCK, "description": "${MENSHEN_MASTER_KEY}"}
        with pytest.raises(EditInvalid) as caught:
            await configuration.change(ANY, create(("upstreams",), stolen), author="bob", references=False)
        assert [problem.path for problem in caught.value.problems] == ["upstreams[1].description"]
        chat = {"platform": "qq", "appid": "110", "secret": "${SECRET}", "base_url": "https://his.example.com"}
        with pytest.raises(EditInvalid) as caught:
            await configuration.change(ANY, replace(("apps",), "chat", chat), author="bob", references=False)
        assert [problem.path for problem in caught.value.problems] == ["apps[1].secret"]
        await configuration.change(ANY, replace(("apps",), "chat", chat), author="owner")

    with_configuration(database_url, work)


def test_a_revision_that_envoy_refuses_is_told_and_no_value_of_the_environment_with_it(database_url: str) -> None:
    async def work(configuration: Configuration, documents: Documents) -> None:
        shown = await configuration.current()

        async def refuse(number: int) -> None:
            await documents.reactivate(shown.revision, author="menshen", expected=number)
            raise ChildFailed(f"Envoy refused it: bad value {CANARY}-of-the-environment")

        refusing = Configuration(documents, refuse)
        done = await refusing.change(shown.etag, create(("upstreams",), STOCK), author="ann")
        assert done.refused == "Envoy refused it: bad value ${SECRET}"
        assert (done.revision, done.etag) == (shown.revision, shown.etag)
        assert await configuration.current() == shown
        assert [row[:2] for row in await audit_of(documents)][:2] == [
            ("menshen", "config.rollback"),
            ("ann", "config.change"),
        ]

    with_configuration(database_url, work)


def test_an_older_revision_is_activated_again(database_url: str) -> None:
    async def work(configuration: Configuration, documents: Documents) -> None:
        first = await configuration.current()
        second = await configuration.change(first.etag, delete(("webhooks",), "crm"), author="ann")
        back = await configuration.rollback(first.revision, author="bob", etag=second.etag)
        assert (back.revision, back.etag) == (first.revision, first.etag)
        assert [(change.part, change.what) for change in back.changes] == [("webhooks/crm", "added")]
        assert (await audit_of(documents))[0] == (
            "bob",
            "config.rollback",
            {"revision": first.revision, "instead_of": second.revision},
        )
        again = await configuration.rollback(first.revision, author="bob")
        assert again == Changed(first.revision, first.etag)
        assert [head.id for head in await configuration.page(limit=1)] == [second.revision]
        assert [head.id for head in await configuration.page(limit=5, below=second.revision)] == [first.revision]
        assert (await configuration.revision(second.revision)).document["webhooks"] == []
        nothing = await configuration.compare(second.revision, 0)
        assert nothing.against == 0
        assert "apps/shop" in [change.part for change in nothing.changes]
        for unknown in (
            configuration.rollback(99, author="bob"),
            configuration.compare(99),
            configuration.compare(1, 99),
        ):
            with pytest.raises(RevisionUnknown):
                await unknown

    with_configuration(database_url, work)


def test_a_revision_that_was_sealed_elsewhere_is_shown_and_compared_but_not_run(database_url: str) -> None:
    async def work(configuration: Configuration, documents: Documents) -> None:
        first = await configuration.current()
        await configuration.change(first.etag, delete(("webhooks",), "crm"), author="ann")
        elsewhere = Configuration(documents_of(documents.revisions.database, b"x" * 32))
        assert (await elsewhere.current()).document == {**mask(full()), "webhooks": []}
        assert "sealed:v1" not in repr(await elsewhere.compare(first.revision + 1))
        with pytest.raises(ConfigInvalid, match="another data directory"):
            await elsewhere.rollback(first.revision, author="ann")

    with_configuration(database_url, work)


def test_a_file_with_the_mark_keeps_the_secret_that_is_there(database_url: str) -> None:
    async def work(configuration: Configuration, documents: Documents) -> None:
        shown = await configuration.current()
        text = dump_document(shown.document)
        assert await documents.apply(text, author="file") == (shown.revision, documents.load(await _active(documents)))
        assert await documents.is_last_of("file", text)
        with pytest.raises(ConfigInvalid, match=r"apps\[0\]\.secret: there is no secret here"):
            await documents.apply(text.replace("name: shop\n", "name: other\n", 1), author="file")

    with_configuration(database_url, work)


async def _active(documents: Documents) -> Any:
    active = await documents.revisions.active()
    assert active is not None
    return active
