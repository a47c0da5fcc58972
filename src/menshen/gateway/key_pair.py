"""Key-pair authentication (密钥对鉴权): whether a call was made by a server that knows a key's secret, and just now.

TSF signs nonce, key id and the secret itself, so whoever sees one call can make any other for ever. Here the signature
covers method, host, path, query, time and body, and the nonce makes it good once. It is base64 of HMAC over these
lines, each ended by the next one's line break, the last by nothing::

    menshen-key-pair-1
    POST
    api.example.com
    /mall/orders?page=2
    1790000000
    V1StGXR8_Z5jdHi6B-myT
    erp
    e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855

None of them can hold a line break, so no two calls have the same lines. The host is signed because one key may open
several hosts with the same path.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from menshen.config.reserved import KEY_PAIR_HEADERS
from menshen.config.route_rules import LONGEST_WINDOW, KeyPair, KeyPairRules
from menshen.errors import AmbiguousCredential, BodyTooLarge, SignatureInvalid, SignatureMissing, SignatureStale
from menshen.gateway.request import AuthRequest, RequestLine

__all__ = ["SCHEME", "Signed", "proven_caller", "string_to_sign"]

SCHEME: Final = b"menshen-key-pair-1"

_CLOCKS_APART = 60
"""Seconds by which the clocks of two nodes may differ: one that is ahead must not forget a nonce too soon."""

_HEADERS: Final = tuple(name.encode() for name in KEY_PAIR_HEADERS)

_ALGORITHMS: Final = MappingProxyType(
    {b"HMAC-SHA256": "sha256", b"2": "sha256", b"HMAC-SHA512": "sha512", b"3": "sha512"}
)
"""TSF's names are numbers. Its 0 and 1 are MD5 and SHA-1, and 4 is SM3, which not every build of OpenSSL has."""

_timestamp = re.compile(rb"[0-9]{1,12}").fullmatch
_nonce = re.compile(rb"[A-Za-z0-9_-]{16,64}").fullmatch

_NOBODY: Final = b"the secret of keys that do not exist"


@dataclass(frozen=True, slots=True)
class Signed:
    """A call whose signature is right. Whether the nonce is new is not known yet; it matters until ``until``."""

    key_id: str
    nonce: str
    until: int


def proven_caller(rules: KeyPairRules, request: AuthRequest, line: RequestLine, now: float) -> Signed | None:
    """Who signed the call; None where it has no signature at all. ``now`` in Unix seconds.

    Raises ``SignatureMissing``, ``AmbiguousCredential``, ``SignatureInvalid``, ``SignatureStale`` and ``BodyTooLarge``.
    """
    sent = [request.headers.get(name, b"") for name in _HEADERS]
    if not any(sent):
        return None
    if not all(sent):
        missing = (name for name, value in zip(KEY_PAIR_HEADERS, sent, strict=True) if not value)
        raise SignatureMissing(", ".join(missing))
    if any(b"," in value for value in sent):
        raise AmbiguousCredential("two signatures")
    key_id, algorithm, timestamp, nonce, signature = sent
    digest = _ALGORITHMS.get(algorithm)
    if digest is None or _timestamp(timestamp) is None or _nonce(nonce) is None:
        raise SignatureInvalid("algorithm, timestamp or nonce")
    signed_at = int(timestamp)
    if abs(now - signed_at) > rules.window:
        raise SignatureStale(f"{now - signed_at:+.0f} s")
    body = request.body or b""
    if request.body_partial or len(body) > rules.body_limit:
        raise BodyTooLarge(f"over {rules.body_limit} bytes")
    key = _key(rules, key_id.decode("latin-1"), now)
    text = string_to_sign(line, request.query, timestamp, nonce, key_id, body)
    # An unknown key costs what a known one does, and the answer is the same: nobody learns which keys there are.
    secret = _NOBODY if key is None else key.secret.reveal().encode()
    expected = base64.b64encode(hmac.digest(secret, text, digest))
    if not hmac.compare_digest(expected, signature) or key is None:
        raise SignatureInvalid("key or signature")
    return Signed(key.id, nonce.decode(), signed_at + LONGEST_WINDOW + _CLOCKS_APART)


def string_to_sign(
    line: RequestLine, query: bytes, timestamp: bytes, nonce: bytes, key_id: bytes, body: bytes
) -> bytes:
    """The lines above. Path and query are those that go on to the backend, in Envoy's normal form."""
    target = line.path + b"?" + query if query else line.path
    content = hashlib.sha256(body).hexdigest().encode()
    return b"\n".join((SCHEME, line.method, line.host.lower(), target, timestamp, nonce, key_id, content))


def _key(rules: KeyPairRules, key_id: str, now: float) -> KeyPair | None:
    """The key, if it is good. All are looked at, so that the time does not tell where one stands."""
    found = None
    for key in rules.keys:
        if key.id == key_id and not 0 < key.until <= now:
            found = key
    return found
