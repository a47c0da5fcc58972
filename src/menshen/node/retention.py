"""What the database and the data directory forget in the course of time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.config.snapshot import Snapshot, TracingRules
from menshen.operators.console_sessions import IDLE
from menshen.storage.account_failures import prune_failures
from menshen.storage.codes import prune_codes
from menshen.storage.counters import prune_counters
from menshen.storage.database import Database
from menshen.storage.figures import prune_minutes
from menshen.storage.login_log import prune_logins
from menshen.storage.nonces import prune_nonces
from menshen.storage.operator_sessions import prune_operator_sessions
from menshen.storage.sms_codes import prune_sms_codes
from menshen.storage.trace_links import prune_trace_links
from menshen.storage.webhook_deliveries import abandon_deliveries, prune_deliveries

__all__ = ["DELIVERY_DAYS", "FIGURE_DAYS", "forget"]

DELIVERY_DAYS: Final = 30
"""How long the delivery log goes back."""

FIGURE_DAYS: Final = 8
"""How long there are figures of each minute: a week, and the same day of the week before."""

_DAY = 86_400
_ABANDONED_SECONDS = 3600
"""No node runs a revision that is so much newer or older than another's."""

_CHUNK = 1_000
_REST_SECONDS = 0.01

_Piece = Callable[[AsyncConnection], Awaitable[int]]


async def forget(database: Database, snapshot: Snapshot, now: float) -> int:
    """Delete what is too old, in small pieces: a login must not wait for it; how many rows that were, codes aside.

    ``now`` in Unix seconds.
    """
    async with database.writing() as connection:
        await prune_codes(connection, now)
    at = int(now)
    kept_logins = at - snapshot.users.login_log_days * _DAY
    kept_deliveries = at - DELIVERY_DAYS * _DAY
    kept_figures = at - FIGURE_DAYS * _DAY
    kept_traces = at - (snapshot.tracing or TracingRules()).keep_days * _DAY
    names = [webhook.name for webhook in snapshot.webhooks]
    pieces: tuple[_Piece, ...] = (
        lambda c: prune_counters(c, now, _CHUNK),
        lambda c: prune_nonces(c, now, _CHUNK),
        lambda c: prune_sms_codes(c, now, _CHUNK),
        lambda c: prune_failures(c, now, _CHUNK),
        lambda c: prune_operator_sessions(c, now, IDLE, _CHUNK),
        lambda c: prune_logins(c, kept_logins, _CHUNK),
        lambda c: prune_trace_links(c, kept_traces, _CHUNK),
        lambda c: prune_minutes(c, kept_figures, _CHUNK),
        lambda c: abandon_deliveries(c, names, at - _ABANDONED_SECONDS, at, _CHUNK),
        lambda c: prune_deliveries(c, kept_deliveries, _CHUNK),
    )
    return sum([await _in_pieces(database, piece) for piece in pieces])


async def _in_pieces(database: Database, piece: _Piece) -> int:
    done = 0
    while True:
        async with database.writing() as connection:
            found = await piece(connection)
        done += found
        if found < _CHUNK:
            return done
        await asyncio.sleep(_REST_SECONDS)
