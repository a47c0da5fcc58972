"""The dry run over HTTP: where a request would go and why, on the active revision or on a draft. Nothing is sent."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from menshen.config.yamltext import MAX_BYTES
from menshen.documents.dry_runs import DryRun, DryRuns
from menshen.documents.editing import Edit, put, replace_document
from menshen.documents.way import Question
from menshen.operators.roles import Scope
from menshen.web.admin_api.endpoint import BadCall, Call, Endpoint

__all__ = ["dry_run_endpoints"]

_QUESTION_BYTES: Final = 64 * 1024

Line = Annotated[str, Meta(max_length=8192)]
Pairs = Annotated[dict[Annotated[str, Meta(max_length=200)], Line], Meta(max_length=64)]


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """``path`` is as a client sends it, with its query; ``user`` the uid of who is logged in.

    ``tags`` are those that the request does not make by itself, such as those of the user's identity.

    A draft is one of ``document``, in the place of the active one, and ``plugin``, in the place of its namesake. It
    needs ``config:write``.
    """

    path: Line
    host: Annotated[str, Meta(max_length=300)] = "localhost"
    method: Annotated[str, Meta(pattern="^[A-Z]{1,20}$")] = "GET"
    headers: Pairs = {}
    tags: Pairs = {}
    user: Annotated[str, Meta(max_length=64)] = ""
    request_id: Annotated[str, Meta(max_length=200)] = ""
    document: dict[str, Any] | None = None
    plugin: dict[str, Any] | None = None


def dry_run_endpoints(dry_runs: DryRuns) -> list[Endpoint]:
    """``POST /v1/dry-run``."""

    async def asked(call: Call) -> DryRun:
        body: Asked = call.body
        question = Question(
            body.path,
            body.host,
            body.method,
            body.tags,
            body.user,
            body.request_id,
            {name.lower(): value for name, value in body.headers.items()},
        )
        edit = _draft(body)
        if edit is None:
            return await dry_runs.on_active(question)
        if not call.principal.may(Scope.CONFIG_WRITE):
            raise BadCall(f"a draft needs the scope {Scope.CONFIG_WRITE}", 403)
        return await dry_runs.on_draft(question, edit, references=call.principal.may(Scope.OPERATORS_WRITE))

    return [
        Endpoint(
            "POST",
            "/v1/dry-run",
            "Where a request would go, and why",
            Scope.CONFIG_READ,
            asked,
            body=Asked,
            answer=DryRun,
            refuses=(422,),
            body_limit=MAX_BYTES + _QUESTION_BYTES,
        )
    ]


def _draft(body: Asked) -> Edit | None:
    """Raises ``BadCall``."""
    if body.document is not None and body.plugin is not None:
        raise BadCall("give one of document and plugin")
    if body.document is not None:
        return replace_document(body.document)
    return None if body.plugin is None else put(("plugins",), body.plugin)
