"""One small application for each framework, on a real server: ``python -m tests.backend.apps FRAMEWORK MODE JWKS_URL``.

``GET /me`` tells who calls and which of the gateway's headers the application sees. ``MODE`` is ``required``,
``optional`` or ``trusted``.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from menshen.backend import TrustedNetwork, Verifier, from_url
from menshen.backend.callers import Source
from menshen.backend.fetching import Fetch
from menshen.web.serving import serving


def told(user: Any, headers: Any) -> dict[str, Any]:
    """``headers`` as the framework gives them, names and values."""
    seen = {name.lower(): value for name, value in headers if "menshen" in name.lower()}
    known = {} if not user else {"uid": user.uid, "account": user.account, "claims": dict(user.claims)}
    return {"authenticated": user.is_authenticated, "seen": seen, **known}


def starlette(source: Source, optional: bool) -> Any:
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route, WebSocketRoute
    from starlette.websockets import WebSocket

    from menshen.backend.asgi import AssertionMiddleware

    async def me(request: Request) -> JSONResponse:
        return JSONResponse(told(request.user, request.headers.items()))

    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(websocket.user.uid)
        await websocket.close()

    return Starlette(
        routes=[Route("/me", me), WebSocketRoute("/talk", talk)],
        middleware=[Middleware(AssertionMiddleware, source=source, optional=optional)],
    )


def fastapi(source: Source, optional: bool) -> Any:
    from typing import Annotated

    from fastapi import Depends, FastAPI, Request, WebSocket

    from menshen.backend.fastapi import CurrentUser, OptionalUser

    dependency = OptionalUser(source) if optional else CurrentUser(source)
    app = FastAPI()

    def me(user: Annotated[Any, Depends(dependency)], request: Request) -> dict[str, Any]:
        assert request.user == user
        return told(user, request.headers.items())

    async def talk(websocket: WebSocket, user: Annotated[Any, Depends(dependency)]) -> None:
        await websocket.accept()
        await websocket.send_text(user.uid)
        await websocket.close()

    # Names of a function are not found from the text of its annotations.
    for endpoint in (me, talk):
        endpoint.__annotations__.update(user=Annotated[Any, Depends(dependency)], request=Request, websocket=WebSocket)
    app.get("/me")(me)
    app.websocket("/talk")(talk)
    return app


def flask(source: Source, optional: bool) -> Any:
    import flask

    from menshen.backend.flask import MenshenUser

    app = flask.Flask("orders")
    MenshenUser(app, source, optional=optional)

    @app.get("/me")
    def me() -> Any:
        return flask.jsonify(told(flask.request.user, flask.request.headers.items()))  # type: ignore[attr-defined]

    return app


def django_configured(mode: str, url: str, asynchronous: bool) -> None:
    import django
    from django.conf import settings
    from django.http import HttpRequest, JsonResponse
    from django.urls import path

    def me(request: HttpRequest) -> JsonResponse:
        return JsonResponse(told(request.user, request.headers.items()))  # type: ignore[attr-defined]

    async def me_async(request: HttpRequest) -> JsonResponse:
        return me(request)

    keys = {"TRUSTED_NETWORK": True} if mode == "trusted" else {"UPSTREAM": "orders", "KEYS": url}
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1"],
        MIDDLEWARE=["tests.backend.reading_first.ReadingFirst", "menshen.backend.django.AssertionMiddleware"],
        MENSHEN=keys | ({"OPTIONAL": True} if mode == "optional" else {}),
        ROOT_URLCONF=(path("me", me_async if asynchronous else me),),
    )
    django.setup()


def application(framework: str, mode: str, url: str) -> Any:
    if framework == "django":
        from django.core.wsgi import get_wsgi_application

        django_configured(mode, url, asynchronous=False)
        return get_wsgi_application()
    if framework == "django-async":
        from django.core.asgi import get_asgi_application

        django_configured(mode, url, asynchronous=True)
        return get_asgi_application()
    keys = published_later(Path(url.removeprefix("@"))) if url.startswith("@") else url
    source = TrustedNetwork() if mode == "trusted" else Verifier("orders", keys)
    makers: dict[str, Callable[[Source, bool], Any]] = {"starlette": starlette, "fastapi": fastapi, "flask": flask}
    return makers[framework](source, mode == "optional")


def published_later(file: Path) -> Fetch:
    """The gateway starts after its backend, and ``file`` has its address then."""
    return lambda: from_url(file.read_text(encoding="utf-8"))()


async def serve(app: Any) -> None:
    async with serving(app, "127.0.0.1", 0, websockets=True) as bound:
        print(f"ready {bound.origin}", flush=True)
        await asyncio.Event().wait()


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def main(framework: str, mode: str, url: str) -> None:
    app = application(framework, mode, url)
    if framework not in ("flask", "django"):
        asyncio.run(serve(app))
        return
    with make_server("127.0.0.1", 0, app, handler_class=Quiet) as server:
        print(f"ready http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
