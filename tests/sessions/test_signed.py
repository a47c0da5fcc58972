"""Login states of kind signed: what they say, who can verify them, and the headers that get nobody in."""

from __future__ import annotations

import gc
import hashlib
import hmac
import json
import weakref
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, OctKey

from menshen.errors import SessionInvalid
from menshen.gateway.assertion import Asserter
from menshen.sessions import signed as module
from menshen.sessions.base64url import decode, encode
from menshen.sessions.claims import SessionClaims
from menshen.sessions.keys import SigningKey
from menshen.sessions.signed import ISSUER, SignedSessions, audience
from tests.sessions.samples import CLAIMS, EDDSA, ES256, NOW, SIGNED, SIGNED_EDDSA, es256_key, signed, smaller_s

STATE = signed(SIGNED)
NOT_DISCLOSED = replace(CLAIMS, openid="", unionid="")
REGISTRY = jws.JWSRegistry(algorithms=["ES256", "EdDSA", "HS256"])


def _payload(state: bytes) -> dict[str, Any]:
    return json.loads(decode(state.split(b".")[1]))


def _joserfc(header: dict[str, Any], payload: Any, key: Any = ES256.key) -> bytes:
    """A text that another library signs, with whatever header; the signature is in our spelling."""
    content = payload if isinstance(payload, bytes) else json.dumps(payload)
    registry = jws.JWSRegistry(algorithms=["ES256", "EdDSA", "HS256"], strict_check_header=False)
    signing_input, _, signature = jws.serialize_compact(header, content, key, registry=registry).rpartition(".")
    return f"{signing_input}.".encode() + encode(
        smaller_s(decode(signature.encode())) if header.get("alg") == "ES256" else decode(signature.encode())
    )


OURS = {"alg": "ES256", "kid": ES256.kid, "typ": "JWT"}


def test_the_payload_is_what_envoy_expects() -> None:
    claims = replace(CLAIMS, claims={"tier": "gold"})
    state = SIGNED.mint(claims, disclose=("openid", "unionid", "tier"), renew_at=NOW + 720, app="shop").encode()
    assert _payload(state) == {
        "iss": "menshen/session",
        "aud": "wechat/wx4f4bc4dec97d474b",
        "sub": CLAIMS.sub,
        "sid": CLAIMS.sid,
        "app": "shop",
        "platform": "wechat",
        "appid": CLAIMS.appid,
        "iat": NOW,
        "exp": NOW + 7200,
        "auth": NOW,
        "end": NOW + 7200,
        "life": 7200,
        "openid": CLAIMS.openid,
        "unionid": CLAIMS.unionid,
        "rnw": NOW + 720,
        "c_tier": "gold",
    }
    assert SIGNED.open(state, NOW) == claims


@pytest.mark.parametrize(
    ("disclose", "openid", "unionid"),
    [
        ((), "", ""),
        (("openid",), CLAIMS.openid, ""),
        (("unionid",), "", CLAIMS.unionid),
        (("openid", "unionid"), CLAIMS.openid, CLAIMS.unionid),
    ],
)
def test_the_client_reads_only_what_is_disclosed(disclose: tuple[str, ...], openid: str, unionid: str) -> None:
    state = signed(SIGNED, disclose=disclose)
    assert SIGNED.open(state, NOW) == replace(CLAIMS, openid=openid, unionid=unionid)
    assert (CLAIMS.openid in json.dumps(_payload(state))) == bool(openid)
    assert (CLAIMS.unionid in json.dumps(_payload(state))) == bool(unionid)


def test_a_unionid_that_is_none_is_left_out() -> None:
    assert "unionid" not in _payload(signed(SIGNED, replace(CLAIMS, unionid=""), ("unionid",)))


@given(own=st.dictionaries(st.text(max_size=10), st.text(max_size=20), max_size=5))
def test_own_claims_come_back_and_shadow_nothing(own: dict[str, str]) -> None:
    """A claim named "sub", "exp" or "c_x" is another member than ours."""
    claims = replace(NOT_DISCLOSED, claims={"sub": "root", "exp": "9", "openid": "o", "c_x": "y", **own})
    assert SIGNED.open(signed(SIGNED, claims), NOW) == claims


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # RFC 9864 renames it; Envoy knows the name of RFC 8037
@pytest.mark.parametrize(("sessions", "key"), [(SIGNED, ES256), (SIGNED_EDDSA, EDDSA)], ids=["ES256", "EdDSA"])
def test_it_is_a_jws_that_another_library_verifies(sessions: SignedSessions, key: SigningKey) -> None:
    public = type(key.key).import_key(key.key.as_dict(private=False))
    for _ in range(20):
        verified = jws.deserialize_compact(signed(sessions), public, registry=REGISTRY)
        assert verified.protected == {"alg": key.alg, "kid": key.kid, "typ": "JWT"}


