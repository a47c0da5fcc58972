"""Through a real Envoy: tokens of other issuers, whose keys are written in the document."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import ECKey

from menshen.config.route_rules import TokenAt
from tests.envoy.edge import Edge, edge_of
from tests.envoy.fakes import Received
from tests.envoy.issuer import AUDIENCE, ISSUER, P256, RSA, issued, jwt_rules, payload, public_of, signed_as
from tests.envoy.samples import BY_HEADER, MENSHEN, route
from tests.envoy.signed import KEYS, SIGNED
from tests.envoy.signed import token as login_state

MISSING = (401, 4001, "token_missing")
INVALID = (401, 4001, "token_invalid")
EXPIRED = (401, 4024, "token_expired")
TWO = (400, 4000, "ambiguous_credential")

CLAIMS = ("x-partner-user", "x-partner-role", "x-partner-realm")
TOLD = (*(name for _, name in MENSHEN), *CLAIMS)
PARTNER = jwt_rules()
BY_QUERY = jwt_rules(plugin="by-query", token=TokenAt("query", "access_token"))
BY_OWN_HEADER = jwt_rules(plugin="own-header", token=TokenAt("header", "x-partner-token"))
SISTER = jwt_rules(plugin="sister", audiences=("sister",), claims=(("sub", "x-sister-user"),))


def on(name: str, login: object = None, **changes: object) -> object:
    fields = {"prefix": "/p", "jwt": PARTNER, "access": "required", "identity_headers": TOLD, **changes}
    return route("p", name, f"/{name}", login, **fields)  # type: ignore[arg-type]


ROUTES = (
    on("must"),
    on("may", access="optional"),
    on("free", jwt=None, access="public"),
    on("query", jwt=BY_QUERY),
    on("query-may", jwt=BY_QUERY, access="optional"),
    on("own", jwt=BY_OWN_HEADER),
    on("own-may", jwt=BY_OWN_HEADER, access="optional"),
    on("sister", jwt=SISTER, access="optional", identity_headers=("x-sister-user",)),
    on("asked", BY_HEADER),
    on("signed", SIGNED),
    on("signed-may", SIGNED, access="optional"),
)


@pytest.fixture(scope="module")
def tokens_edge() -> Iterator[Edge]:
    with edge_of(keys=KEYS, routes=ROUTES) as edge:
        yield edge


@pytest.fixture
def edge(tokens_edge: Edge) -> Edge:
    tokens_edge.reset()
    return tokens_edge


def bearer(token: str) -> tuple[str, str]:
    return "Authorization", f"Bearer {token}"


def claims(request: Received) -> tuple[str | None, ...]:
    return tuple(request.one(name) for name in CLAIMS)


@pytest.mark.parametrize("signing", [P256, RSA], ids=["ES256", "RS256"])
def test_a_good_token_reaches_the_backend_as_its_claims(edge: Edge, signing: object) -> None:
    token = issued(signing, role="buyer", realm={"name": "north"})
    assert edge.ask("/p/must", [bearer(token)]).status == 200
    assert claims(edge.forwarded) == ("partner-user", "buyer", "north")
    assert not edge.brain.received
    assert token not in repr(edge.forwarded)


def test_a_claim_that_is_not_there_is_an_empty_header(edge: Edge) -> None:
    assert edge.ask("/p/must", [bearer(issued(sub=None))]).status == 200
    assert claims(edge.forwarded) == ("", "", "")


NOW = int(time.time())
FAULTS: dict[str, tuple[Callable[[], str], tuple[int, int, str]]] = {
    "over": (lambda: issued(exp=NOW - 60), EXPIRED),
    "no exp": (lambda: issued(exp=None), INVALID),
    "not yet": (lambda: issued(nbf=int(time.time()) + 600), INVALID),
    "another issuer": (lambda: issued(iss="https://other.example"), INVALID),
    "no issuer": (lambda: issued(iss=None), INVALID),
    "another audience": (lambda: issued(aud="other"), INVALID),
    "no audience": (lambda: issued(aud=None), INVALID),
    "another key under the id": (lambda: issued(("partner-1", "ES256", ECKey.generate_key("P-256"))), INVALID),
    "an unknown key id": (lambda: issued(("partner-9", "ES256", P256[2])), INVALID),
    "another key's id": (lambda: issued(("partner-2", "ES256", P256[2])), INVALID),
    "exp as a text": (lambda: signed_as({"alg": "ES256"}, json.dumps(payload(exp="soon")).encode()), INVALID),
    "exp below zero": (lambda: signed_as({"alg": "ES256"}, json.dumps(payload(exp=-1)).encode()), INVALID),
    "exp beyond time": (lambda: signed_as({"alg": "ES256"}, json.dumps(payload(exp=1e300)).encode()), INVALID),
    "a claim twice": (
        lambda: signed_as({"alg": "ES256"}, b'{"sub":"a",' + json.dumps(payload()).encode()[1:]),
        INVALID,
    ),
    "not UTF-8": (
        lambda: signed_as({"alg": "ES256"}, json.dumps(payload()).encode().replace(b"user", b"\xff")),
        INVALID,
    ),
    "half a surrogate": (lambda: signed_as({"alg": "ES256"}, json.dumps(payload(sub="\ud800")).encode()), INVALID),
    "an array": (lambda: signed_as({"alg": "ES256"}, b"[]"), INVALID),
    "nothing in it": (lambda: "..", INVALID),
    "one part": (lambda: "token", INVALID),
    "two parts": (lambda: issued().rpartition(".")[0], INVALID),
    "five parts, a JWE": (lambda: f"{issued()}.a.b", INVALID),
    "spaces in it": (lambda: issued().replace(".", " . "), INVALID),
    "a tail": (lambda: f"{issued()}==", INVALID),
    "text in front": (lambda: f"!!{issued()}", INVALID),
    "no base64": (lambda: "a!.b!.c!", INVALID),
    "long": (lambda: "a" * 20_000 + ".b.c", INVALID),
}


@pytest.mark.parametrize("api", ["must", "may", "query", "query-may", "own", "own-may"])
@pytest.mark.parametrize("fault", FAULTS)
def test_class_20_and_21_a_bad_token_is_refused_and_nothing_else_happens(edge: Edge, api: str, fault: str) -> None:
    """Also where a token may be missing: it is 401 always, never let through and never 500."""
    make, refusal = FAULTS[fault]
    if api.startswith("query"):
        got = edge.ask(f"/p/{api}?access_token={make().replace(' ', '%20')}")
    else:
        name = "X-Partner-Token" if api.startswith("own") else "Authorization"
        got = edge.ask(f"/p/{api}", [(name, make() if api.startswith("own") else f"Bearer {make()}")])
    if fault == "a tail" and api.startswith("query"):
        assert got.status == 200  # Envoy reads past the padding there; the signature holds
        return
    assert got.refusal == refusal
    assert not edge.backend.received
    assert not edge.brain.received


def test_class_20_no_bit_of_a_token_can_be_changed(edge: Edge) -> None:
    token = issued()
    for index in range(0, len(token) - 1, 7):
        changed = token[:index] + ("A" if token[index] != "A" else "B") + token[index + 1 :]
        assert edge.ask("/p/must", [bearer(changed)]).refusal == INVALID, index
    head, body, signature = token.split(".")
    other_head, other_body, _ = issued(sub="somebody").split(".")
    for mixed in (f"{head}.{other_body}.{signature}", f"{body}.{head}.{signature}", f"{other_head}.{body}.{'A' * 86}"):
        assert edge.ask("/p/must", [bearer(mixed)]).refusal == INVALID
    assert not edge.backend.received


@pytest.mark.parametrize("target", ["/p/must", "/p/query", "/p/query?access_token=", "/p/own", "/p/asked", "/p/signed"])
def test_no_token_at_all(edge: Edge, target: str) -> None:
    states = [("user_session", "s"), ("state", login_state())]
    assert edge.ask(target, states).refusal == MISSING
    assert edge.ask(target, [*states, ("Authorization", "")]).refusal == MISSING
    assert not edge.brain.received
    assert not edge.backend.received


@pytest.mark.parametrize("scheme", ["Basic", "bEARER", "Bearer:", "xBearer", "Bearer  ", "Basic x Bearer"])
@pytest.mark.parametrize("api", ["must", "may"])
def test_what_stands_in_the_header_is_the_prefix_and_a_token(edge: Edge, api: str, scheme: str) -> None:
    assert edge.ask(f"/p/{api}", [("Authorization", f"{scheme} {issued()}")]).refusal == INVALID
    assert not edge.backend.received


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
@pytest.mark.parametrize("api", ["must", "may"])
def test_a_scheme_has_no_case(edge: Edge, api: str, scheme: str) -> None:
    assert edge.ask(f"/p/{api}", [("Authorization", f"{scheme} {issued()}")]).status == 200
    assert claims(edge.forwarded)[0] == "partner-user"


def test_where_a_token_may_be_missing(edge: Edge) -> None:
    for target in ("/p/may", "/p/query-may", "/p/own-may"):
        edge.reset()
        assert edge.ask(target).status == 200
        assert claims(edge.forwarded) == ("", "", "")
    edge.reset()
    assert edge.ask("/p/may", [bearer(issued())]).status == 200
    assert claims(edge.forwarded) == ("partner-user", "", "")


def test_a_token_in_the_query(edge: Edge) -> None:
    for name in ("access_token", "%61ccess_token", "access%5ftoken", "access%5Ftoken"):
        edge.reset()
        token = issued()
        assert edge.ask(f"/p/query?a=1&{name}={token}&b=%26").status == 200
        assert claims(edge.forwarded)[0] == "partner-user"
        assert edge.forwarded.target == "/p/query?a=1&b=%26"


CARRIED = [
    ("/p/{api}", ("Authorization", "Bearer TOKEN")),
    ("/p/{api}", ("AUTHORIZATION", "Bearer TOKEN")),
    ("/p/{api}", ("X-Partner-Token", "TOKEN")),
    ("/p/{api}", ("X_Partner_Token", "TOKEN")),
    ("/p/{api}", ("x-partner_token", "TOKEN")),
    ("/p/{api}", ("x.Partner-Token", "TOKEN")),
    ("/p/{api}?access_token=TOKEN", ("a", "b")),
    ("/p/{api}?x=1&acces%73_token=TOKEN", ("a", "b")),
    ("/p/{api}?access%5Ftoken=TOKEN&access_token=TOKEN", ("a", "b")),
]


@pytest.mark.parametrize(("target", "header"), CARRIED)
def test_class_10_a_token_never_reaches_a_backend(edge: Edge, target: str, header: tuple[str, str]) -> None:
    """On the public API of the group as well, and on those that take another one."""
    token = issued()
    for api, own in (("free", []), ("must", [bearer(issued(sub="b"))]), ("may", [])):
        if header[0].lower() == "authorization" and api == "must":
            own = []
        edge.reset()
        edge.ask(target.format(api=api).replace("TOKEN", token), [*own, (header[0], header[1].replace("TOKEN", token))])
        assert token not in repr(edge.forwarded)


@pytest.mark.parametrize("api", ["must", "may", "free", "own-may", "asked", "signed"])
def test_classes_1_2_3_and_6_nobody_forges_a_claim(edge: Edge, api: str) -> None:
    own = {
        "must": [bearer(issued())],
        "asked": [bearer(issued()), ("user_session", "s")],
        "signed": [bearer(issued()), ("state", login_state())],
    }
    spelt = ("x-partner-user", "X_Partner_User", "x.partner-user", "X-PARTNER-ROLE", "x-partner-realm", "x_sister_user")
    forged = [(name, "forged-by-client") for name in spelt]
    assert edge.ask(f"/p/{api}", [*forged, *own.get(api, []), *forged]).status == 200
    assert "forged-by-client" not in repr(edge.forwarded)
    assert claims(edge.forwarded) == ("partner-user" if api in own else "", "", "")
    assert "forged-by-client" not in repr(edge.brain.received)


def test_class_6_a_claim_cannot_be_sent_as_a_trailer(edge: Edge) -> None:
    head = f"POST /p/must HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {issued()}\r\nTransfer-Encoding: chunked\r\n"
    got = edge.send(
        f"{head}TE: trailers\r\nTrailer: x-partner-role\r\n\r\n1\r\na\r\n0\r\nx-partner-role: forged\r\n\r\n".encode()
    )
    assert got.status == 200
    assert "forged" not in repr(edge.forwarded)
    assert claims(edge.forwarded) == ("partner-user", "", "")


def test_class_8_a_claim_cannot_be_named_hop_by_hop(edge: Edge) -> None:
    for named in ("x-partner-user", "X-Partner-Role, x-partner-user", "close, x-partner-role"):
        edge.reset()
        assert edge.ask("/p/must", [bearer(issued(role="buyer")), ("Connection", named)]).status == 200
        assert claims(edge.forwarded) == ("partner-user", "buyer", "")
    edge.reset()
    assert edge.ask("/p/must", [bearer(issued()), ("Connection", "authorization")]).status == 401


@pytest.mark.parametrize("own", [[], [bearer("TOKEN")]], ids=["without", "with a token"])
def test_class_5_a_websocket_is_guarded_like_any_request(edge: Edge, own: list[tuple[str, str]]) -> None:
    headers = [(name, value.replace("TOKEN", issued())) for name, value in own]
    got = edge.ask("/p/must", [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("x-partner-user", "x"), *headers])
    if not own:
        assert got.refusal == MISSING
        return
    assert got.status == 101
    assert claims(edge.forwarded) == ("partner-user", "", "")


@pytest.mark.parametrize("api", ["own", "own-may", "must", "may"])
def test_classes_7_and_28_two_tokens_are_one_too_many(edge: Edge, api: str) -> None:
    """Envoy would verify both and tell the backend of two users."""
    first, second = issued(), issued(sub="another")
    name, prefix = ("X-Partner-Token", "") if api.startswith("own") else ("Authorization", "Bearer ")
    for copies in ([first, second], [first, first], [f"{first},{prefix}{second}"], [f"{first}, "], [first, ""]):
        assert edge.ask(f"/p/{api}", [(name, prefix + copy) for copy in copies]).refusal == TWO
    assert not edge.backend.received


@pytest.mark.parametrize("api", ["query", "query-may"])
def test_class_28_two_tokens_in_the_query(edge: Edge, api: str) -> None:
    for more in ("&access_token=x", "&access_token", "&x=1&acces%73_token=", "&access%5ftoken=TOKEN&b=1"):
        target = f"/p/{api}?access_token={issued()}{more}".replace("TOKEN", issued(sub="another"))
        assert edge.ask(target).refusal == TWO, more
    assert not edge.backend.received
    assert edge.ask(f"/p/{api}?my_access_token=a&access_token={issued()}&access_tokens=b").status == 200


def _unsigned() -> str:
    return f"{_part({'alg': 'none', 'kid': 'partner-1'})}.{_part(payload())}."


def _hmac_of(secret: bytes, head: dict[str, str]) -> str:
    text = f"{_part({'alg': 'HS256', **head})}.{_part(payload())}"
    return f"{text}.{_base64(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"


def _part(value: object) -> str:
    return _base64(json.dumps(value).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _pem(key: object) -> bytes:
    return key.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined,no-any-return]


THIEF = ("partner-1", "ES256", ECKey.generate_key("P-256"))
CONFUSED: dict[str, Callable[[], str]] = {
    "alg none": _unsigned,
    "alg None": lambda: f"{_part({'alg': 'None'})}.{_part(payload())}.AA",
    "HMAC by the public key": lambda: _hmac_of(_pem(P256[2]), {"kid": "partner-1"}),
    "HMAC by the RSA key": lambda: _hmac_of(_pem(RSA[2]), {"kid": "partner-2"}),
    "HMAC by the key set": lambda: _hmac_of(public_of(P256, RSA).encode(), {}),
    "HMAC by nothing": lambda: _hmac_of(b"", {}),
    "a key in the token": lambda: issued(THIEF, {"jwk": THIEF[2].as_dict(private=False)}),
    "a key elsewhere": lambda: issued(THIEF, {"jku": "http://127.0.0.1:1/keys"}),
    "a certificate elsewhere": lambda: issued(THIEF, {"x5u": "http://127.0.0.1:1/chain"}),
    "critical extensions": lambda: signed_as(
        {"alg": "ES256", "crit": ["b64"], "b64": True}, json.dumps(payload()).encode()
    ),
    "critical nothings": lambda: signed_as({"alg": "ES256", "crit": []}, json.dumps(payload()).encode()),
    "another algorithm's key": lambda: issued(("partner-2", "PS256", RSA[2])),
    "a header that is no object": lambda: f"{_part([])}.{_part(payload())}.AA",
}


@pytest.mark.parametrize("api", ["must", "may"])
@pytest.mark.parametrize("trick", CONFUSED)
def test_class_22_no_algorithm_and_no_key_of_the_clients_choice(edge: Edge, api: str, trick: str) -> None:
    assert edge.ask(f"/p/{api}", [bearer(CONFUSED[trick]())]).refusal == INVALID
    assert not edge.backend.received


def test_class_22_a_key_that_is_named_elsewhere_is_not_asked_for(edge: Edge) -> None:
    """The token is good by the issuer's own key; what else it names is nothing to us."""
    token = issued(P256, {"jku": "http://127.0.0.1:1/keys", "x5u": "http://127.0.0.1:1/chain"})
    assert edge.ask("/p/must", [bearer(token)]).status == 200


