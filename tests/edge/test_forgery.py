"""Identity headers that a client sends: gone, in every spelling, on every kind of route (attack classes 1 to 9)."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.edge.conftest import Stack

NAMES = [
    *(f"x-menshen-{field}" for field in ("user", "platform", "appid", "openid", "unionid", "session", "assertion")),
    *("x-menshen-route", "x-menshen-received", "x-menshen-tag-vip", "x-menshen-anything"),
    *("x-wx-openid", "x-wx-appid", "x-wx-unionid", "x-wx-source", "x-wx-from-openid"),
    *("x-user-openid", "uid", "x-session-key"),
]
PATHS = {
    "required": "/mall/orders/1",
    "optional": "/mall/news",
    "public": "/mall/static/x",
    "cloudrun": "/cloud/x",
    "mapped": "/mapped/x",
    "public, no plugin": "/x",
}


@pytest.fixture(scope="module")
def state(stack: Stack) -> str:
    return stack.log_in("mallory")


def spellings(name: str) -> list[str]:
    words = name.split("-")
    return [
        name,
        name.upper(),
        name.title(),
        "_".join(words),
        "_".join(words).upper(),
        ".".join(words),
        "".join(itertools.chain.from_iterable(zip(words, itertools.chain("-_" * 4), strict=False)))[:-1],
    ]


@pytest.mark.parametrize("kind", PATHS)
@pytest.mark.parametrize("name", NAMES)
def test_a_forged_header_never_arrives(kind: str, name: str, stack: Stack, state: str) -> None:
    forged = [(spelling, "forged-value") for spelling in spellings(name)]
    host = "named.example.com" if kind == "public, no plugin" else None
    reply = stack.gateway(PATHS[kind], ("user_session", state), *forged, host=host)
    assert reply.status == 200, reply.raw
    assert b"forged-value" not in reply.raw


@pytest.mark.parametrize("kind", ["optional", "public"])
def test_an_anonymous_caller_stays_nobody(kind: str, stack: Stack) -> None:
    reply = stack.gateway(PATHS[kind], *((name, "forged-value") for name in NAMES))
    assert reply.identity
    assert set(reply.identity.values()) == {""}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(NAMES),
    separators=st.lists(st.sampled_from("-_."), min_size=4, max_size=4),
    upper=st.lists(st.booleans(), min_size=30, max_size=30),
    path=st.sampled_from(list(PATHS.values())[:5]),
)
def test_no_spelling_gets_through(
    name: str, separators: list[str], upper: list[bool], path: str, stack: Stack, state: str
) -> None:
    between = iter(separators)
    spelled = "".join(next(between) if c == "-" else c for c in name)
    spelled = "".join(c.upper() if u else c for c, u in zip(spelled, upper, strict=False))
    reply = stack.gateway(path, ("user_session", state), (spelled, "forged-value"))
    assert reply.status == 200
    assert b"forged-value" not in reply.raw


def test_repeated_forgeries_are_all_removed(stack: Stack, state: str) -> None:
    reply = stack.gateway(
        "/mall/orders/1",
        ("user_session", state),
        *[("X-Menshen-User", f"forged-value-{n}") for n in range(5)],
    )
    assert b"forged-value" not in reply.raw
    assert reply.identity["x-menshen-user"].startswith("u")


def test_hop_by_hop_cannot_remove_an_identity_header(stack: Stack, state: str) -> None:
    """Attack class 8: ``Connection`` names headers for a proxy to drop."""
    reply = stack.gateway(
        "/mall/orders/1", ("user_session", state), ("Connection", "close, X-Menshen-User, X-Menshen-Openid")
    )
    if reply.status == 200:
        assert reply.identity["x-menshen-user"].startswith("u")
        assert reply.identity["x-menshen-openid"].startswith("o")
    else:
        assert reply.refusal[1] == 4000


def test_proxy_headers_of_a_client_do_not_arrive(stack: Stack, state: str) -> None:
    """Attack class 16."""
    names = (
        *("X-Forwarded-Host", "X-Forwarded-For", "X-Forwarded-Prefix", "X-Original-URL", "X-Rewrite-URL", "Forwarded"),
        *("X-Envoy-Original-Path", "X-Envoy-Upstream-Rq-Timeout-Ms", "X-HTTP-Method-Override"),
    )
    reply = stack.gateway("/mall/orders/1", ("user_session", state), *((name, "66.66.66.66") for name in names))
    assert reply.status == 200
    assert b"66.66.66.66" not in reply.raw


def test_a_forged_stamp_chooses_no_other_route(stack: Stack) -> None:
    """The brain believes Envoy's stamp; a client's own copy of it is removed before."""
    reply = stack.gateway("/mall/orders/1", ("X-Menshen-Route", "mall/news@" + "0" * 32))
    assert reply.refusal == (401, 4001, "session_missing")
