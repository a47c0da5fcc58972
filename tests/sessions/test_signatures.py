"""Signatures of signed states, as bytes: the one spelling, the numbers that verify nothing, the RFCs' own examples."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.exceptions import InvalidSignature
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey

from menshen.errors import SessionInvalid
from menshen.sessions import signed as module
from menshen.sessions.base64url import decode, encode
from menshen.sessions.keys import SigningKey
from tests.sessions.samples import CLAIMS, ES256, NOW, SIGNED, signed, smaller_s

STATE = signed(SIGNED)


@pytest.mark.parametrize(
    "signature",
    [bytes(64), bytes(31) + b"\1" + bytes(31) + b"\1", module._ORDER.to_bytes(32, "big") * 2, b"", b"\xff" * 64],
    ids=["zeros", "ones", "the order", "empty", "all bits"],
)
def test_a_signature_of_special_numbers_is_none(signature: bytes) -> None:
    """``r = s = 0`` verified everything in Java once (CVE-2022-21449)."""
    with pytest.raises(SessionInvalid):
        SIGNED.open(STATE.rpartition(b".")[0] + b"." + encode(signature), NOW)


def test_the_same_signature_with_the_other_s_is_refused() -> None:
    """Attack class 20: ``(r, n - s)`` verifies wherever ``(r, s)`` does, so one of the two must not be taken."""
    for number in range(20):
        head, _, signature = signed(SIGNED, replace(CLAIMS, sub=f"u{number}")).rpartition(b".")
        raw = decode(signature)
        other = raw[:32] + (module._ORDER - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
        assert jws.deserialize_compact(head + b"." + encode(other), ES256.key)
        with pytest.raises(SessionInvalid):
            SIGNED.open(head + b"." + encode(other), NOW)


def test_der_is_not_the_form_of_a_signature() -> None:
    head, _, signature = STATE.rpartition(b".")
    raw = decode(signature)
    der = module.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    with pytest.raises(SessionInvalid):
        SIGNED.open(head + b"." + encode(der), NOW)


def test_no_two_es256_signatures_share_a_nonce() -> None:
    """Attack class 30: ``r`` is made of the nonce alone, and a nonce used twice gives the private key away."""
    texts = [signed(SIGNED, replace(CLAIMS, sub=f"u{number % 3}")) for number in range(300)]
    assert len({decode(text.rpartition(b".")[2])[:32] for text in texts}) == 300


def test_the_example_of_rfc_7515_verifies_in_the_spelling_with_the_smaller_s() -> None:
    """RFC 7515 A.3; its ``s`` happens to be the larger one."""
    key = ECKey.import_key(
        {
            "kty": "EC",
            "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
            "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
        }
    )
    data = (
        b"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQog"
        b"Imh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    )
    signature = decode(b"DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q")
    verify = module._verifier(SigningKey("a3", "ES256", key))
    verify(smaller_s(signature), data)
    with pytest.raises(InvalidSignature):
        verify(signature, data)
    with pytest.raises(InvalidSignature):
        verify(smaller_s(signature), data + b"A")


def test_the_example_of_rfc_8037_is_signed_and_verified() -> None:
    """RFC 8037 A.4; Ed25519 signs the same every time, so the text can be compared."""
    key = OKPKey.import_key(
        {
            "kty": "OKP",
            "crv": "Ed25519",
            "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwaaPURGHuo",
        }
    )
    data = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
    expected = b"hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    pair = SigningKey("a4", "EdDSA", key)
    assert encode(module._signer(pair)(data)) == expected
    module._verifier(pair)(decode(expected), data)