def test_class_23_a_login_state_is_no_token_and_a_token_no_login_state(edge: Edge) -> None:
    state, token = login_state(), issued()
    assert edge.ask("/p/must", [bearer(state)]).refusal == INVALID
    assert edge.ask("/p/signed", [bearer(state), ("state", state)]).refusal == INVALID
    assert edge.ask("/p/signed", [bearer(token), ("state", token)]).refusal == (401, 4001, "session_invalid")
    assert edge.ask("/p/signed", [bearer(token), ("state", issued(iss="menshen/session"))]).status == 401
    assert edge.ask("/p/signed", [bearer(login_state(iss=ISSUER, aud=AUDIENCE)), ("state", state)]).refusal == INVALID
    assert not edge.backend.received


def test_class_24_a_token_for_a_sister_is_none_here_though_the_issuer_and_the_keys_are_the_same(edge: Edge) -> None:
    """Where a token may be missing, Envoy looks for a second provider by the issuer alone."""
    for first, second in (("shop", "sister"), ("sister", "shop")):
        api, other = ("may", "sister") if first == "shop" else ("sister", "may")
        assert edge.ask(f"/p/{api}", [bearer(issued(aud=first))]).status == 200
        assert edge.ask(f"/p/{api}", [bearer(issued(aud=second))]).refusal == INVALID
        assert edge.ask(f"/p/{other}", [bearer(issued(aud=second))]).status == 200
    assert len(edge.backend.received) == 4


