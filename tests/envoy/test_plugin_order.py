"""In which order plugins work on a request: whoever stands in front refuses first, and nothing behind is asked."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from menshen.config.snapshot import Route
from menshen.documents.documents import load_document
from tests.envoy.edge import Edge, deny, edge_of
from tests.envoy.issuer import P256, issued, public_of

DOCUMENT = """\
version: 1
apps:
  - {name: shop, platform: wechat, appid: wx4f4bc4dec97d474b, secret: any-secret-of-shop}
upstreams:
  - {name: orders, endpoints: ["127.0.0.1:9001"]}
groups:
  - name: mall
    prefix: /mall
    upstream: orders
    apis: [{name: all, path: /all}, {name: near, path: /near}, {name: open, path: /open, access: public}]
plugins:
  - {name: shop-login, type: WeChatMpLogin, app: shop}
  - {name: pages, type: Cors, origins: ["https://shop.example.com"]}
  - {name: nobody, type: IpAccess, deny: ["127.0.0.1"]}
  - {name: elsewhere, type: IpAccess, deny: ["192.0.2.1"]}
  - {name: one, type: RateLimit, limits: [{by: api, requests: 1}]}
  - {name: partner, type: Jwt, issuer: i, jwks: JWKS}
  - {name: near-partner, type: Jwt, issuer: near, jwks: JWKS}
  - {name: moved, type: PathRewrite, rules: [{regex: "/mall/all", replacement: /moved}]}
  - {name: city, type: Tag, tags: [{in: query, name: city}]}
bindings: BINDINGS
"""


def routes(*bindings: str) -> tuple[Route, ...]:
    """The routes of the document with these bindings, such as ``pages@mall``."""
    bound = [dict(zip(("plugin", "api" if "/" in b else "group"), b.split("@"), strict=True)) for b in bindings]
    text = DOCUMENT.replace("JWKS", public_of(P256)).replace("BINDINGS", json.dumps(bound))
    return load_document(text, {}).snapshot.routes


def refusals(edge: Edge, path: str, count: int, *headers: tuple[str, str]) -> list[str]:
    return [edge.ask(path, headers).refusal[2] for _ in range(count)]


@pytest.mark.parametrize(
    ("bindings", "refused"),
    [
        (["nobody@mall", "one@mall", "partner@mall", "shop-login@mall"], {"address_refused"}),
        (["elsewhere@mall", "one@mall", "partner@mall", "shop-login@mall"], {"token_missing", "rate_limit"}),
        (["shop-login@mall", "partner@mall", "elsewhere@mall"], {"token_missing"}),
    ],
    ids=["addresses before limits", "limits before tokens", "tokens before the brain"],
)
def test_whoever_stands_in_front_refuses_first(bindings: list[str], refused: set[str]) -> None:
    """The order of the bindings does not matter."""
    for order in (bindings, bindings[::-1]):
        with edge_of(routes=routes(*order)) as edge:
            # One a second is let on to the tokens, however slow this machine is.
            assert set(refusals(edge, "/mall/all", 8, ("user_session", "s"))) == refused
            assert not edge.brain.received
            assert not edge.backend.received


def test_the_brain_is_before_tags_and_what_chooses_by_them() -> None:
    with edge_of(routes=routes("city@mall", "moved@mall", "shop-login@mall")) as edge:
        edge.brain.answer = lambda _: deny(401)
        assert edge.ask("/mall/all?city=a", [("user_session", "s")]).status == 401
        assert not edge.backend.received
        assert edge.asked.one("x-menshen-tag-city") is None
        edge.reset()
        assert edge.ask("/mall/all?city=a", [("user_session", "s")]).status == 200
        assert (edge.forwarded.target, edge.forwarded.one("x-menshen-tag-city")) == ("/moved?city=a", "a")


def test_a_preflight_is_answered_before_anybody_is_asked() -> None:
    with edge_of(routes=routes("pages@mall", "one@mall", "partner@mall", "shop-login@mall")) as edge:
        preflight = [("Origin", "https://shop.example.com"), ("Access-Control-Request-Method", "GET")]
        for _ in range(3):
            got = edge.ask("/mall/all", preflight, method="OPTIONS")
            assert (got.status, got.all("access-control-allow-origin")) == (200, ["https://shop.example.com"])
        assert not edge.brain.received


@pytest.fixture(scope="module")
def merged() -> Iterator[Edge]:
    bound = ["one@mall", "one@mall/near", "partner@mall", "near-partner@mall/near", "shop-login@mall", "moved@mall"]
    with edge_of(routes=routes(*bound)) as edge:
        yield edge


def test_of_an_exclusive_kind_the_apis_own_is_asked(merged: Edge) -> None:
    def token(issuer: str) -> tuple[str, str]:
        return "Authorization", f"Bearer {issued(iss=issuer)}"

    state = ("user_session", "s")
    assert merged.ask("/mall/near", [token("near"), state]).status == 200, "bound twice, the limit counts once"
    assert set(refusals(merged, "/mall/near", 8, token("i"), state)) <= {"rate_limit", "token_invalid"}
    assert merged.ask("/mall/all", [token("i"), state]).status == 200


def test_public_takes_guards_off_and_leaves_the_rest(merged: Edge) -> None:
    merged.reset()
    assert merged.ask("/mall/open").status == 200
    assert not merged.brain.received
    assert "rate_limit" in [
        got.json["reason"] for got in (merged.ask("/mall/open") for _ in range(8)) if got.status != 200
    ]
