"""The delivery log: what webhooks were told, and having something told again."""

from __future__ import annotations

from collections.abc import Callable

from menshen.storage.database import Database
from menshen.storage.webhook_deliveries import Delivery, Status, list_deliveries, send_again

__all__ = ["Deliveries"]


class Deliveries:
    """``clock`` gives Unix seconds."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    async def list(
        self, webhook: str, *, status: Status | None = None, limit: int = 50, below: int | None = None
    ) -> list[Delivery]:
        """The newest first; the next page is ``below`` the ``id`` of the last one."""
        async with self._database.reading() as connection:
            return await list_deliveries(connection, webhook, status=status, limit=limit, below=below)

    async def send_again(self, webhook: str, delivery: str) -> bool:
        """Send a message that was delivered or given up once more, under its old id; whether there is one."""
        async with self._database.writing() as connection:
            return await send_again(connection, webhook, delivery, self._clock())
