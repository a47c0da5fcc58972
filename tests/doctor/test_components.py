"""Third-party platforms: no ticket, a late one, one that is good no more, and what to do."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from menshen.config.snapshot import Component
from menshen.doctor.components import CHECK
from menshen.doctor.finding import Finding
from menshen.gateway.component_tickets import COMPONENT_TICKET, ComponentTickets
from menshen.secret import Secret
from menshen.storage.database import Database
from menshen.storage.database_url import database_url
from menshen.storage.sealing import Sealer, load_master_key
from tests.doctor.installed import install, looked_at

APPID = "wx00000000000000c1"
DOCUMENT = f"""\
version: 1
components:
  - name: provider
    appid: {APPID}
    secret: planted-component-secret
    token: planted-message-token
    message_key: abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG
apps: [{{name: shop, platform: wechat, appid: wx01, component: provider}}]
"""


def found(directory: Path, minutes_ago: float | None, key: bytes | None = None) -> Finding:
    place = install(directory, DOCUMENT)
    if minutes_ago is not None:
        asyncio.run(_push(directory, time.time() - 60 * minutes_ago, key))
    (finding,) = looked_at(CHECK, place, "provider")
    return finding


async def _push(directory: Path, at: float, key: bytes | None) -> None:
    database = Database(database_url(directory, {}))
    tickets = ComponentTickets(database, Sealer(key or load_master_key(directory, {}), COMPONENT_TICKET))
    component = Component("provider", APPID, Secret("s"), Secret("t"), Secret("k"))
    await tickets.keep(component, Secret("ticket@@@x"), int(at), at)
    await database.close()


def test_a_ticket_of_now(directory: Path) -> None:
    finding = found(directory, 1.5)
    assert (finding.status, finding.found.en) == ("ok", f"WeChat pushed a ticket for {APPID} 1 minutes ago")


@pytest.mark.parametrize(
    ("minutes", "status", "trouble"),
    [
        (None, "failed", "component_ticket_missing"),
        (29, "ok", ""),
        (31, "warning", "component_ticket_late"),
        (719, "warning", "component_ticket_late"),
        (721, "failed", "component_ticket_expired"),
    ],
)
def test_what_is_wrong(directory: Path, minutes: float | None, status: str, trouble: str) -> None:
    finding = found(directory, minutes)
    assert (finding.status, finding.trouble) == (status, trouble)
    if finding.advice is not None:
        assert "/v1/wechat/component/provider" in finding.advice.en
        assert "/v1/wechat/component/provider" in finding.advice.zh


def test_a_ticket_of_another_master_key_is_none(directory: Path) -> None:
    assert found(directory, 1, bytes(32)).trouble == "component_ticket_missing"