def test_both_must_pass_where_a_login_is_bound_as_well(edge: Edge) -> None:
    good, state = bearer(issued()), ("state", login_state())
    assert edge.ask("/p/signed", [good, state]).status == 200
    assert edge.forwarded.one("x-menshen-user") == "u-1"
    assert claims(edge.forwarded)[0] == "partner-user"
    for headers, refusal in (
        ([state], MISSING),
        ([state, bearer(issued(exp=5))], EXPIRED),
        ([state, bearer(issued(aud="x"))], INVALID),
        ([good], (401, 4001, "session_missing")),
        ([good, ("state", login_state(exp=5))], (401, 4024, "session_expired")),
        ([good, ("state", login_state(aud="x"))], (401, 4001, "session_invalid")),
        ([good, ("state", "forged")], (401, 4001, "session_invalid")),
    ):
        assert edge.ask("/p/signed", headers).refusal == refusal
    assert len(edge.backend.received) == 1
    assert not edge.brain.received


def test_whose_refusal_it_is_where_both_may_be_missing(edge: Edge) -> None:
    good, state = bearer(issued()), ("state", login_state())
    for headers, refusal in (
        ([("state", login_state(exp=5))], (401, 4024, "session_expired")),
        ([("state", login_state(aud="x"))], (401, 4001, "session_invalid")),
        ([good, ("state", login_state(exp=5))], (401, 4024, "session_expired")),
        ([bearer(issued(exp=5))], EXPIRED),
        ([state, bearer(issued(exp=5))], EXPIRED),
        ([state, bearer(issued(aud="x"))], INVALID),
    ):
        assert edge.ask("/p/signed-may", headers).refusal == refusal
    for headers in ([], [good], [state], [good, state]):
        assert edge.ask("/p/signed-may", headers).status == 200


