"""Through a real Envoy: signed login states, judged without the brain."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator

import pytest
from joserfc.jwk import ECKey

from tests.envoy.edge import Edge, edge_of
from tests.envoy.fakes import Received
from tests.envoy.signed import KEY, KEYS, OTHER, SIGNED, signed_routes, token
from tests.envoy.test_edge_strip import FORGED

MISSING = (401, 4001, "session_missing")
INVALID = (401, 4001, "session_invalid")
EXPIRED = (401, 4024, "session_expired")
REVOKED = (401, 4024, "session_revoked")
UNCHECKED = (503, 5004, "brain_unavailable")


@pytest.fixture(scope="module")
def signed_edge() -> Iterator[Edge]:
    with edge_of(keys=KEYS, routes=tuple(signed_routes())) as edge:
        yield edge


@pytest.fixture
def edge(signed_edge: Edge) -> Edge:
    signed_edge.reset()
    return signed_edge


@pytest.fixture(params=["brain alive", "brain dead"])
def either(request: pytest.FixtureRequest, edge: Edge) -> Iterator[Edge]:
    if request.param == "brain alive":
        yield edge
        return
    edge.run(edge.brain.stop())
    try:
        yield edge
    finally:
        edge.run(edge.brain.start())
        while edge.ask("/mall/orders/7", [("user_session", "s")]).status != 200:
            time.sleep(0.05)


def state(text: str) -> list[tuple[str, str]]:
    return [("state", text)]


def identity(request: Received) -> dict[str, str | None]:
    return {name: request.one(name) for _, name in (*SIGNED.identity, *SIGNED.claims)}


def test_a_good_state_reaches_the_backend_with_its_identity_and_the_brain_is_not_asked(either: Edge) -> None:
    got = either.ask("/app/orders/7", state(token(openid="o-1", c_level="7")))
    assert got.status == 200
    assert identity(either.forwarded) == {
        "x-menshen-user": "u-1",
        "x-menshen-session": "sid1",
        "x-menshen-platform": "wechat",
        "x-menshen-appid": "wx4f4bc4dec97d474b",
        "x-app-name": "shop",
        "x-source": "wechat",
        "x-menshen-openid": "o-1",
        "x-menshen-unionid": "",
        "x-menshen-assertion": "",
        "x-user-level": "7",
    }
    assert not either.brain.received
    assert not either.forwarded.all("state")


INTERNAL = (
    "x-menshen-sid",
    "x-menshen-auth",
    "x-menshen-audience",
    "x-menshen-renew-at",
    "x-menshen-client",
    "x-menshen-received",
    "x-menshen-route",
)


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/app/orders/7", state("STATE")),
        ("/app/open", []),
        ("/app/free", []),
        ("/app/orders/7", [*state("STATE"), ("js_code", "c")]),
        ("/mall/orders/7", [("user_session", "s")]),
    ],
    ids=["judged", "anonymous", "public", "asked", "sealed"],
)
def test_what_the_filters_tell_each_other_is_neither_believed_nor_passed_on(
    edge: Edge, target: str, headers: list[tuple[str, str]]
) -> None:
    headers = [(name, token() if value == "STATE" else value) for name, value in headers]
    assert edge.ask(target, [*headers, *((name, FORGED) for name in (*INTERNAL, "x-user-level"))]).status == 200
    for name in INTERNAL:
        assert not edge.forwarded.all(name)
    assert FORGED not in repr(edge.forwarded)
    assert FORGED not in repr(edge.brain.received)


def test_a_forged_session_id_does_not_hide_a_revoked_one(edge: Edge) -> None:
    assert edge.ask("/app/orders/7", [*state(token()), ("x-menshen-sid", "x"), ("X_Menshen_Sid", "y")]).status == 200


def _alg_none() -> str:
    _, payload, _ = token().split(".")
    head = base64.urlsafe_b64encode(b'{"alg":"none","kid":"k1","typ":"JWT"}').rstrip(b"=").decode()
    return f"{head}.{payload}."


def _hmac_of_the_public_key() -> str:
    """The algorithm confusion: HS256 with the public key's text as the secret."""
    import hashlib
    import hmac

    _, payload, _ = token().split(".")
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"k1","typ":"JWT"}').rstrip(b"=").decode()
    mac = hmac.new(KEYS.encode(), f"{head}.{payload}".encode(), hashlib.sha256).digest()
    return f"{head}.{payload}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


