"""Which webhooks are to be told, where the document holds and where its secrets are not at hand."""

from __future__ import annotations

import asyncio
from pathlib import Path

from menshen.config.user_rules import EVENTS, WebhookRules
from menshen.documents.documents import Documents
from menshen.node.listening import listening_webhooks
from menshen.storage.revisions import Revisions
from menshen.storage.sealing import Sealer
from tests.storage.conftest import opened

DOCUMENT = """\
version: 1
webhooks:
  - {name: crm, url: "https://crm.example.com/hook", secret: "${CRM_SECRET}"}
  - {name: bans, url: "https://crm.example.com/bans", secret: planted-literal-secret, events: [close, ban]}
"""


def listening(directory: Path, document: str | None, env: dict[str, str]) -> tuple[WebhookRules, ...]:
    async def main() -> tuple[WebhookRules, ...]:
        async with opened(directory) as database:
            sealer = Sealer(b"k" * 32, "app-secret")
            if document is not None:
                node = Documents(Revisions(database), sealer, {"CRM_SECRET": "planted-secret-of-env"}, lambda: 1.0)
                await node.apply(document, author="test")
            return await listening_webhooks(Documents(Revisions(database), sealer, env, lambda: 1.0))

    return asyncio.run(main())


def test_without_a_revision_nobody_listens(tmp_path: Path) -> None:
    assert listening(tmp_path, None, {}) == ()
    assert listening(tmp_path, "version: 1\n", {}) == ()


def test_where_the_document_holds_they_are_whole(tmp_path: Path) -> None:
    crm, bans = listening(tmp_path, DOCUMENT, {"CRM_SECRET": "planted-secret-of-env"})
    assert (crm.url, crm.secret.reveal()) == ("https://crm.example.com/hook", "planted-secret-of-env")
    assert set(bans.events) == {"ban", "close"}


def test_where_it_does_not_hold_names_and_events_are_known_and_no_secret(tmp_path: Path) -> None:
    crm, bans = listening(tmp_path, DOCUMENT, {})
    assert (crm.name, crm.events, crm.url, crm.secret.reveal()) == ("crm", EVENTS, "", "")
    assert (bans.name, set(bans.events), bans.url, bans.secret.reveal()) == ("bans", {"ban", "close"}, "", "")
