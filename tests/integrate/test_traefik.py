"""What a real Traefik does with the printed configuration, where one is installed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from menshen.errors import REFUSALS
from tests.edge.conftest import Stack, running_stack
from tests.edge.test_error_table import PROVOKED
from tests.integrate.conftest import PORTABLE
from tests.integrate.proxies import behind_traefik
from tests.integrate.test_proxies import FORGED, NOT_HERE, received, spelt

# It cannot put a login state beside a backend's answer: logins are the gateway's, or the state is a cookie.
DOCUMENT = re.sub(
    r"type: (WeChatMpLogin|QQMPLogin), app: (\w+)(?=[,}])", r"type: \1, app: \2, respond: gateway", PORTABLE
).replace(
    "    type: WeChatMpLogin\n    app: shop\n    identity:",
    "    type: WeChatMpLogin\n    app: shop\n    respond: gateway\n    identity:",
)
NOT_TRAEFIKS = {"upstream_unavailable", "upstream_timeout", *NOT_HERE}
"""It says these in words of its own."""


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    options = ("--workers", "1", "--verify", "127.0.0.1:0")
    with (
        running_stack(tmp_path_factory.mktemp("asked"), DOCUMENT, *options) as stack,
        behind_traefik(stack, tmp_path_factory.mktemp("traefik")) as running,
    ):
        yield running


def test_a_login_is_answered_by_the_gateway_and_its_state_stands_for_its_user(front: Stack) -> None:
    login = front.gateway("/mall/login", ("js_code", front.code("zhangsan")))
    assert (login.status, set(login.json)) == (200, {"user_session", "expires_in", "uid"})
    check = front.gateway("/mall/orders/1?a=%2f", ("user_session", login.json["user_session"]))
    assert check.identity["x-menshen-user"] == login.json["uid"]
    assert check.json["query"] == "a=%2f"
    assert "user_session" not in check.seen


@pytest.mark.parametrize("reason", [reason for reason in PROVOKED if reason not in NOT_TRAEFIKS])
def test_a_refusal_has_its_true_status_and_its_body(reason: str, front: Stack) -> None:
    status, provoke = PROVOKED[reason]
    reply, refusal = provoke(front), REFUSALS[reason]
    assert reply.refusal == (status, refusal.code, reason)
    assert reply.json["request_id"]
    assert {name for name in reply.headers if name.startswith("x-menshen-")} == {"x-menshen-code"}


@pytest.mark.parametrize("path", ["/mall/news", "/mall/static/x"])
def test_no_spelling_of_a_forged_header_reaches_a_backend(path: str, front: Stack) -> None:
    names = [(spelling, "forged") for name in FORGED for spelling in [*spelt(name), name.replace("-", ".")]]
    for start in range(0, len(names), 60):
        reply = front.gateway(path, *names[start : start + 60])
        assert [name for name, value in received(reply) if "forged" in value] == []


def test_a_forged_stamp_chooses_no_route(front: Stack) -> None:
    stamps = [(name, "mall/news@0") for name in spelt("x-menshen-route")]
    assert front.gateway("/mall/orders/1", *stamps).refusal[2] == "session_missing"
    forwarded = [(name, "/mall/static/x") for name in spelt("x-forwarded-uri")]
    assert front.gateway("/mall/orders/1", *forwarded).refusal[2] == "session_missing"
    hop = ("Connection", "x-menshen-route, x-menshen-proxy")
    assert front.gateway("/mall/orders/1", hop).refusal[2] == "session_missing"


@pytest.mark.parametrize(
    "path",
    [
        *("/mall/static/%2f../orders/1", "/mall/orders/a%2Fb", "/mall/orders/a%5cb", "/mall/static/..%2forders/1"),
        *("/mall/static/../orders/1", "/mall/static/./x", "/mall/static//x", "/mall/static/..;/orders/1"),
        *("/mall/static/x;y=1", "/mall/static/%2e%2e/orders/1", "/mall/static/%252e%252e/x", "/mall/static/%3Bx"),
        *("/mall/static/a\\b", "/mall/static/%c0%ae", "/mall/static/%00"),
    ],
)
def test_a_path_that_can_be_read_in_two_ways_is_refused(path: str, front: Stack) -> None:
    assert front.gateway(path).refusal == (400, 4000, "malformed_request")


def test_an_escaped_letter_is_the_letter_for_both(front: Stack) -> None:
    """Traefik unescapes before it looks, and passes on what it looked at."""
    assert front.gateway("/mall/%6frders/1").refusal[2] == "session_missing"
    assert front.gateway("/mall/static/%6frders").json["path"] == "/mall/static/orders"


def test_hosts_have_their_own_routes(front: Stack) -> None:
    assert front.gateway("/anything", host="named.example.com").status == 200
    assert front.gateway("/anything", host="other.example.com").refusal[2] == "no_such_route"


def test_a_state_in_a_cookie_comes_back_beside_the_backends_answer(front: Stack) -> None:
    login = front.gateway("/cookie/login", ("Cookie", f"a=1; js_code={front.code('zhangsan')}"))
    assert login.identity["x-menshen-user"]
    state = re.match(r"user_session=([^;]+);", login.headers["set-cookie"])
    assert state is not None
    check = front.gateway("/cookie/x", ("Cookie", f"a=1; user_session={state[1]}; b=2"))
    assert (bool(check.identity["x-menshen-user"]), check.seen["cookie"]) == (True, "a=1; b=2")
    assert "cookie" not in front.gateway("/cookie/x", ("Cookie", f"user_session={state[1]}")).seen


def test_a_prefix_is_taken_off(front: Stack) -> None:
    login = front.gateway("/book/login", ("code", front.code("zhangsan")))
    check = front.gateway("/book/orders/1?x=1", ("sessionId", login.json["sessionId"]))
    assert (check.json["path"], check.json["query"]) == ("/orders/1", "x=1")


def test_the_user_api_is_there(front: Stack) -> None:
    state = ("user_session", front.log_in("zhangsan"))
    assert front.gateway("/v1/me", state, ("X-Menshen-Client", "forged")).json["uid"]
    assert front.gateway("/v1/me").refusal[2] == "session_missing"


def test_a_request_has_an_id_of_the_gateways(front: Stack) -> None:
    reply = front.gateway("/mall/static/x", ("X-Request-Id", "mine"))
    assert reply.seen["x-request-id"] not in ("", "mine")


def test_without_the_secret_or_the_brain_nobody_is_let_in(tmp_path: Path, front: Stack) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with behind_traefik(front, tmp_path / "a", secret="x" * 43) as running:
        for path in ("/mall/static/x", "/mall/orders/1", "/nowhere"):
            assert running.gateway(path).refusal == (503, 5004, "brain_unavailable")
        assert running.gateway("/v1/me").status == 403
    with behind_traefik(front, tmp_path / "b", verify="127.0.0.1:9") as running:
        assert running.gateway("/mall/static/x").status == 500
