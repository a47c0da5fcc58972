"""The door of every page: who visits, whether a page elsewhere sent the browser here, what may be loaded.

An operator's browser comes with the session's cookie wherever it is sent from (attack class 50). So whatever changes
anything is a POST with a token that only our own pages have, from our own origin. Pages may load and run only what the
node itself serves, and nobody may frame them.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import quote, urlsplit

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Message

from menshen.errors import DatabaseUnavailable, OperatorUnknown, RevisionUnknown, UserUnknown, WebhookUnknown
from menshen.secret import Secret
from menshen.web.console.language import load_catalog, locale_of, sentence
from menshen.web.console.rendering import SAID_COOKIE, Renderer, read_said
from menshen.web.console.view import HOME, View, Visit, Visitors

__all__ = [
    "CSRF_FIELD",
    "CSRF_HEADER",
    "SESSION_COOKIE",
    "THEMES",
    "console_routes",
    "csrf_token",
    "local_path",
    "signed_in",
    "signed_out",
]

SESSION_COOKIE: Final = "menshen_console"
_ANONYMOUS_COOKIE: Final = "menshen_visit"
CSRF_FIELD: Final = "csrf"
CSRF_HEADER: Final = "x-csrf-token"
THEMES: Final = ("", "light", "dark")

_BODY: Final = 1024 * 1024
_FIELDS: Final = 2000
_LONGEST_WORD: Final = 200
_LOGIN: Final = "/console/login"

_HEADERS: Final[Mapping[str, str]] = {
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


def console_routes(views: Sequence[View], visitors: Visitors, origin: str = "") -> list[BaseRoute]:
    """Every page, and the files that pages load.

    ``origin`` is where operators open the console, such as ``https://console.example.com``; "" takes the request's own
    ``Host``, and cookies that go over plain HTTP as well.
    """
    renderer = Renderer(load_catalog(), [view.path for view in views if view.method == "GET"])
    by_path: dict[str, dict[str, View]] = {}
    for view in views:
        by_path.setdefault(view.path, {})[view.method] = view
    pages = [
        Route(path, _door(of_path, visitors, renderer, origin), methods=["GET", "POST"])
        for path, of_path in by_path.items()
    ]
    return [Mount("/console/static", _Files(packages=[("menshen.web.console", "static")])), *pages]


def csrf_token(cookie: str) -> str:
    """What forms of whoever has this cookie must carry. It tells nothing of the cookie, which is 256 random bits."""
    return hashlib.sha256(b"menshen console csrf\0" + cookie.encode("utf-8", "surrogatepass")).hexdigest()


def signed_in(answer: Response, visit: Visit, cookie: Secret) -> Response:
    """The answer, with the cookie of a new session; whatever cookie the browser came with is good for nothing more."""
    _keep(answer, SESSION_COOKIE, cookie.reveal(), secure=visit.secure)
    return answer


def signed_out(answer: Response) -> Response:
    """The answer, which takes the session's cookie away."""
    answer.delete_cookie(SESSION_COOKIE, path="/console", httponly=True, samesite="strict")
    return answer


def local_path(text: str) -> str:
    """``text`` where it is a page of the console, else the first page (attack class 51: open redirects)."""
    path = text.partition("?")[0].partition("#")[0].lower()
    # Browsers take "\\" for "/", drop blanks and controls, and read "%2e%2e" as "..".
    plain = text.isascii() and text.isprintable() and not any(each in text for each in "\\ ") and "//" not in text
    if not text.startswith("/console/") or not plain or "%2e" in path or ".." in path.split("/"):
        return HOME
    return text


