"""The means to decide on requests to the sample routes."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import pytest

from menshen.gateway.decide import RouteTable, route_table
from menshen.gateway.request import AuthRequest
from menshen.sessions.claims import SessionClaims
from menshen.sessions.keys import SymmetricKey
from menshen.sessions.sealed import SealedSessions
from tests.gateway.samples import NOW, SHOP, SNAPSHOT


@pytest.fixture
def routes() -> RouteTable:
    return route_table((SNAPSHOT,))


@pytest.fixture
def sessions() -> SealedSessions:
    return SealedSessions([SymmetricKey("k1", secrets.token_bytes(32))], secrets.token_bytes)


@pytest.fixture
def claims() -> SessionClaims:
    return SessionClaims("uabc", "sabc", "wechat", SHOP.appid, "oABC", "", iat=int(NOW) - 60, exp=int(NOW) + 60)


@pytest.fixture
def ask() -> Callable[..., AuthRequest]:
    def build(
        api: str, query: str = "", body: bytes | None = None, partial: bool = False, **headers: str
    ) -> AuthRequest:
        return AuthRequest(
            route=f"mall/{api}@{SNAPSHOT.checksum}",
            headers={name.replace("__", "-").encode(): value.encode() for name, value in headers.items()},
            query=query.encode(),
            body=body,
            body_partial=partial,
            received=NOW,
        )

    return build
