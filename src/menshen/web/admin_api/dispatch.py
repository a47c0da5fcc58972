"""The door of every call of the admin API: who calls, whether it may, what it says, what comes of it.

A page in the operator's browser, or any process of the machine, can reach a loopback address too (attack class 50): so
who calls shows a bearer token, which no page can send for another. Answers are JSON and are kept by nobody.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from menshen.errors import (
    ClaimInvalid,
    ConfigInvalid,
    DatabaseUnavailable,
    EditInvalid,
    MenshenError,
    NameTaken,
    OperatorConflict,
    OperatorInvalid,
    OperatorUnknown,
    PartUnknown,
    Problem,
    Refusal,
    RevisionMoved,
    RevisionUnknown,
    UserInvalid,
    UserUnknown,
    WebhookUnknown,
)
from menshen.operators.roles import Principal
from menshen.web.admin_api.endpoint import ANONYMOUS, Answered, BadCall, Call, Endpoint
from menshen.web.admin_api.reading import body_of, path_of, query_of

__all__ = ["ANSWERED", "Identify", "admin_routes"]

Identify = Callable[[str], Awaitable[Principal | None]]
"""Who has this bearer token; None: nobody. Constant in time for all that are nobody's."""

ANSWERED: Final[Mapping[type[MenshenError], int]] = {
    UserUnknown: 404,
    WebhookUnknown: 404,
    RevisionUnknown: 404,
    PartUnknown: 404,
    NameTaken: 409,
    RevisionMoved: 412,
    UserInvalid: 400,
    ClaimInvalid: 400,
    ConfigInvalid: 422,
    DatabaseUnavailable: 503,
    OperatorInvalid: 400,
    OperatorUnknown: 404,
    OperatorConflict: 409,
}
"""The status of each error that an endpoint may let through. A ``Refusal`` has its own."""

_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_BEARER: Final = "Bearer "


def admin_routes(endpoints: Sequence[Endpoint], identify: Identify) -> list[Route]:
    """A route for each path, in the order of the table."""
    by_path: dict[str, dict[str, Endpoint]] = {}
    for endpoint in endpoints:
        by_path.setdefault(endpoint.path, {})[endpoint.method] = endpoint
    return [Route(path, _door(of_path, identify), methods=list(_METHODS)) for path, of_path in by_path.items()]


def _door(endpoints: Mapping[str, Endpoint], identify: Identify) -> Callable[[Request], Awaitable[Response]]:
    allowed = ", ".join(endpoints)

    async def answer(request: Request) -> Response:
        endpoint = endpoints.get("GET" if request.method == "HEAD" else request.method)
        if endpoint is None:
            return _refused(405, f"{request.method} is not for this path", {"allow": allowed})
        try:
            return await _answered(endpoint, request, identify)
        except BadCall as error:
            return _refused(error.status, str(error))
        except Refusal as refusal:
            wait = {} if refusal.retry_after is None else {"retry-after": str(refusal.retry_after)}
            return _refused(refusal.status, str(refusal), wait)
        except ConfigInvalid as error:
            return _refused(
                422, "the document is not valid", problems=[_problem(error, each) for each in error.problems]
            )
        except DatabaseUnavailable:
            return _refused(503, "the database is not available")
        except tuple(ANSWERED) as error:
            return _refused(ANSWERED[type(error)], str(error))

    return answer


async def _answered(endpoint: Endpoint, request: Request, identify: Identify) -> Response:
    principal: Principal | None = ANONYMOUS
    if endpoint.asks_who:
        sent = request.headers.get("authorization", "")
        principal = await identify(sent.removeprefix(_BEARER) if sent.startswith(_BEARER) else "")
        if principal is None:
            return _refused(401, "the token is missing or wrong", {"www-authenticate": "Bearer"})
        if endpoint.needs is not None and not principal.may(endpoint.needs):
            return _refused(403, f"this needs the scope {endpoint.needs}")
    call = Call(
        principal or ANONYMOUS,
        path_of(request),
        query_of(request, endpoint.query),
        await body_of(request, endpoint.body, endpoint.body_limit),
        request.headers,
        request.client.host if request.client else "",
    )
    made = await endpoint.work(call)
    found = made if isinstance(made, Answered) else Answered(made, endpoint.status)
    if found.media != "application/json":
        return _response(str(found.value).encode(), found.status, found.media, found.headers)
    return _json(found.value, found.status, found.headers)


def _json(value: Any, status: int, headers: Mapping[str, str]) -> Response:
    body = b"" if status == 304 else msgspec.json.encode(value)
    return _response(body, status, "application/json", headers)


def _response(body: bytes, status: int, media: str, headers: Mapping[str, str]) -> Response:
    return Response(body, status, media_type=media, headers={"cache-control": "no-store", **dict(headers)})


def _refused(
    status: int, why: str, headers: Mapping[str, str] | None = None, problems: Sequence[Mapping[str, str]] = ()
) -> Response:
    said: dict[str, Any] = {"message": why}
    if problems:
        said["problems"] = problems
    return _json(said, status, headers or {})


def _problem(error: ConfigInvalid, problem: Problem) -> Mapping[str, str]:
    """``at`` is the path in the part that was sent; a problem elsewhere in the document has none."""
    said = {"path": problem.path, "message": problem.message, "message_zh": problem.message_zh}
    at = error.written_at(problem) if isinstance(error, EditInvalid) else None
    return said if at is None else {**said, "at": at}
