"""Which traces a TraceID has, over HTTP, on the admin address."""

from __future__ import annotations

from dataclasses import asdict

import msgspec

from menshen.config.tag_values import MAX_TAG_VALUE, tag_value
from menshen.operators.roles import Scope
from menshen.storage.database import Database
from menshen.storage.trace_links import find_traces
from menshen.web.admin_api.endpoint import MOST, BadCall, Below, Call, Endpoint, Limit, Word

__all__ = ["trace_endpoints"]


class TraceQuery(msgspec.Struct, forbid_unknown_fields=True):
    value: Word
    limit: Limit = 50
    below: Below | None = None


class TraceEntry(msgspec.Struct):
    """A request that had the TraceID, ``at`` Unix seconds; ``route`` is group and API, ``tag`` the tag that it was."""

    cursor: int
    at: int
    value: str
    tag: str
    trace_id: str
    route: str
    status: int
    request_id: str


class Traces(msgspec.Struct):
    """``below`` is where the next page goes on, null after an empty one."""

    traces: list[TraceEntry]
    below: int | None


def trace_endpoints(database: Database) -> list[Endpoint]:
    """``GET /v1/traces?value=``, with limit and below: the newest first."""

    async def traces(call: Call) -> Traces:
        query: TraceQuery = call.query
        value = tag_value(query.value)
        if not value:
            raise BadCall(f"value must be text of 1 to {MAX_TAG_VALUE} bytes, without control characters")
        async with database.reading() as connection:
            found = await find_traces(connection, value, below=query.below, limit=min(query.limit, MOST))
        rows = [TraceEntry(each.id, **(asdict(each.link) | {"value": query.value})) for each in found]
        return Traces(rows, found[-1].id if found else None)

    summary, read = "Traces of a TraceID's value", Scope.USERS_READ
    return [Endpoint("GET", "/v1/traces", summary, read, traces, TraceQuery, answer=Traces)]
