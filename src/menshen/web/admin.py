"""The node's own address (127.0.0.1:8081): public keys for backends, and whether the node is well.

Served by the node's process, away from the hot path. ``/healthz`` says that the node lives, ``/readyz`` that requests
are being decided and carried, and beside that whether the database answers and which revision runs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

__all__ = ["JWKS_PATH", "SESSION_JWKS_PATH", "admin_app"]

JWKS_PATH = "/.well-known/jwks.json"
SESSION_JWKS_PATH = "/.well-known/session-jwks.json"

_JWKS_AGE = 300
"""Seconds that a backend may keep the keys: as long as an assertion lives."""


def admin_app(
    jwks: Callable[[], dict[str, Any]],
    session_jwks: Callable[[], dict[str, Any]],
    ready: Callable[[], dict[str, bool]],
    more: Sequence[BaseRoute] = (),
    facts: Callable[[], Mapping[str, bool | int | None]] = dict,
) -> Starlette:
    """``ready`` gives the parts of the node and whether each works; ``facts`` are told beside them and decide nothing.

    The keys of assertions and those of signed login states are two documents: a backend that looks at a signature and
    at nothing else must not take what a client holds for what the gateway says (attack class 23).
    """

    def keys(current: Callable[[], dict[str, Any]]) -> Callable[[Request], Awaitable[Response]]:
        async def answer(_: Request) -> Response:
            return JSONResponse(
                current(),
                media_type="application/jwk-set+json",
                headers={"cache-control": f"public, max-age={_JWKS_AGE}"},
            )

        return answer

    async def alive(_: Request) -> Response:
        return JSONResponse({"alive": True})

    async def readiness(_: Request) -> Response:
        parts = ready()
        return JSONResponse({**parts, **facts()}, status_code=200 if all(parts.values()) else 503)

    return Starlette(
        routes=[
            Route(JWKS_PATH, keys(jwks)),
            Route(SESSION_JWKS_PATH, keys(session_jwks)),
            Route("/healthz", alive),
            Route("/readyz", readiness),
            *more,
        ]
    )
