"""The means to decide on requests to the sample routes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from menshen.gateway.decide import RouteTable, route_table
from menshen.gateway.request import AuthRequest
from menshen.sessions.claims import SessionClaims
from menshen.sessions.states import States
from tests.gateway.samples import NOW, SHOP, SNAPSHOT
from tests.sessions.rings import new_states


@pytest.fixture
def routes() -> RouteTable:
    return route_table((SNAPSHOT,))


@pytest.fixture
def sessions() -> States:
    return new_states()


@pytest.fixture
def claims() -> SessionClaims:
    made, end = int(NOW) - 60, int(NOW) + 60
    return SessionClaims(
        "uabc", "sabc", "wechat", SHOP.appid, "oABC", "", iat=made, exp=end, auth=made, end=end, life=120
    )


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