NOW = int(time.time())
BAD = {
    "another key under our id": (lambda: token(("k1", "ES256", ECKey.generate_key("P-256"))), INVALID),
    "unknown key id": (lambda: token(OTHER), INVALID),
    "another issuer": (lambda: token(iss="menshen/assertion"), INVALID),
    "no issuer": (lambda: token(iss=None), INVALID),
    "another app": (lambda: token(aud="wechat/wx-other"), INVALID),
    "another platform": (lambda: token(aud="qq/wx4f4bc4dec97d474b"), INVALID),
    "no audience": (lambda: token(aud=None), INVALID),
    "no end": (lambda: token(exp=None), INVALID),
    "an end that is no number": (lambda: token(exp="9999999999"), INVALID),
    "alg none": (_alg_none, INVALID),
    "alg HS256": (_hmac_of_the_public_key, INVALID),
    "changed payload": (lambda: token().replace(".", ".A", 1), INVALID),
    "cut off": (lambda: token()[:-8], INVALID),
    "garbage": (lambda: "garbage", INVALID),
    "garbage of three": (lambda: "a.b.c", INVALID),
    "dots": (lambda: "..", INVALID),
    "too old": (lambda: token(exp=NOW - 5), EXPIRED),
    "much too old": (lambda: token(exp=1), EXPIRED),
    "none": (lambda: "", MISSING),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("target", ["/app/orders/7", "/app/open", "/find/q"])
def test_a_bad_state_is_refused_by_envoy_in_the_words_of_the_contract(either: Edge, case: str, target: str) -> None:
    make, expected = BAD[case]
    text = make()
    if target == "/find/q":
        got = either.ask(f"{target}?a=1&token={text}" if text else target)
    else:
        got = either.ask(target, state(text) if text else ())
    if target == "/app/open" and expected is MISSING:
        assert got.status == 200
        assert set(identity(either.forwarded).values()) == {""}
    else:
        assert got.refusal == expected
        assert got.json["action"] == "login"
        assert not either.backend.received
    assert not got.all("www-authenticate")
    assert not either.brain.received


@pytest.mark.parametrize("length", [2000, 8000])
def test_a_long_text_is_no_state(either: Edge, length: int) -> None:
    assert either.ask("/app/orders/7", state("a" * length)).refusal == INVALID


def test_a_state_ends_by_the_clock_though_envoy_keeps_it(edge: Edge) -> None:
    end = int(time.time()) + 2
    short = state(token(exp=end))
    asked = time.time()
    while edge.ask("/app/orders/7", short).status == 200:
        assert asked < end + 2.5
        time.sleep(0.05)
        asked = time.time()
    assert end <= time.time()
    assert edge.ask("/app/orders/7", short).refusal == EXPIRED


GOOD = "GOOD"
MISSHAPEN = {
    "a letter more": ("/app/orders/7", f"{GOOD}A"),
    "a letter more, in the query": ("/find/q", f"{GOOD}A"),
    "a quote more": ("/app/orders/7", f'{GOOD}"'),
    "a state behind a space": ("/app/orders/7", f"{GOOD} {GOOD}"),
    "a part more": ("/app/orders/7", f"{GOOD}.A"),
    "on an optional API": ("/app/open", f"{GOOD}A"),
}


@pytest.mark.parametrize("name", MISSHAPEN)
def test_a_state_with_something_behind_it_is_none(name: str, edge: Edge) -> None:
    """Attack class 20. Envoy's own check would take the state for the whole text, with the brain dead as well."""
    target, text = MISSHAPEN[name]
    good = token()
    asked = len(edge.brain.received)
    if target.startswith("/find"):
        got = edge.ask(f"{target}?token={text.replace(GOOD, good)}", [])
    else:
        got = edge.ask(target, [("state", text.replace(GOOD, good))])
    assert got.refusal == INVALID
    assert len(edge.brain.received) == asked


@pytest.mark.parametrize("letter", ["B", "P", "_"])
def test_the_stray_bits_of_a_signature_are_none(letter: str, edge: Edge) -> None:
    """Attack class 20: the last letter has two bits of the signature and four that nobody would look at."""
    good = token()
    assert edge.ask("/app/orders/7", [("state", good)]).status == 200
    assert edge.ask("/app/orders/7", [("state", good[:-1] + letter)]).refusal == INVALID


TO_THE_BRAIN = {
    "code in the header": ("/app/orders/7", [("js_code", "c")]),
    "code and state": ("/app/orders/7", [("state", GOOD), ("js_code", "c")]),
    "an empty code": ("/app/orders/7", [("state", GOOD), ("js_code", "")]),
    "two states": ("/app/orders/7", [("state", GOOD), ("State", GOOD)]),
    "two states in one header": ("/app/orders/7", [("state", f"{GOOD},{GOOD}")]),
    "an empty state": ("/app/orders/7", [("state", "")]),
    "an empty state, optional": ("/app/open", [("state", "")]),
    "a state in the query too": ("/app/orders/7?a=1&state=x", [("state", GOOD)]),
    "in the query first": ("/app/orders/7?state=x&a=1", [("state", GOOD)]),
    "in the query, escaped": ("/app/orders/7?st%61te=x", [("state", GOOD)]),
    "in the query alone": ("/app/open?%73tate=x", []),
    "in a cookie too": ("/app/orders/7", [("state", GOOD), ("cookie", "a=b; state=x")]),
    "in a second cookie header": ("/app/orders/7", [("state", GOOD), ("cookie", "a=b"), ("cookie", "state=x")]),
    "in a first cookie header": ("/app/open", [("cookie", "state=x"), ("cookie", "a=b")]),
    "in a cookie with spaces": ("/app/orders/7", [("state", GOOD), ("cookie", "a=b ;  state =x; c=d")]),
    "in a cookie first": ("/app/open", [("cookie", "state=x; c=d")]),
    "an AppSecret": ("/app/orders/7", [("state", GOOD), ("AppSecret", "x")]),
    "code in the query": ("/find/q?token=GOOD&code=c", []),
    "code in the query, escaped": ("/find/q?c%6Fde=c&token=GOOD", []),
    "code in the query, empty": ("/find/open?code", []),
    "state twice": ("/find/q?token=GOOD&token=GOOD", []),
    "state twice, empty first": ("/find/q?token=&token=GOOD", []),
    "state twice, bare first": ("/find/q?token&a=b&token=GOOD", []),
    "state twice, escaped": ("/find/q?token=GOOD&a=b&t%6fken=GOOD", []),
    "state escaped": ("/find/q?%74oken=GOOD", []),
    "state escaped last": ("/find/q?toke%6E=GOOD", []),
    "state escaped, anonymous": ("/find/open?toke%6E=GOOD", []),
    "an escaped value": ("/find/q?token=%65GOOD", []),
    "an empty value": ("/find/q?token=", []),
    "state in a header too": ("/find/q?token=GOOD", [("token", "x")]),
    "code in a cookie": ("/jar/x", [("cookie_state", GOOD), ("cookie", "mp_code=c")]),
}


@pytest.mark.parametrize("case", TO_THE_BRAIN)
def test_whatever_needs_the_brain_goes_to_the_brain(edge: Edge, case: str) -> None:
    target, headers = TO_THE_BRAIN[case]
    good = token()
    assert edge.ask(target.replace(GOOD, good), [(n, v.replace(GOOD, good)) for n, v in headers]).status == 200
    group, api = target.partition("?")[0].strip("/").split("/")[:2]
    assert (edge.asked.one("x-menshen-route") or "").startswith(f"{group}/{api}@")
    assert GOOD not in edge.forwarded.target


def test_and_without_the_brain_it_is_refused(edge: Edge) -> None:
    edge.run(edge.brain.stop())
    try:
        good = token()
        for target, headers in TO_THE_BRAIN.values():
            got = edge.ask(target.replace(GOOD, good), [(n, v.replace(GOOD, good)) for n, v in headers])
            assert got.refusal == UNCHECKED
        assert not edge.backend.received
    finally:
        edge.run(edge.brain.start())
        while edge.ask("/mall/orders/7", [("user_session", "s")]).status != 200:
            time.sleep(0.05)


ALONE = {
    "other parameters": ("/app/orders/7?a=b&states=1&astate=2&x=state", [("state", GOOD)]),
    "other cookies": ("/app/orders/7", [("state", GOOD), ("cookie", "mystate=1; states=2; a=state")]),
    "a method of the API": ("/app/orders/7", [("STATE", GOOD)]),
    "state first": ("/find/q?token=GOOD&a=b", []),
    "state last": ("/find/q?a=b&mytoken=1&token2=3&token=GOOD", []),
    "anonymous": ("/find/open?a=b&mytoken=x&codes=1", []),
    "no query": ("/find/open", []),
    "other cookie": ("/jar/x", [("cookie_state", GOOD), ("cookie", "a=b")]),
}


@pytest.mark.parametrize("case", ALONE)
def test_what_only_looks_similar_is_judged_alone(edge: Edge, case: str) -> None:
    target, headers = ALONE[case]
    good = token()
    assert edge.ask(target.replace(GOOD, good), [(n, v.replace(GOOD, good)) for n, v in headers]).status == 200
    assert not edge.brain.received
    assert good not in repr(edge.forwarded)


def test_a_login_in_the_body_is_the_brains_and_a_state_envoys(edge: Edge) -> None:
    body = json.dumps({"code": "c"}).encode()
    assert edge.ask("/form/send", [("content-type", "application/json")], method="POST", body=body).status == 200
    assert edge.asked.body == body
    edge.reset()
    assert edge.ask("/form/send", [("body_state", token())], method="POST", body=body).status == 200
    assert not edge.brain.received
    assert edge.forwarded.body == body


def test_a_method_that_the_api_has_not_is_405(edge: Edge) -> None:
    got = edge.ask("/app/orders/7", state(token()), method="DELETE")
    assert got.refusal == (405, 4004, "method_not_allowed")


def test_a_refresh_token_never_reaches_a_backend(edge: Edge) -> None:
    for target in ("/app/orders/7", "/app/free", "/app/open"):
        edge.reset()
        edge.ask(target, [*state(token()), ("fresh_token", "REFRESH"), ("js_code", "c")])
        assert "REFRESH" not in repr(edge.forwarded)


def test_a_renewed_state_of_the_slow_path_and_a_refresh_token_reach_the_client(edge: Edge) -> None:
    from tests.envoy.fakes import Reply

    edge.brain.answer = lambda _: Reply(headers=(("state", "new"), ("fresh_token", "r"), ("x-user-level", "9")))
    got = edge.ask("/app/orders/7", [("js_code", "c")])
    assert (got.all("state"), got.all("fresh_token")) == (["new"], ["r"])
    assert edge.forwarded.one("x-user-level") == "9"


def test_a_websocket_upgrade_is_judged_alone(edge: Edge) -> None:
    from tests.envoy.test_edge_brain import UPGRADE

    assert edge.ask("/app/ws", [*state(token()), *UPGRADE]).status == 101
    assert not edge.brain.received
    edge.reset()
    assert edge.ask("/app/ws", [*state("a.b.c"), *UPGRADE]).refusal == INVALID


@pytest.mark.parametrize("target", ["/app/free", "/mall/static/a"])
def test_a_public_route_does_not_look_at_states(edge: Edge, target: str) -> None:
    assert edge.ask(target, state("garbage")).status == 200


def test_the_key_names_the_algorithm(edge: Edge) -> None:
    """A key is only used with its own algorithm."""
    assert edge.ask("/app/orders/7", state(token(("k1", "EdDSA", OTHER[2])))).refusal == INVALID
    assert edge.ask("/app/orders/7", state(token(KEY))).status == 200


@pytest.mark.parametrize("value", ["a\r\nx-menshen-user: somebody", "a\nb", "a\x00b"])
def test_a_claim_that_no_header_can_hold_forges_none(edge: Edge, value: str) -> None:
    assert edge.ask("/app/orders/7", state(token(c_level=value))).refusal == (500, 5005, "internal_fault")
    assert not edge.backend.received


def test_a_claim_in_another_script_arrives_as_utf_8(edge: Edge) -> None:
    assert edge.ask("/app/orders/7", state(token(c_level="门神"))).status == 200
    assert (edge.forwarded.one("x-user-level") or "").encode("latin-1").decode() == "门神"