def test_the_brain_is_asked_after_the_token_and_cannot_speak_for_it(edge: Edge) -> None:
    assert edge.ask("/p/asked", [bearer(issued(role="buyer")), ("user_session", "s")]).status == 200
    assert claims(edge.forwarded) == ("partner-user", "buyer", "")
    assert edge.forwarded.one("x-menshen-user") == "u-real"
    edge.reset()
    assert edge.ask("/p/asked", [bearer(issued(exp=5)), ("user_session", "s")]).refusal == EXPIRED
    assert not edge.brain.received


@pytest.mark.parametrize(
    ("value", "header"),
    [
        ("a,b", "a,b"),
        (7, "7"),
        (0, "0"),
        (-3, "-3.000000"),
        (1.5, "1.500000"),
        (True, "true"),
        (False, "false"),
        (None, ""),
        ("", ""),
        (["a", 1], _base64(b'["a",1]') + "=" * (-len(_base64(b'["a",1]')) % 4)),
        ({"x": 1}, _base64(b'{"x":1}') + "=" * (-len(_base64(b'{"x":1}')) % 4)),
        ("门神", "门神".encode().decode("latin-1")),
        ("x" * 4000, "x" * 4000),
    ],
    ids=repr,
)
def test_what_a_claim_looks_like_in_a_header(edge: Edge, value: object, header: str) -> None:
    assert edge.ask("/p/must", [bearer(issued(role=value))]).status == 200
    assert claims(edge.forwarded)[1] == header


