"""The tickets of WeChat third-party platforms: one receiver, whichever worker it is, and every worker has the newest.

A ticket and the AppSecret together are the key to every customer's mini program, so it rests sealed.
"""

from __future__ import annotations

from typing import Final

from menshen.config.snapshot import Component
from menshen.errors import ComponentTicketMissing, KeyRingInvalid
from menshen.secret import Secret
from menshen.storage.component_tickets import TicketRow, find_ticket, keep_ticket
from menshen.storage.database import Database
from menshen.storage.sealing import Sealer

__all__ = ["COMPONENT_TICKET", "ComponentTickets"]

COMPONENT_TICKET: Final = "component-ticket"
"""What the sealer of tickets is for."""


class ComponentTickets:
    """``sealer`` is one for :data:`COMPONENT_TICKET`."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    async def keep(self, component: Component, ticket: Secret, made_at: int, now: float) -> bool:
        """Keep a ticket, unless there is one as new. ``made_at`` in Unix seconds, as WeChat says."""
        row = TicketRow(self._sealer.seal(ticket, component.appid), made_at, now)
        async with self._database.writing() as connection:
            return await keep_ticket(connection, component.appid, row)

    async def newest(self, component: Component) -> Secret:
        """Raises ComponentTicketMissing. Whether an old one is still good WeChat decides."""
        async with self._database.reading() as connection:
            row = await find_ticket(connection, component.appid)
        if row is not None:
            try:
                return self._sealer.unseal(row.sealed_ticket, component.appid)
            except KeyRingInvalid:
                pass  # of another master key: the next push brings another
        raise ComponentTicketMissing(f"WeChat has pushed no ticket for the component {component.name}")
