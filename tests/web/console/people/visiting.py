"""The pages around people and operations, over a database of the test's, for a browser of a role."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import insert

from menshen.config.user_rules import WebhookRules
from menshen.node.operating import people_views
from menshen.node.webhooks import WebhookSender
from menshen.operators.roles import Role
from menshen.platforms.client import PlatformClient
from menshen.storage.log_tables import audit
from menshen.storage.tables import phones
from menshen.users.phone_number import parse_phone
from menshen.users.phones import PhoneNumbers
from tests.users.people import People, on_people
from tests.web.admin_api.operating import MASTER_KEY, operating_of
from tests.web.console.browsing import Browser, in_loop

__all__ = ["HOSTILE", "Stage", "visiting"]

HOSTILE = "\"><img src=x onerror=alert(1)><script>alert(2)</script>'{{7*7}}"
"""What an attacker calls himself."""


@dataclass
class Stage:
    """``webhooks`` are those of the running revision; ``directory`` has the keys."""

    people: People
    browser: Browser
    directory: Path
    webhooks: list[WebhookRules] = field(default_factory=list)

    async def add_with_phone(self, uid: str, number: str) -> None:
        phone = PhoneNumbers(MASTER_KEY).proven(parse_phone(number))
        await self.people.add(uid)
        async with self.people.database.writing() as connection:
            row = {"digest": phone.digest, "uid": uid, "sealed_number": phone.sealed, "tail": phone.tail, "bound_at": 1}
            await connection.execute(insert(phones), [row])

    async def done(self) -> list[tuple[str, str, str]]:
        """What the audit log has: actor, action, uid."""
        return [(row["actor"], row["action"], row["uid"]) for row in await self.people.rows(audit)]


def visiting(
    url: str, directory: Path, work: Callable[[Stage], Awaitable[None]], role: Role | None = Role.OWNER
) -> None:
    async def on(people: People) -> None:
        rules: list[WebhookRules] = []
        numbers = iter(range(1, 1000))
        async with PlatformClient(timeout=60) as client:
            sender = WebhookSender(
                people.database, client, lambda: rules, lambda: people.now, lambda n: next(numbers).to_bytes(n)
            )
            views = people_views(operating_of(people, directory, rules, sender.test))

            async def visit(browser: Browser) -> None:
                await work(Stage(people, browser, directory, rules))

            await in_loop(views, visit, role)

    on_people(url, on)