class _Files(StaticFiles):
    """The files of the package: as fresh as the program, and with the headers of pages."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        answer: Response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        answer.headers.update({**_HEADERS, "cache-control": "no-cache"})
        return answer


def _door(
    views: Mapping[str, View], visitors: Visitors, renderer: Renderer, origin: str
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        cookie = request.cookies.get(SESSION_COOKIE, "")
        anonymous = request.cookies.get(_ANONYMOUS_COOKIE, "")
        visit = _visit(request, renderer, cookie, anonymous or secrets.token_urlsafe(32), origin)
        try:
            found = await _answered(views, visitors, visit, request, origin, cookie or anonymous)
        except DatabaseUnavailable:
            found = visit.trouble(503, sentence("The database is not available"))
        except (UserUnknown, RevisionUnknown, WebhookUnknown, OperatorUnknown):
            found = visit.trouble(404, sentence("There is no such thing"))
        for name, value in {**_HEADERS, **visit.headers}.items():
            found.headers[name] = value
        if not cookie and not anonymous:
            _keep(found, _ANONYMOUS_COOKIE, visit.cookie, secure=visit.secure)
        if visit.said:
            found.delete_cookie(SAID_COOKIE, path="/console")
        return found

    return answer


async def _answered(
    views: Mapping[str, View], visitors: Visitors, visit: Visit, request: Request, origin: str, sent: str
) -> Response:
    view = views.get("GET" if request.method == "HEAD" else request.method)
    if view is None:
        return visit.trouble(405, sentence("This page is not for that"))
    session = request.cookies.get(SESSION_COOKIE, "")
    principal = await visitors.visitor(session) if session else None
    visit = replace(visit, principal=principal)
    if view.method == "POST":
        form = await _form(request)
        if form is None:
            return visit.trouble(413, sentence("The form is too large"))
        given = form.get(CSRF_FIELD) or request.headers.get(CSRF_HEADER, "")
        if not _from_us(request, origin) or not _token_fits(given, sent):
            return visit.trouble(403, sentence("This form is not from this page. Load it again."))
        visit = replace(visit, form=form)
    if view.needs is not None:
        if principal is None:
            return _to_login(visit, request)
        if not principal.may(view.needs):
            return visit.trouble(403, sentence("Your role does not let you do this"))
    try:
        return await view.work(visit)
    finally:
        await visit.form.close()  # files that were sent


def _visit(request: Request, renderer: Renderer, cookie: str, anonymous: str, origin: str) -> Visit:
    theme = request.cookies.get("menshen_theme", "")
    said = request.cookies.get(SAID_COOKIE, "")
    return Visit(
        path=request.scope["path"],
        words={name: str(value)[:_LONGEST_WORD] for name, value in request.path_params.items()},
        query=request.query_params,
        form=FormData(),
        principal=None,
        locale=locale_of(request.cookies.get("menshen_lang", ""), request.headers.get("accept-language", "")),
        theme=theme if theme in THEMES else "",
        csrf=csrf_token(cookie or anonymous),
        cookie=cookie or anonymous,
        htmx=request.headers.get("hx-request") == "true",
        renderer=renderer,
        said=read_said(said) if said and request.method == "GET" else "",
        address=request.client.host if request.client else "",
        user_agent=request.headers.get("user-agent", "")[:_LONGEST_WORD],
        secure=origin.startswith("https:") or _over_tls(request),
    )


async def _form(request: Request) -> FormData | None:
    """What was sent; None: too much."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _BODY:
            return None
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/x-www-form-urlencoded", "multipart/form-data"):
        return FormData()

    async def whole() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    try:
        return await Request(request.scope, whole).form(max_files=1, max_fields=_FIELDS, max_part_size=_BODY)
    except HTTPException:  # not a form, whatever it says
        return FormData()


def _from_us(request: Request, origin: str) -> bool:
    """Whether a page of ours sent this, as far as the browser tells."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site != "same-origin":
        return False
    sent = request.headers.get("origin")
    if sent is None:
        return True
    return sent == origin if origin else urlsplit(sent).netloc == request.headers.get("host", "")


def _over_tls(request: Request) -> bool:
    # Whoever lies here about a proxy in front only keeps his own cookies from plain HTTP.
    return request.url.scheme == "https" or request.headers.get("x-forwarded-proto") == "https"


def _token_fits(given: object, cookie: str) -> bool:
    return isinstance(given, str) and bool(cookie) and hmac.compare_digest(given.encode(), csrf_token(cookie).encode())


def _to_login(visit: Visit, request: Request) -> Response:
    query = request.scope["query_string"].decode("latin-1")
    asked = request.scope["path"] + (f"?{query}" if query else "")
    target = asked if request.method == "GET" and not visit.htmx else HOME
    return visit.go(f"{_LOGIN}?next={quote(local_path(target), safe='/')}")


def _keep(answer: Response, name: str, value: str, *, secure: bool) -> None:
    answer.set_cookie(name, value, path="/console", httponly=True, samesite="strict", secure=secure)
