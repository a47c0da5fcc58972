"""Signatures of servers: what is signed, what is refused, and in which order."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menshen.config.route_rules import LONGEST_WINDOW, KeyPair, KeyPairRules
from menshen.errors import (
    AmbiguousCredential,
    BodyTooLarge,
    Refusal,
    SignatureInvalid,
    SignatureMissing,
    SignatureStale,
)
from menshen.gateway import key_pair
from menshen.gateway.key_pair import Signed, proven_caller, string_to_sign
from menshen.gateway.request import AuthRequest, RequestLine
from menshen.secret import Secret

NOW = 1_800_000_000.5
AT = b"1800000000"
NONCE = b"nonce-0123456789"
SECRET = "planted-key-of-erp-0123456789"
RULES = KeyPairRules(
    "servers",
    (
        KeyPair("erp", Secret(SECRET)),
        KeyPair("ends", Secret(SECRET), int(NOW) + 1),
        KeyPair("ended", Secret(SECRET), int(NOW)),
    ),
    300,
    1024,
    "x-menshen-caller",
)
LINE = RequestLine(b"POST", b"api.example.com", b"/erp/orders")
BODY = b'{"amount":1}'


def headers(**changes: bytes) -> dict[bytes, bytes]:
    """Signed; a change is made behind the signature's back."""
    key_id = changes.pop("key_id", b"erp")
    at = changes.pop("at", AT)
    text = string_to_sign(LINE, b"page=2", at, NONCE, key_id, BODY)
    signature = base64.b64encode(hmac.digest(SECRET.encode(), text, "sha256"))
    sent = {"secretid": key_id, "alg": b"HMAC-SHA256", "timestamp": at, "nonce": NONCE, "sign": signature, **changes}
    return {f"x-mg-{name}".encode(): value for name, value in sent.items()}


def request(sent: dict[bytes, bytes], body: bytes | None = BODY, *, partial: bool = False) -> AuthRequest:
    return AuthRequest("erp/all@c", sent, b"page=2", body, partial)


def caller(sent: dict[bytes, bytes], now: float = NOW, rules: KeyPairRules = RULES) -> Signed | None:
    return proven_caller(rules, request(sent), LINE, now)


def test_the_text_has_a_line_for_everything() -> None:
    content = hashlib.sha256(BODY).hexdigest()
    assert string_to_sign(LINE, b"page=2", AT, NONCE, b"erp", BODY).decode().split("\n") == [
        *("menshen-key-pair-1", "POST", "api.example.com", "/erp/orders?page=2"),
        *(AT.decode(), NONCE.decode(), "erp", content),
    ]
    assert string_to_sign(LINE, b"", AT, NONCE, b"erp", b"").decode().split("\n")[3] == "/erp/orders"


def test_a_right_signature_says_whose_it_is_and_until_when_its_nonce_matters() -> None:
    signed = caller(headers())
    assert signed == Signed("erp", NONCE.decode(), 1_800_000_000 + LONGEST_WINDOW + 60)
    assert RULES.window <= LONGEST_WINDOW
    late = str(int(NOW) + 300).encode()
    # Whenever the signature is good, under whichever window a later revision has, its nonce is still there.
    signed = caller(headers(at=late))
    assert signed is not None
    assert signed.until > int(late) + LONGEST_WINDOW


def test_nothing_sent_is_no_caller_and_empty_counts_as_nothing() -> None:
    assert caller({}) is None
    assert caller(dict.fromkeys(headers(), b"")) is None


@pytest.mark.parametrize("name", list(headers()))
def test_a_part_of_a_signature_is_none(name: bytes) -> None:
    whole = headers()
    with pytest.raises(SignatureMissing) as refused:
        caller({key: value for key, value in whole.items() if key != name})
    assert refused.value.detail == name.decode()
    with pytest.raises(SignatureMissing):
        caller({name: whole[name]})


