"""The authorization endpoint by itself: what becomes of faults that no request can provoke."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from menshen.config.route_rules import KeyPairRules
from menshen.errors import BrainUnavailable, DatabaseUnavailable, InternalFault, SignatureReplayed
from menshen.figures.counting import Counts
from menshen.gateway.assertion import Asserter
from menshen.gateway.decide import route_table
from menshen.gateway.identity import Identities
from menshen.sessions.seen import SeenLog
from menshen.web.authorization import AuthorizationEndpoint, BrainState
from tests.gateway.samples import NOW, SNAPSHOT, nobody
from tests.sessions.rings import new_states


class BrokenLogin:
    """A login that fails as no login should."""

    def __init__(self, fault: Exception) -> None:
        self._fault = fault

    async def log_in(self, login: object, states: object, caller: object, rules: object) -> Any:
        raise self._fault


def state() -> BrainState:
    return BrainState(
        route_table((SNAPSHOT,)), {SNAPSHOT.checksum: SNAPSHOT}, new_states(), Identities(Asserter([None]))
    )  # type: ignore[list-item]


def ask(endpoint: AuthorizationEndpoint, path: str, **headers: str) -> tuple[int, dict[str, Any]]:
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
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


BUG = RuntimeError("planted-secret in an exception")


def endpoint(brain: BrainState | None, fault: Exception = BUG) -> AuthorizationEndpoint:
    nothing: Any = None
    return AuthorizationEndpoint(nothing, BrokenLogin(fault), nothing, nothing, nobody, SeenLog(), lambda: NOW, brain)


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


def test_a_login_without_a_database_is_refused_for_now() -> None:
    headers = {"x-menshen-route": f"mall/order@{SNAPSHOT.checksum}", "js_code": "c", "x-request-id": "r1"}
    broken = endpoint(state(), DatabaseUnavailable("OperationalError"))
    status, body = ask(broken, "/authz/mall/login", **headers)
    assert (status, body["reason"], body["action"]) == (298, "brain_unavailable", "retry")  # 298 becomes 503 at Envoy


class BrokenGuards:
    """Guards that fail as no guard should."""

    def __init__(self, fault: Exception) -> None:
        self._fault = fault

    async def admit(self, route: object, request: object, line: object) -> Any:
        raise self._fault


def test_even_a_bug_is_refused_in_the_shape_of_the_routes_client() -> None:
    login = replace(SNAPSHOT.routes[0].login, refusals={"retry": {"errno": "$code"}, "any": {"errno": 0}})  # type: ignore[type-var]
    snapshot = replace(SNAPSHOT, routes=(replace(SNAPSHOT.routes[0], login=login),)).sealed()
    brain = replace(state(), routes=route_table((snapshot,)), snapshots={snapshot.checksum: snapshot})
    headers = {"x-menshen-route": f"mall/order@{snapshot.checksum}", "js_code": "c"}
    assert ask(endpoint(brain), "/authz/mall/login", **headers) == (296, {"errno": 5005})
    down = endpoint(brain, DatabaseUnavailable("OperationalError"))
    assert ask(down, "/authz/mall/login", **headers) == (298, {"errno": BrainUnavailable.code})


def guarded(fault: Exception) -> tuple[AuthorizationEndpoint, str]:
    """An endpoint whose one route has a key pair and no login, and the stamp of that route."""
    route = replace(SNAPSHOT.routes[0], login=None, key_pair=KeyPairRules("servers", (), 300, 1024, "x-menshen-caller"))
    snapshot = replace(SNAPSHOT, routes=(route,)).sealed()
    brain = replace(state(), routes=route_table((snapshot,)), snapshots={snapshot.checksum: snapshot})
    nothing: Any = None
    made = AuthorizationEndpoint(
        BrokenGuards(fault), BrokenLogin(BUG), nothing, nothing, nobody, SeenLog(), lambda: NOW, brain
    )
    return made, f"{route.id}@{snapshot.checksum}"


@pytest.mark.parametrize(
    ("fault", "status", "reason"),
    [
        (BUG, 296, "internal_fault"),
        (DatabaseUnavailable("OperationalError"), 298, "brain_unavailable"),
        (SignatureReplayed(), 403, "signature_replayed"),
    ],
)
def test_a_guard_that_does_not_let_in_is_not_passed_by(fault: Exception, status: int, reason: str) -> None:
    """Without a login behind it, nobody else would refuse."""
    made, stamp = guarded(fault)
    answered, body = ask(made, "/authz/mall/order", **{"x-menshen-route": stamp})
    assert (answered, body["reason"]) == (status, reason)


def test_a_guard_in_front_of_a_login_refuses_in_the_shape_of_its_client() -> None:
    login = SNAPSHOT.routes[0].login
    assert login is not None
    keys = KeyPairRules("servers", (), 300, 1024, "x-menshen-caller")
    route = replace(SNAPSHOT.routes[0], key_pair=keys, login=replace(login, refusals={"none": {"errno": "$reason"}}))
    snapshot = replace(SNAPSHOT, routes=(route,)).sealed()
    brain = replace(state(), routes=route_table((snapshot,)), snapshots={snapshot.checksum: snapshot})
    nothing: Any = None
    made = AuthorizationEndpoint(
        BrokenGuards(SignatureReplayed()), BrokenLogin(BUG), nothing, nothing, nobody, SeenLog(), lambda: NOW, brain
    )
    headers = {"x-menshen-route": f"{route.id}@{snapshot.checksum}"}
    assert ask(made, "/authz/mall/order", **headers) == (403, {"errno": "signature_replayed"})


def test_every_decision_is_counted_once_by_its_outcome() -> None:
    nothing: Any = None
    counts = Counts()
    brain = state()
    made = AuthorizationEndpoint(
        nothing, BrokenLogin(BUG), nothing, nothing, nobody, SeenLog(), lambda: NOW, brain, counts=counts
    )
    for path, route, headers in (
        ("/authz/mall/orders/1", "mall/order", {}),
        ("/authz/mall/orders/1", "mall/order", {"user_session": "nonsense"}),
        ("/authz/mall/login", "mall/order", {"js_code": "c"}),
        ("/authz/anything", "no/such", {}),
    ):
        ask(made, path, **{"x-menshen-route": f"{route}@{SNAPSHOT.checksum}", **headers})
    ask(made, "/health")
    assert counts.tally() == {
        "decisions": {"session_missing": 1, "session_invalid": 1, "internal_fault": 1, "route_stale": 1}
    }
