"""Signatures of the Standard Webhooks."""

from __future__ import annotations

import pytest

from menshen.callouts.signing import TOLERANCE, signature_holds, signed
from menshen.secret import Secret

# The standard's own example: its id, time, body and secret, and the signature that its libraries make of them.
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
AT = 1_614_265_330
BODY = b'{"test": 2432232314}'
SECRET = Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def headers(secret: Secret = SECRET, body: bytes = BODY, at: float = AT) -> dict[str, str]:
    return dict(signed("http://team/hook", secret, body, ID, at, 3.0).headers)


def test_the_standards_example() -> None:
    request = signed("http://team/hook", SECRET, BODY, ID, AT + 0.9, 3.0)
    assert (request.method, request.url, request.body, request.timeout) == ("POST", "http://team/hook", BODY, 3.0)
    assert request.headers == {
        "content-type": "application/json",
        "webhook-id": ID,
        "webhook-timestamp": str(AT),
        "webhook-signature": SIGNATURE,
    }
    assert "2432232314" not in repr(request)


def test_a_secret_of_any_other_form_is_its_own_bytes() -> None:
    plain = headers(Secret("a plain secret"))["webhook-signature"]
    assert plain == headers(Secret("whsec_YSBwbGFpbiBzZWNyZXQ="))["webhook-signature"]
    for text in ("whsec_", "whsec_%%%", "whsec_abc"):
        assert signature_holds(headers(Secret(text)), Secret(text), BODY, AT)


def test_what_was_signed_holds() -> None:
    assert signature_holds(headers(), SECRET, BODY, AT + TOLERANCE)
    assert signature_holds(headers(), SECRET, BODY, AT - TOLERANCE)
    several = headers() | {"webhook-signature": f"v1,bm90IHRoaXM= {SIGNATURE} v2,other"}
    assert signature_holds(several, SECRET, BODY, AT)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "msg_other"},
        {"webhook-id": None},
        {"webhook-timestamp": str(AT + 1)},
        {"webhook-timestamp": "soon"},
        {"webhook-timestamp": "１６１４２６５３３０"},
        {"webhook-timestamp": None},
        {"webhook-signature": SIGNATURE[:-2] + "A="},
        {"webhook-signature": SIGNATURE.removeprefix("v1,")},
        {"webhook-signature": SIGNATURE.replace("v1", "v2")},
        {"webhook-signature": "é"},
        {"webhook-signature": ""},
        {"webhook-signature": None},
    ],
)
def test_what_was_changed_does_not(change: dict[str, str | None]) -> None:
    changed = {name: value for name, value in (headers() | change).items() if value is not None}
    assert not signature_holds(changed, SECRET, BODY, AT)


def test_nor_another_body_another_secret_or_an_old_call() -> None:
    assert not signature_holds(headers(), SECRET, BODY + b" ", AT)
    assert not signature_holds(headers(), Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx"), BODY, AT)
    assert not signature_holds(headers(), SECRET, BODY, AT + TOLERANCE + 1)
    assert not signature_holds(headers(), SECRET, BODY, AT - TOLERANCE - 1)
