"""What is believed, and every way in which a forger has been let in elsewhere (attack classes 11, 20 to 23, 29)."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from menshen.backend import AssertionInvalid, AssertionMissing, Caller, Verifier
from tests.backend.issuer import CLAIMS, NOW, PAYLOAD, UID, Ring, part

RING = Ring()
KID = RING.keys[0].kid


def caller(assertion: str, now: float = NOW, upstream: str = "orders", ring: Ring = RING) -> Caller:
    return Verifier(upstream, ring.published, clock=lambda: now).verify(assertion)


def refused(assertion: str, **given: Any) -> str:
    with pytest.raises(AssertionInvalid) as why:
        caller(assertion, **given)
    return str(why.value)


def test_the_gateways_assertion_gives_the_caller() -> None:
    assert caller(RING.assertion()) == Caller(
        uid=UID,
        session=CLAIMS.sid,
        platform="wechat",
        app="shop",
        appid=CLAIMS.appid,
        openid=CLAIMS.openid,
        unionid="oUnion1",
        account="e-1",
        claims={"level": "gold"},
    )


def test_what_the_gateway_does_not_know_is_empty() -> None:
    found = caller(RING.assertion(replace(CLAIMS, unionid="", account="", openid="", claims={})))
    assert (found.unionid, found.account, found.openid, found.claims) == ("", "", "", {})


def test_a_caller_is_authenticated_and_cannot_be_changed() -> None:
    found = caller(RING.assertion())
    assert found.is_authenticated
    assert not found.is_anonymous
    assert found.identity == found.display_name == UID
    with pytest.raises(AttributeError):
        found.uid = "u" + "b" * 26  # type: ignore[misc]


def test_the_claims_of_our_samples_are_good_by_themselves() -> None:
    """Or the refusals below would say nothing."""
    assert caller(RING.signed(PAYLOAD)).uid == UID


def test_no_assertion_is_another_refusal_than_a_forged_one() -> None:
    with pytest.raises(AssertionMissing):
        caller("")


@pytest.mark.parametrize(
    "alg", ["none", "None", "NONE", "", "ES384", "EdDSA", "HS256", "RS256", "es256", None, ["ES256"]]
)
def test_no_algorithm_but_ES256_is_tried(alg: object) -> None:  # noqa: N802 - the algorithm's name
    assert "header" in refused(RING.signed(PAYLOAD, {"alg": alg, "kid": KID, "typ": "JWT"}))


@pytest.mark.parametrize("signature", ["", "AA", "A" * 86])
def test_alg_none_is_refused_with_any_signature(signature: str) -> None:
    refused(f"{part({'alg': 'none', 'kid': KID, 'typ': 'JWT'})}.{part(PAYLOAD)}.{signature}")


def test_a_public_key_is_no_hmac_secret() -> None:
    (members,) = RING.jwks["keys"]
    public = RING.keys[0].public_key
    for written in (
        json.dumps(members).encode(),
        RING.published(),
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
        base64.urlsafe_b64decode(members["x"] + "="),
    ):
        refused(RING.hmac_with_public_key(written))


def test_anothers_key_is_refused_whatever_name_it_goes_by() -> None:
    stranger = Ring()
    assert "has no key" in refused(stranger.assertion())
    stranger.members[0]["kid"] = KID
    assert "signature" in refused(stranger.assertion())


def test_a_key_that_the_token_brings_along_is_not_used() -> None:
    stranger = Ring()
    stranger.members[0]["kid"] = KID
    key = stranger.jwks["keys"][0]
    for more in (
        {"jwk": key},
        {"jku": "https://attacker.example.com/jwks.json"},
        {"x5u": "https://attacker.example.com/c.pem"},
        {"x5c": ["MA=="]},
        {"crit": ["exp"]},
        {"b64": False, "crit": ["b64"]},
        {"zip": "DEF"},
        {"cty": "JWT"},
    ):
        header = {"alg": "ES256", "kid": KID, "typ": "JWT", **more}
        assert "header" in refused(stranger.signed(PAYLOAD, header))
        assert "header" in refused(RING.signed(PAYLOAD, header))


@pytest.mark.parametrize(
    "kid",
    [
        "../../../../etc/passwd",
        "/dev/null",
        "file:///dev/null",
        "https://attacker.example.com/jwks.json",
        "' OR 1=1 --",
        "a\x00b",
        "",
        "k" * 65,
        f"{KID}\n",
        7,
        None,
        [KID],
        {"kid": KID},
    ],
)
def test_a_kid_is_a_name_and_asks_nobody(kid: object) -> None:
    asked = []

    def fetch() -> bytes:
        asked.append(kid)
        return RING.published()

    with pytest.raises(AssertionInvalid, match="kid"):
        Verifier("orders", fetch).verify(RING.signed(PAYLOAD, {"alg": "ES256", "kid": kid, "typ": "JWT"}))
    assert asked == []


@pytest.mark.parametrize("typ", ["at+jwt", "jwt", "JOSE", "", None])
def test_tokens_of_another_class_are_refused(typ: object) -> None:
    assert "header" in refused(RING.signed(PAYLOAD, {"alg": "ES256", "kid": KID, "typ": typ}))


def test_a_header_that_leaves_something_out_is_refused() -> None:
    whole = {"alg": "ES256", "kid": KID, "typ": "JWT"}
    for name in whole:
        assert "header" in refused(RING.signed(PAYLOAD, {n: v for n, v in whole.items() if n != name}))


@pytest.mark.parametrize("audience", ["others", "Orders", "orders ", "", ["orders"], ["orders", "others"], None, True])
def test_an_assertion_for_another_upstream_is_refused(audience: object) -> None:
    assert "upstream" in refused(RING.signed({**PAYLOAD, "aud": audience}))


def test_what_the_gateway_makes_for_another_upstream_is_refused() -> None:
    assert "upstream" in refused(RING.assertion(upstream="others"))
    assert "upstream" in refused(RING.assertion(), upstream="order")


@pytest.mark.parametrize("issuer", ["menshen-sessions", "https://menshen", "", None, ["menshen"]])
def test_another_issuer_is_refused(issuer: object) -> None:
    assert "issuer" in refused(RING.signed({**PAYLOAD, "iss": issuer}))


@pytest.mark.parametrize("name", ["iss", "aud", "sub", "sid", "platform", "app", "appid", "openid", "iat", "exp"])
def test_no_claim_may_be_left_out(name: str) -> None:
    refused(RING.signed({known: value for known, value in PAYLOAD.items() if known != name}))


@pytest.mark.parametrize(
    "change",
    [
        {"sub": ""},
        {"sub": 7},
        {"sub": {"$ne": ""}},
        {"sid": ""},
        {"openid": ["o"]},
        {"unionid": 1},
        {"account": None},
        {"claims": ["level"]},
        {"claims": {"level": 1}},
        {"claims": None},
        {"exp": "9999999999"},
        {"exp": True},
        {"exp": NOW + 300.5},
        {"exp": None},
        {"iat": str(NOW)},
    ],
)
def test_a_claim_of_another_kind_is_refused(change: dict[str, object]) -> None:
    refused(RING.signed({**PAYLOAD, **change}))


def test_it_is_good_for_five_minutes_and_the_leeway_and_not_a_second_more() -> None:
    good = RING.assertion()
    assert caller(good, now=NOW + 329).uid == UID
    assert refused(good, now=NOW + 330) == "expired"


def test_a_gateway_whose_clock_is_a_little_ahead_is_believed() -> None:
    assert caller(RING.assertion(now=NOW + 30)).uid == UID
    assert "future" in refused(RING.assertion(now=NOW + 31))


def test_one_that_is_good_for_longer_than_the_gateway_makes_any_is_refused() -> None:
    assert "longer" in refused(RING.signed({**PAYLOAD, "exp": NOW + 301}))
    assert "longer" in refused(RING.signed({**PAYLOAD, "exp": 10**400}))


def test_a_huge_token_is_refused_unread() -> None:
    assert refused("A" * 8193) == "too long"
    assert refused(RING.signed({**PAYLOAD, "openid": "o" * 1_000_000})) == "too long"


@pytest.mark.parametrize("text", ["[" * 100_000, "{" * 3000, '{"a":' * 1000, "[" * 5000])
def test_deep_json_is_refused_and_breaks_nothing(text: str) -> None:
    refused(f"{part(text.encode())}.{part(PAYLOAD)}.{'A' * 86}")
    refused(RING.signed(text.encode()))


@pytest.mark.parametrize("payload", [b"", b"null", b"[]", b'"menshen"', b"\xff\xfe", b"{", b"7"])
def test_what_is_signed_must_be_an_object(payload: bytes) -> None:
    refused(RING.signed(payload))


@pytest.mark.parametrize(
    "mangle",
    [
        lambda good: good + ",",
        lambda good: f"{good},{good}",
        lambda good: f"{good}, {good}",
        lambda good: f"Bearer {good}",
        lambda good: f" {good}",
        lambda good: f"{good}\n",
        lambda good: f"{good}=",
        lambda good: good.replace(".", ".."),
        lambda good: f"{good}.{good.rpartition('.')[2]}",
        lambda good: good.rpartition(".")[0],
        lambda good: good.rpartition(".")[0] + ".",
        lambda good: good[:-1],
        lambda good: "." + good,
        lambda good: good.replace("e", "е"),  # Cyrillic
        lambda good: good.split(".")[0] + "." + part({**PAYLOAD, "sub": "u" + "z" * 26}) + "." + good.split(".")[2],
    ],
)
def test_a_mangled_one_is_refused(mangle: Any) -> None:
    refused(mangle(RING.assertion()))


@given(st.data())
def test_no_letter_of_it_can_be_changed(data: st.DataObject) -> None:
    good = RING.assertion()
    at = data.draw(st.integers(0, len(good) - 1))
    other = data.draw(st.sampled_from("ABCXYZabcxyz0189-_.=,"))
    changed = good[:at] + other + good[at + 1 :]
    if changed != good:
        refused(changed)


@given(st.text(max_size=300) | st.from_regex(r"\A[A-Za-z0-9_.-]{0,400}\Z"))
def test_no_text_raises_anything_else(text: str) -> None:
    with pytest.raises((AssertionInvalid, AssertionMissing)):
        caller(text)


def test_what_is_said_of_a_refused_one_has_nothing_of_it() -> None:
    stranger = Ring()
    for token in (stranger.assertion(), RING.assertion(upstream="others"), "A" * 9000, stranger.assertion() + ","):
        said = refused(token)
        assert not any(piece in said for piece in token.split(".") if piece)
        assert CLAIMS.openid not in said


def test_an_upstream_must_be_named() -> None:
    with pytest.raises(ValueError, match="upstream"):
        Verifier("", RING.published)


@pytest.mark.parametrize("signature", [b"", b"\x01" * 63, b"\x01" * 65, b"\x01" * 96, b"\x00" * 64, b"\xff" * 64])
def test_a_signature_that_is_none_of_p256_is_refused(signature: bytes) -> None:
    refused(f"{part({'alg': 'ES256', 'kid': KID, 'typ': 'JWT'})}.{part(PAYLOAD)}.{part(signature)}")


def test_the_signature_has_one_spelling() -> None:
    """Its last letter has four bits that say nothing, which lenient decoders pass over."""
    good = RING.assertion()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for other in alphabet:
        if other != good[-1]:
            refused(good[:-1] + other)
