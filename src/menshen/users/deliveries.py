"""The delivery log: what webhooks were told, and having something told again."""

from __future__ import annotations

from collections.abc import Callable

from menshen.storage.audit import write_audit
from menshen.storage.database import Database
from menshen.storage.paging import Page
from menshen.storage.webhook_deliveries import Delivery, Status, list_deliveries, page_deliveries, send_again
from menshen.users.audit import AuditAction, audited

__all__ = ["Deliveries"]


class Deliveries:
    """``clock`` gives Unix seconds. ``actor`` is the operator, as the audit log has it."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    async def page(
        self, webhook: str, *, status: Status | None = None, limit: int = 50, below: int | None = None
    ) -> Page[Delivery, int]:
        """The newest first."""
        async with self._database.reading() as connection:
            return await page_deliveries(connection, webhook, status=status, limit=limit, below=below)

    async def list(self, webhook: str, *, status: Status | None = None, limit: int = 50) -> list[Delivery]:
        """The newest first, however far back they are: :meth:`page` answers in time."""
        async with self._database.reading() as connection:
            return await list_deliveries(connection, webhook, status=status, limit=limit)

    async def send_again(self, webhook: str, delivery: str, actor: str) -> bool:
        """Send a message that was delivered or given up once more, under its old id; whether there is one."""
        now = self._clock()
        async with self._database.writing() as connection:
            found = await send_again(connection, webhook, delivery, now)
            if found:
                row = audited(AuditAction.WEBHOOK_AGAIN, "", actor, now, webhook=webhook, delivery=delivery)
                await write_audit(connection, [row])
        return found

    async def note_test(self, webhook: str, actor: str) -> None:
        """Write down that ``actor`` is about to send a test."""
        async with self._database.writing() as connection:
            row = audited(AuditAction.WEBHOOK_TEST, "", actor, self._clock(), webhook=webhook)
            await write_audit(connection, [row])