def test_both_algorithms_of_a_ring_open() -> None:
    assert SIGNED.open(signed(SIGNED_EDDSA), NOW) == SIGNED_EDDSA.open(STATE, NOW) == NOT_DISCLOSED


@pytest.mark.parametrize("sessions", [SIGNED, SIGNED_EDDSA], ids=["ES256", "EdDSA"])
def test_what_could_not_be_opened_is_not_made(sessions: SignedSessions) -> None:
    with pytest.raises(ValueError, match="2048 at most"):
        signed(sessions, replace(CLAIMS, claims={"essay": "x" * 1500}))


def test_a_wechat_identity_fits_in_700_bytes() -> None:
    assert len(signed(SIGNED, disclose=("openid", "unionid"))) <= 700


def test_the_other_library_makes_one_that_opens() -> None:
    assert SIGNED.open(_joserfc(OURS, _payload(STATE)), NOW) == NOT_DISCLOSED


FOREIGN_HEADERS: dict[str, dict[str, Any]] = {
    "alg none": {"alg": "none", "kid": ES256.kid, "typ": "JWT"},
    "alg None": {"alg": "None", "kid": ES256.kid, "typ": "JWT"},
    "no alg": {"kid": ES256.kid, "typ": "JWT"},
    "the other key's alg": {"alg": "EdDSA", "kid": ES256.kid, "typ": "JWT"},
    "the other key's kid": {"alg": "ES256", "kid": EDDSA.kid, "typ": "JWT"},
    "no kid": {"alg": "ES256", "typ": "JWT"},
    "unknown kid": {**OURS, "kid": "unknown"},
    "kid of a path": {**OURS, "kid": "../../../../dev/null"},
    "kid of a query": {**OURS, "kid": "x' UNION SELECT 'key"},
    "jwk": {**OURS, "jwk": ES256.key.as_dict(private=False)},
    "jku": {**OURS, "jku": "https://attacker.example/jwks.json"},
    "x5u": {**OURS, "x5u": "https://attacker.example/cert.pem"},
    "x5c": {**OURS, "x5c": ["MIIB"]},
    "crit": {**OURS, "crit": ["exp"], "exp": NOW},
    "crit b64": {**OURS, "crit": ["b64"], "b64": True},
    "zip": {**OURS, "zip": "DEF"},
    "another typ": {**OURS, "typ": "at+jwt"},
    "members in another order": {"typ": "JWT", "kid": ES256.kid, "alg": "ES256"},
}


@pytest.mark.parametrize("header", FOREIGN_HEADERS.values(), ids=list(FOREIGN_HEADERS))
def test_a_header_this_ring_did_not_write_is_refused(header: dict[str, Any]) -> None:
    """Attack class 22: even where the right key signed it, for the header is compared and never interpreted."""
    signed_part = encode(json.dumps(header, separators=(",", ":")).encode()) + b"." + STATE.split(b".")[1]
    signature = module._sign_es256(ES256.key.private_key, signed_part)
    for forged in (encode(signature), STATE.split(b".")[2], b""):
        with pytest.raises(SessionInvalid):
            SIGNED.open(signed_part + b"." + forged, NOW)


def test_a_header_with_blanks_is_another_header() -> None:
    """The same members, signed by the right key: still not the bytes that we write."""
    signed_part = encode(json.dumps(OURS).encode()) + b"." + STATE.split(b".")[1]
    with pytest.raises(SessionInvalid):
        SIGNED.open(signed_part + b"." + encode(module._sign_es256(ES256.key.private_key, signed_part)), NOW)


@pytest.mark.parametrize("alg", ["HS256", "ES256"])
def test_our_public_key_is_no_secret_to_sign_with(alg: str) -> None:
    """Attack class 22: HMAC with the public key, which anybody can have, in every form it is published in."""
    public = ES256.key.public_key
    forms = [
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
        json.dumps(ES256.key.as_dict(private=False)).encode(),
    ]
    for secret in forms:
        head = encode(json.dumps({**OURS, "alg": alg}, separators=(",", ":")).encode()) + b"." + STATE.split(b".")[1]
        tag = hmac.new(secret, head, hashlib.sha256).digest()
        for signature in (tag, tag + tag):
            with pytest.raises(SessionInvalid):
                SIGNED.open(head + b"." + encode(signature), NOW)


