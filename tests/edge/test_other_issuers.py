"""The whole gateway: tokens of other issuers beside logins, calls of pages, and rewritten paths."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.edge.conftest import Stack, running_stack
from tests.envoy.issuer import AUDIENCE, ISSUER, P256, Issuer, issued, public_of, running_issuer

PAGE = "https://shop.example.com"

DOCUMENT = """\
version: 1
apps:
  - {{name: shop, platform: wechat, appid: {appid}, secret: "{secret}", base_url: "{emulator}/wechat"}}
upstreams:
  - {{name: orders, endpoints: ["{backend}"], timeout: 10}}
groups:
  - name: sealed
    prefix: /sealed
    upstream: orders
    apis:
      - {{name: order, path: "/orders/{{id}}"}}
      - {{name: news, path: /news, access: optional}}
      - {{name: free, path: /free, access: public}}
  - name: signed
    prefix: /signed
    upstream: orders
    apis: [{{name: order, path: "/orders/{{id}}"}}, {{name: news, path: /news, access: optional}}]
  - {{name: login, prefix: /login, upstream: orders, apis: [{{name: all, path: /*}}]}}
  - {{name: token, prefix: /token, upstream: orders, apis: [{{name: all, path: /*}}]}}
plugins:
  - {{name: sealed-login, type: WeChatMpLogin, app: shop}}
  - {{name: signed-login, type: WeChatMpLogin, app: shop, session: {{name: signed_session, kind: signed}}}}
  - name: partner
    type: Jwt
    issuer: ISSUER
    audiences: [AUDIENCE]
    jwks_url: KEYS
    claims: {{sub: X-Partner-User, role: X-Partner-Role}}
  - {{name: pages, type: Cors, origins: ["https://shop.example.com"]}}
  - name: paths
    type: PathRewrite
    rules: [{{regex: "/(sealed|signed)/orders/([0-9]+)", replacement: /v2/$1/$2, block: true}}]
bindings:
  - {{plugin: sealed-login, group: sealed}}
  - {{plugin: signed-login, group: signed}}
  - {{plugin: sealed-login, group: login}}
  - {{plugin: signed-login, api: login/all}}
  - {{plugin: partner, group: sealed}}
  - {{plugin: partner, group: signed}}
  - {{plugin: partner, group: token}}
  - {{plugin: pages, group: sealed}}
  - {{plugin: pages, group: signed}}
  - {{plugin: paths, group: sealed}}
  - {{plugin: paths, group: signed}}
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_issuer(Issuer(body=public_of(P256).encode())) as issuer:
        document = DOCUMENT.replace("ISSUER", ISSUER).replace("AUDIENCE", AUDIENCE).replace("KEYS", issuer.url)
        with running_stack(tmp_path_factory.mktemp("issuers"), document) as stack:
            yield stack


def bearer(token: str) -> tuple[str, str]:
    return "Authorization", f"Bearer {token}"


def state(stack: Stack, kind: str) -> tuple[str, str]:
    """A login state of the kind, from an API where no token is asked for."""
    name = "user_session" if kind == "sealed" else "signed_session"
    if kind == "signed":
        reply = stack.gateway("/login/x", ("js_code", stack.code("zhangsan")))
    else:
        reply = stack.gateway("/sealed/news", ("js_code", stack.code("zhangsan")))
    assert reply.status == 200, reply.raw
    return name, reply.headers[name]


@pytest.mark.parametrize("kind", ["sealed", "signed"])
def test_login_and_token_must_both_be_good(stack: Stack, kind: str) -> None:
    good, token = state(stack, kind), bearer(issued(role="buyer"))
    reply = stack.gateway(f"/{kind}/orders/7", good, token)
    assert reply.status == 200
    assert reply.seen["x-partner-user"] == "partner-user"
    assert reply.seen["x-partner-role"] == "buyer"
    assert reply.identity["x-menshen-user"].startswith("u")
    assert reply.json["path"] == f"/v2/{kind}/7"
    assert "authorization" not in reply.seen
    assert good[0] not in reply.seen
    for headers, refusal in (
        ((good,), (401, 4001, "token_missing")),
        ((good, bearer(issued(exp=5))), (401, 4024, "token_expired")),
        ((good, bearer(issued(aud="x"))), (401, 4001, "token_invalid")),
        ((token,), (401, 4001, "session_missing")),
        ((token, (good[0], "forged")), (401, 4001, "session_invalid")),
        ((token, token, good), (400, 4000, "ambiguous_credential")),
    ):
        assert stack.gateway(f"/{kind}/orders/7", *headers).refusal == refusal


@pytest.mark.parametrize("kind", ["sealed", "signed"])
def test_where_both_may_be_missing(stack: Stack, kind: str) -> None:
    good, token = state(stack, kind), bearer(issued())
    for headers, user, partner in (
        ((), False, ""),
        ((good,), True, ""),
        ((token,), False, "partner-user"),
        ((good, token), True, "partner-user"),
    ):
        reply = stack.gateway(f"/{kind}/news", ("X-Partner-User", "forged"), ("x_partner_role", "forged"), *headers)
        assert reply.status == 200
        assert bool(reply.identity["x-menshen-user"]) == user
        assert (reply.seen["x-partner-user"], reply.seen["x-partner-role"]) == (partner, "")
        assert "forged" not in reply.raw.decode()
    assert stack.gateway(f"/{kind}/news", good, bearer("x")).refusal == (401, 4001, "token_invalid")
    assert stack.gateway(f"/{kind}/news", (good[0], "x"), token).refusal == (401, 4001, "session_invalid")


def test_a_public_api_of_the_group_has_the_headers_empty(stack: Stack) -> None:
    reply = stack.gateway("/sealed/free", bearer(issued()), ("X-Partner-User", "forged"))
    assert reply.status == 200
    assert (reply.seen["x-partner-user"], reply.seen["x-partner-role"]) == ("", "")
    assert "authorization" not in reply.seen


def test_a_code_is_spent_only_after_the_token_was_good(stack: Stack) -> None:
    before = stack.exchanges()
    code = stack.code("lisi")
    assert stack.gateway("/sealed/orders/7", ("js_code", code)).refusal[2] == "token_missing"
    assert stack.gateway("/sealed/orders/7", ("js_code", code), bearer("x")).refusal[2] == "token_invalid"
    assert stack.exchanges() == before
    reply = stack.gateway("/sealed/orders/7", ("js_code", code), bearer(issued()))
    assert reply.status == 200
    assert reply.headers["user_session"]
    assert reply.seen["x-partner-user"] == "partner-user"


def test_class_23_what_the_gateway_signs_is_no_token_of_another_issuers(stack: Stack) -> None:
    """Neither a login state nor the assertion that a backend got, although both are signed JWTs."""
    name, signed = state(stack, "signed")
    assertion = stack.gateway("/signed/news", (name, signed)).identity["x-menshen-assertion"]
    if not assertion:  # a state that Envoy judges alone comes without one
        sealed = state(stack, "sealed")
        assertion = stack.gateway("/sealed/news", sealed).identity["x-menshen-assertion"]
    for token in (signed, assertion):
        assert token.count(".") == 2
        assert stack.gateway("/token/x", bearer(token)).refusal == (401, 4001, "token_invalid")
    token = issued()
    for name in ("user_session", "signed_session"):
        kind = "sealed" if name == "user_session" else "signed"
        assert stack.gateway(f"/{kind}/orders/7", (name, token), bearer(token)).refusal[2] == "session_invalid"


def test_pages(stack: Stack) -> None:
    asks = (("Origin", PAGE), ("Access-Control-Request-Method", "GET"))
    for kind, name in (("sealed", "user_session"), ("signed", "signed_session")):
        reply = stack.gateway(f"/{kind}/orders/7", *asks, method="OPTIONS")
        assert reply.status == 200
        assert reply.headers["access-control-allow-headers"] == f"authorization, js_code, {name}, content-type"
        assert (
            stack.gateway(f"/{kind}/orders/7", ("Origin", "null"), asks[1], method="OPTIONS").refusal[2]
            == "origin_refused"
        )
        refused = stack.gateway(f"/{kind}/orders/7", asks[0], bearer(issued()))
        assert refused.refusal[2] == "session_missing"
        assert refused.headers["access-control-allow-origin"] == PAGE
    login = stack.gateway("/sealed/news", asks[0], ("js_code", stack.code("wangwu")))
    assert "user_session" in login.headers["access-control-expose-headers"].split(", ")


def test_what_the_backend_gets_cannot_be_asked_for(stack: Stack) -> None:
    """A rewritten path is matched by nothing, and no client's way leads there."""
    for path in ("/v2/sealed/7", "/sealed/../v2/sealed/7"):
        assert stack.gateway(path, state(stack, "sealed"), bearer(issued())).refusal[2] == "no_such_route"


def test_no_token_is_in_a_log(stack: Stack) -> None:
    tokens = [issued(), issued(exp=5), issued(aud="planted-audience")]
    for token in tokens:
        stack.gateway("/token/x", bearer(token))
        stack.gateway(f"/token/x?access_token={token}", bearer(token))
    log = stack.serve.log.read_text()
    assert "planted-audience" not in log
    assert not [token for token in tokens if token in log or token.split(".")[2] in log]