@pytest.mark.parametrize("text", ["a\r\nx-menshen-user: evil", "a\nb", "a\rb", "a\x00b", "\x7f", "\t", "a\x1b[2Jb"])
def test_classes_6_and_48_no_control_character_comes_out_of_a_claim(edge: Edge, text: str) -> None:
    assert edge.ask("/p/must", [bearer(issued(role=text))]).refusal == INVALID
    assert not edge.backend.received


def test_a_dot_leads_into_an_object_and_nowhere_else(edge: Edge) -> None:
    for said, header in (
        ({"realm": {"name": "north"}}, "north"),
        ({"realm.name": "flat"}, ""),
        ({"realm": "text"}, ""),
        ({"realm": {"name": {"deep": 1}}}, _base64(b'{"deep":1}') + "=="),
    ):
        edge.reset()
        assert edge.ask("/p/must", [bearer(issued(**said))]).status == 200
        assert claims(edge.forwarded)[2] == header


def test_nothing_of_a_token_is_in_envoys_log(edge: Edge) -> None:
    for token in (issued(sub="planted-subject"), issued(THIEF, sub="planted-subject")):
        edge.ask("/p/must", [bearer(token)])
        edge.ask(f"/p/query?access_token={token}")
        assert not [line for line in edge.log if token in line or "planted-subject" in line]