def test_an_embedded_key_of_the_attackers_verifies_nothing() -> None:
    """Attack class 22."""
    attacker = ECKey.generate_key("P-256")
    forged = _joserfc({**OURS, "jwk": attacker.as_dict(private=False)}, _payload(STATE), attacker)
    with pytest.raises(SessionInvalid):
        SIGNED.open(forged, NOW)
    hs256 = _joserfc({**OURS, "alg": "HS256"}, _payload(STATE), OctKey.import_key(b"k" * 32))
    with pytest.raises(SessionInvalid):
        SIGNED.open(hs256, NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "menshen"},
        {"iss": "menshen/session/"},
        {"aud": "wechat/wx0000000000000000"},
        {"aud": ["wechat/wx4f4bc4dec97d474b"]},
        {"platform": "qq"},
        {"appid": "wx0000000000000000"},
        {"exp": None},
        {"exp": str(NOW + 7200)},
        {"exp": NOW + 0.5},
        {"exp": True},
        {"sid": 7},
        {"c_tier": 7},
        {"c_tier": ["gold"]},
    ],
    ids=str,
)
def test_a_payload_that_is_no_login_state_is_refused_though_our_key_signed_it(change: dict[str, Any]) -> None:
    """Attack class 23."""
    payload = {**_payload(STATE), **change}
    with pytest.raises(SessionInvalid):
        SIGNED.open(_joserfc(OURS, {name: value for name, value in payload.items() if value is not None}), NOW)


@pytest.mark.parametrize("payload", [b"", b"{}", b"[]", b"null", b"\xff", b'"x"', b"[" * 900])
def test_a_payload_that_is_no_object_is_refused(payload: bytes) -> None:
    with pytest.raises(SessionInvalid):
        SIGNED.open(_joserfc(OURS, payload), NOW)


def test_an_assertion_is_no_login_state() -> None:
    """Attack class 23: not even where one key signed both."""
    key = ECKey.import_key({**ES256.key.as_dict(private=True), "kid": ES256.kid})
    assertion = Asserter([key]).assertion(CLAIMS, "shop", audience(CLAIMS.platform, CLAIMS.appid), NOW)
    for text in (assertion.encode(), _joserfc(OURS, _payload(assertion.encode()))):
        with pytest.raises(SessionInvalid):
            SIGNED.open(text, NOW)
    assert _payload(assertion.encode())["iss"] != ISSUER


def test_a_key_does_not_print_itself() -> None:
    private = ES256.key.as_dict(private=True)["d"]
    assert str(private) not in repr(ES256)
    assert repr(ES256) == f"SigningKey(kid='{ES256.kid}', alg='ES256')"


def test_a_ring_without_a_key_is_none() -> None:
    with pytest.raises(ValueError, match="needs a key"):
        SignedSessions([])


def test_a_ring_that_is_given_up_is_freed_at_once_with_all_it_has_opened() -> None:
    ring = SignedSessions([es256_key()])
    ring.open(signed(ring), NOW)
    given_up = weakref.ref(ring)
    gc.disable()
    try:
        del ring
        assert given_up() is None
    finally:
        gc.enable()


def test_what_is_kept_is_the_text_and_not_the_verdict() -> None:
    """Attack class 24: an opened state expires all the same."""
    claims: SessionClaims = SIGNED.open(STATE, NOW)
    with pytest.raises(module.SessionExpired):
        SIGNED.open(STATE, claims.exp)


def test_tags_are_flat_for_envoy_and_no_claim_of_the_users_can_be_one() -> None:
    claims = replace(NOT_DISCLOSED, claims={"t_city": "x"}, tags={"city": "%E5%B9%BF%E5%B7%9E", "new_user": "true"})
    state = signed(SIGNED, claims)
    payload = _payload(state)
    assert (payload["t_city"], payload["t_new_user"], payload["c_t_city"]) == ("%E5%B9%BF%E5%B7%9E", "true", "x")
    assert SIGNED.open(state, NOW) == claims
    assert SIGNED.open(STATE, NOW).tags == {}
