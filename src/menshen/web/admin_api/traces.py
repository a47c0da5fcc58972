"""Which traces a TraceID has, over HTTP, on the admin address."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from menshen.config.tag_values import MAX_TAG_VALUE, tag_value
from menshen.storage.database import Database
from menshen.storage.trace_links import find_traces
from menshen.web.admin_api.guard import BadCall, Guard, number, page_limit, word

__all__ = ["trace_routes"]


def trace_routes(database: Database, guarded: Guard) -> list[Route]:
    """``GET /v1/traces?value=``, with limit and below: the newest first."""

    async def traces(request: Request) -> dict[str, Any]:
        text = word(request, "value")
        value = tag_value(text)
        if not value:
            raise BadCall(f"value must be text of 1 to {MAX_TAG_VALUE} bytes, without control characters")
        below = word(request, "below")
        async with database.reading() as connection:
            found = await find_traces(
                connection,
                value,
                below=number(below, "below") if below else None,
                limit=page_limit(request),
            )
        rows = [{"cursor": each.id, **asdict(each.link), "value": text} for each in found]
        return {"traces": rows, "below": found[-1].id if found else None}

    return [Route("/v1/traces", guarded(traces), methods=["GET"])]
