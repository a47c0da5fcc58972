"""The door of every call on the admin address that tells or changes anything: the node's admin token.

A page in the operator's browser, or any process of the machine, can reach a loopback address too (attack class 50).
Answers are JSON and are kept by nobody.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from menshen.errors import ClaimInvalid, DatabaseUnavailable, UserInvalid, UserUnknown, WebhookUnknown
from menshen.secret import Secret

__all__ = ["MOST", "BadCall", "Guard", "admin_guard", "call_body", "number", "page_limit", "word"]

MOST = 500
"""Items a page."""

_BODY = 16 * 1024
_LONGEST_WORD = 200

Body = TypeVar("Body")
Work = Callable[[Request], Awaitable[Any]]
Guard = Callable[[Work], Callable[[Request], Awaitable[Response]]]
"""Makes an endpoint of what works out the answer's JSON."""


class BadCall(Exception):
    """What is wrong with a call; ``status`` is that of the answer."""

    def __init__(self, why: str, status: int = 400) -> None:
        super().__init__(why)
        self.status = status


def admin_guard(token: Secret) -> Guard:
    """Lets through who sends ``Authorization: Bearer`` with the token."""
    expected = f"Bearer {token.reveal()}".encode()

    def guarded(work: Work) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            sent = request.headers.get("authorization", "")
            if not hmac.compare_digest(sent.encode(), expected):
                return _refused(401, "the admin token is missing or wrong")
            try:
                return JSONResponse(await work(request), headers={"cache-control": "no-store"})
            except BadCall as error:
                return _refused(error.status, str(error))
            except (UserUnknown, WebhookUnknown) as error:
                return _refused(404, str(error))
            except (UserInvalid, ClaimInvalid) as error:
                return _refused(400, str(error))
            except DatabaseUnavailable:
                return _refused(503, "the database is not available")

        return answer

    return guarded


async def call_body(request: Request, kind: type[Body]) -> Body:
    """The body as ``kind``. Raises ``BadCall``, which says where it does not fit and repeats nothing of it."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _BODY:
            raise BadCall(f"the body is over {_BODY // 1024} KiB", 413)
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise BadCall(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadCall("the body must be a JSON object") from None


def word(request: Request, name: str) -> str:
    """A text of the path or the query, "" where it is not there. Raises ``BadCall`` for what no database keeps."""
    text: str = request.path_params.get(name) or request.query_params.get(name, "")
    if len(text) > _LONGEST_WORD or not text.isprintable():
        raise BadCall(f"{name} must be one line of text, {_LONGEST_WORD} characters at most")
    return text


def number(text: str, name: str) -> int:
    """A positive number of a query. Raises ``BadCall``."""
    if not (text.isascii() and text.isdigit() and len(text) <= 18 and int(text) > 0):
        raise BadCall(f"{name} must be a positive number")
    return int(text)


def page_limit(request: Request) -> int:
    """``limit`` of a query: 50 without it, :data:`MOST` at most."""
    return min(number(request.query_params.get("limit", "50"), "limit"), MOST)


def _refused(status: int, why: str) -> Response:
    return JSONResponse({"message": why}, status_code=status, headers={"cache-control": "no-store"})
