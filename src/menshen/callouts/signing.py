"""Signed calls, so that a service of the team's knows that it is the gateway who asks.

The scheme is that of the Standard Webhooks (standardwebhooks.com, version 1.0.0), for which there are libraries in
most languages: HMAC-SHA256 of id, time and body, in three headers. Whoever records a call cannot send it again later:
the receiver refuses an old time.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping

from menshen.platforms.base import PlatformRequest
from menshen.secret import Secret

__all__ = ["TOLERANCE", "signature_holds", "signed"]

TOLERANCE = 300
"""Seconds that the time of a call may be off at its receiver."""

_PREFIX = "whsec_"


def signed(url: str, secret: Secret, body: bytes, id: str, now: float, timeout: float) -> PlatformRequest:  # noqa: A002
    """A POST of ``body`` (JSON) with its signature. ``id`` is the same where the same message is sent again.

    ``now`` in Unix seconds; ``timeout`` in seconds, for the whole call.
    """
    timestamp = str(int(now))
    headers = {
        "content-type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": timestamp,
        "webhook-signature": _signature(secret, id, timestamp, body),
    }
    return PlatformRequest("POST", url, headers=headers, body=body, timeout=timeout)


def signature_holds(headers: Mapping[str, str], secret: Secret, body: bytes, now: float) -> bool:
    """Whether a call is of one who knows the secret, and not an old one. Names of ``headers`` in lower case.

    A header may hold several signatures, for the days in which a secret is changed.
    """
    timestamp = headers.get("webhook-timestamp", "")
    if not (timestamp.isascii() and timestamp.isdigit()) or abs(now - int(timestamp)) > TOLERANCE:
        return False
    expected = _signature(secret, headers.get("webhook-id", ""), timestamp, body).encode()
    given = headers.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(each.encode(), expected) for each in given)


def _signature(secret: Secret, id_: str, timestamp: str, body: bytes) -> str:
    content = b".".join((id_.encode(), timestamp.encode(), body))
    return "v1," + base64.b64encode(hmac.digest(_key(secret), content, "sha256")).decode()


def _key(secret: Secret) -> bytes:
    """The bytes behind ``whsec_`` in base64, as the standard writes a secret; of any other text its own."""
    text = secret.reveal()
    if text.startswith(_PREFIX):
        try:
            return base64.b64decode(text[len(_PREFIX) :], validate=True) or text.encode()
        except binascii.Error:
            pass
    return text.encode()
