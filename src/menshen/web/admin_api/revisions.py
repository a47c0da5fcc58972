"""Revisions over HTTP, on the admin address: who changed what and when, and the way back. And the plugin types."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from menshen.documents.configuration import Compared, Configuration
from menshen.documents.schemas import PluginType
from menshen.operators.roles import Scope
from menshen.web.admin_api.config import Written, written
from menshen.web.admin_api.endpoint import MOST, Answered, BadCall, Below, Call, Endpoint, Limit, Word
from menshen.web.admin_api.preconditions import CONDITIONS, REQUIRED, as_header, expected_etag, is_known

__all__ = ["revision_endpoints"]

_LONGEST = 10
"""Digits of a number that a revision may have."""


class RevisionQuery(msgspec.Struct, forbid_unknown_fields=True):
    limit: Limit = 50
    below: Below | None = None


class ActivateQuery(msgspec.Struct, forbid_unknown_fields=True):
    """``comment`` goes to the audit log."""

    comment: Word = ""


class AgainstQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Without ``against``: the revision before. 0 is the empty document."""

    against: Annotated[int, Meta(ge=0, le=10**_LONGEST - 1)] | None = None


def revision_endpoints(configuration: Configuration, types: Callable[[], Sequence[PluginType]]) -> list[Endpoint]:
    """``/v1/revisions``, and ``/v1/plugin-types``, which are what the installation has."""

    async def listed(call: Call) -> dict[str, Any]:
        query: RevisionQuery = call.query
        found = await configuration.page(limit=min(query.limit, MOST), below=query.below)
        active = await configuration.active_id()
        rows = [{**asdict(head), "active": head.id == active} for head in found]
        return {"revisions": rows, "below": found[-1].id if found else None}

    async def shown(call: Call) -> Answered:
        found = await configuration.revision(_number(call))
        headers = {"etag": as_header(found.etag)}
        if is_known(call, found.etag):
            return Answered(None, 304, headers)
        head = asdict(found.head) if found.head else {}
        active = found.revision == await configuration.active_id()
        return Answered({**head, "active": active, "document": found.document}, 200, headers)

    async def changes(call: Call) -> Compared:
        query: AgainstQuery = call.query
        return await configuration.compare(_number(call), query.against)

    async def activated(call: Call) -> Answered:
        number, current = _number(call), await configuration.current()
        etag = expected_etag(call, current.etag)
        name, comment = call.principal.name, call.query.comment
        return written(await configuration.rollback(number, author=name, comment=comment, etag=etag))

    async def known(_: Call) -> dict[str, Any]:
        return {"types": [asdict(each) for each in types()]}

    one, read, write = "/v1/revisions/{number}", Scope.CONFIG_READ, Scope.CONFIG_WRITE
    return [
        Endpoint("GET", "/v1/revisions", "Revisions, newest first", read, listed, RevisionQuery),
        Endpoint("GET", one, "One revision with its document", read, shown, refuses=(304, 404), headers=CONDITIONS),
        Endpoint(
            "GET",
            f"{one}/changes",
            "What a revision says otherwise than another",
            read,
            changes,
            AgainstQuery,
            answer=Compared,
            refuses=(404,),
        ),
        Endpoint(
            "POST",
            f"{one}/activate",
            "Roll back: make a revision the active one again",
            write,
            activated,
            ActivateQuery,
            answer=Written,
            refuses=(404, 412, 422, 428),
            headers=REQUIRED,
        ),
        Endpoint("GET", "/v1/plugin-types", "Every plugin type with the JSON schema of its plugins", read, known),
    ]


def _number(call: Call) -> int:
    text = call.path["number"]
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST):
        raise BadCall("there is no such revision", 404)
    return int(text)
