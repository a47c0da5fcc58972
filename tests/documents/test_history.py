"""What happened: the parts of each revision, ways back with their reasons, and what could not run."""

from __future__ import annotations

from menshen.documents.configuration import ANY, Configuration
from menshen.documents.documents import Documents
from menshen.documents.editing import create, delete
from menshen.documents.history import History

from .samples import with_configuration


def test_revisions_have_the_parts_that_they_changed_page_by_page(database_url: str) -> None:
    async def work(configuration: Configuration, documents: Documents) -> None:
        stock = {"name": "stock", "endpoints": ["127.0.0.1:9002"]}
        await configuration.change(ANY, create(("upstreams",), stock), author="ann", comment="for stock")
        await configuration.change(ANY, delete(("upstreams",), "stock"), author="bob")
        history = History(documents.revisions)
        third, second = await history.page(limit=2)
        assert (third.head.author, third.parts, second.parts) == ("bob", ("upstreams/stock",), ("upstreams/stock",))
        assert second.head.comment == "for stock"
        (first,) = await history.page(limit=2, below=second.head.id)
        assert first.parts is not None
        assert {"apps/shop", "groups/mall"} <= set(first.parts)
        assert await history.page(limit=2, below=first.head.id) == []

    with_configuration(database_url, work)


def test_a_way_back_has_its_reason_and_a_refusal_its_own(database_url: str) -> None:
    async def work(configuration: Configuration, documents: Documents) -> None:
        stock = {"name": "stock", "endpoints": ["127.0.0.1:9002"]}
        await configuration.change(ANY, create(("upstreams",), stock), author="ann")
        await configuration.rollback(1, author="bob", comment="ann was wrong")
        history = History(documents.revisions)
        newest = (await history.events(limit=1))[0]
        assert (newest.actor, newest.revision, newest.instead_of) == ("bob", 1, 2)
        assert (newest.comment, newest.refused) == ("ann was wrong", "")
        assert [each.refused for each in await history.page(limit=5)] == ["", ""]

        await documents.reactivate(2, author="bob")
        await documents.reactivate(1, author="menshen", refused="Envoy refused the listener")
        refused, back, *_ = await history.events(limit=5)
        assert (refused.actor, refused.instead_of, refused.refused) == ("menshen", 2, "Envoy refused the listener")
        assert [each.refused for each in await history.page(limit=5)] == ["Envoy refused the listener", ""]
        assert (await history.events(limit=5, below=refused.id))[0] == back

        await documents.reactivate(2, author="bob")
        assert [each.refused for each in await history.page(limit=5)] == ["", ""]

    with_configuration(database_url, work)