@pytest.mark.parametrize(
    ("sent", "refusal"),
    [
        (headers(sign=b"a,b"), AmbiguousCredential),
        (headers(nonce=NONCE + b"," + NONCE), AmbiguousCredential),
        (headers(alg=b"HMAC-MD5"), SignatureInvalid),
        (headers(alg=b"1"), SignatureInvalid),
        (headers(alg=b"HMAC-SHA512"), SignatureInvalid),
        (headers(nonce=b"n" * 15), SignatureInvalid),
        (headers(nonce=b"n" * 65), SignatureInvalid),
        (headers(nonce=NONCE + b"\n"), SignatureInvalid),
        (headers(timestamp=b"1800000001"), SignatureInvalid),
        (headers(timestamp=b" 1800000000"), SignatureInvalid),
        (headers(timestamp=b"+1800000000"), SignatureInvalid),
        (headers(timestamp="１８０".encode()), SignatureInvalid),
        (headers(at=b"1799999700"), SignatureStale),
        (headers(at=b"1800000301"), SignatureStale),
        (headers(sign=b"A" * 44), SignatureInvalid),
        (headers(sign="é".encode("latin-1")), SignatureInvalid),
        (headers(key_id=b"nobody"), SignatureInvalid),
        (headers(key_id=b"ERP"), SignatureInvalid),
        (headers(key_id=b"ended"), SignatureInvalid),
        (headers(key_id=b"\xff"), SignatureInvalid),
    ],
)
def test_refusals(sent: dict[bytes, bytes], refusal: type[Refusal]) -> None:
    with pytest.raises(refusal) as refused:
        caller(sent)
    assert type(refused.value) is refusal
    assert SECRET not in str(refused.value) + repr(refused.value.detail)


def test_a_key_is_good_until_it_ends() -> None:
    assert caller(headers(key_id=b"ends")) is not None
    with pytest.raises(SignatureInvalid):
        caller(headers(key_id=b"ends"), NOW + 1)


def test_the_window_is_the_plugins_own() -> None:
    assert caller(headers(), NOW + 299) is not None
    with pytest.raises(SignatureStale):
        caller(headers(), NOW + 300)
    with pytest.raises(SignatureStale):
        caller(headers(), NOW + 20, replace(RULES, window=10))


def test_a_body_over_the_limit_is_not_judged_by_its_start() -> None:
    for body, partial in ((BODY, True), (b"x" * 1025, False)):
        with pytest.raises(BodyTooLarge):
            proven_caller(RULES, request(headers(), body, partial=partial), LINE, NOW)
    with pytest.raises(SignatureMissing):  # what nobody has signed has no body to speak of
        proven_caller(RULES, request({b"x-mg-alg": b"2"}, b"x" * 1025), LINE, NOW)


def test_class_31_an_unknown_key_is_compared_like_a_known_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """In constant time, and with as much work: neither the answer nor its time tells which keys there are."""
    worked: list[tuple[int, int]] = []
    compare = hmac.compare_digest

    def counted(one: bytes, other: bytes) -> bool:
        worked.append((len(one), len(other)))
        return compare(one, other)

    monkeypatch.setattr(key_pair.hmac, "compare_digest", counted)
    said = set()
    for key_id in (b"erp", b"nobody", b"ended"):
        with pytest.raises(SignatureInvalid) as refused:
            caller(headers(key_id=key_id, sign=b"A" * 44))
        said.add((refused.value.text(), refused.value.detail))
    assert worked == [(44, 44)] * 3
    assert len(said) == 1


_parts = st.binary(max_size=12).map(lambda text: text.replace(b"\n", b""))


@given(st.lists(_parts, min_size=14, max_size=14))
def test_no_two_calls_have_one_text(parts: list[bytes]) -> None:
    """But for what is one call to everybody: a host's case, and a query that is empty."""

    def text(method: bytes, host: bytes, path: bytes, query: bytes, nonce: bytes, key_id: bytes, body: bytes) -> bytes:
        path = b"/" + path.replace(b"?", b"")
        return string_to_sign(RequestLine(method, host.lower(), path), query, AT, nonce, key_id, body)

    one, other = parts[:7], parts[7:]
    same = [
        (a.lower() if at == 1 else a.replace(b"?", b"") if at == 2 else a)
        == (b.lower() if at == 1 else b.replace(b"?", b"") if at == 2 else b)
        for at, (a, b) in enumerate(zip(one, other, strict=True))
    ]
    assert (text(*one) == text(*other)) == all(same)


@given(st.dictionaries(st.sampled_from(list(headers())), st.binary(max_size=80)), st.binary(max_size=30))
def test_whatever_is_sent_is_refused_or_nobody(sent: dict[bytes, bytes], body: bytes) -> None:
    refused: Refusal | None = None
    try:
        found = proven_caller(RULES, request(sent, body), LINE, NOW)
    except Refusal as refusal:
        refused = refusal
    assert found is None if refused is None else refused.who == "client"
