"""The authorization endpoint by itself: what becomes of faults that no request can provoke."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import Any

from menshen.errors import InternalFault
from menshen.gateway.assertion import Asserter
from menshen.gateway.decide import route_table
from menshen.sessions.keys import SymmetricKey
from menshen.sessions.sealed import SealedSessions
from menshen.web.authorization import AuthorizationEndpoint, BrainState
from tests.gateway.samples import NOW, SNAPSHOT


class BrokenLogin:
    """A login that fails as no login should."""

    async def log_in(self, login: object) -> Any:
        raise RuntimeError("planted-secret in an exception")


def state() -> BrainState:
    ring = SealedSessions([SymmetricKey("k", secrets.token_bytes(32))], secrets.token_bytes)
    return BrainState(route_table((SNAPSHOT,)), ring, Asserter([None]))  # type: ignore[list-item]


def ask(endpoint: AuthorizationEndpoint, path: str, **headers: str) -> tuple[int, dict[str, Any]]:
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    asyncio.run(endpoint(scope, receive, send))
    body = sent[1]["body"]
    return sent[0]["status"], json.loads(body) if body else {}


def endpoint(brain: BrainState | None) -> AuthorizationEndpoint:
    return AuthorizationEndpoint(BrokenLogin(), lambda: NOW, brain)  # type: ignore[arg-type]


def test_a_bug_refuses_and_says_nothing_of_itself() -> None:
    stamp = f"mall/order@{SNAPSHOT.checksum}"
    headers = {"x-menshen-route": stamp, "js_code": "c", "x-request-id": "r1"}
    status, body = ask(endpoint(state()), "/authz/mall/login", **headers)
    assert status == 296  # becomes 500 at Envoy
    assert (body["code"], body["reason"], body["request_id"]) == (InternalFault.code, "internal_fault", "r1")
    assert "planted" not in str(body)


def test_before_the_first_state_everything_is_refused() -> None:
    fresh = endpoint(None)
    status, body = ask(fresh, "/authz/mall/static/x")
    assert (status, body["reason"]) == (298, "brain_unavailable")
    assert ask(fresh, "/health")[0] == 503


def test_health_is_said_once_there_is_a_state() -> None:
    assert ask(endpoint(state()), "/health")[0] == 200


def test_only_the_authorization_prefix_is_answered() -> None:
    status, _ = ask(endpoint(state()), "/mall/static/x")
    assert status == 298
