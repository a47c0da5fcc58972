"""The gateway's own assertions and JWK Sets, without a gateway: its asserter and key rings, and what forgers make."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc.jwk import ECKey

from menshen.gateway.assertion import Asserter
from menshen.sessions.claims import SessionClaims
from menshen.sessions.keys import KeyRings, assertion_keys, encode_ring, new_key, public_jwks

__all__ = ["CLAIMS", "NOW", "PAYLOAD", "UID", "Ring", "part"]

NOW = 1_790_000_000
UID = "u" + "abcdefghijklmnopqrstuvwxyz"
CLAIMS = SessionClaims(
    sub=UID,
    sid="s" + "a2b3c4d5e6" * 2,
    platform="wechat",
    appid="wx4f4bc4dec97d474b",
    openid="o6_bmjrPTlm6_2sgVt7hMZOPfL2M",
    unionid="oUnion1",
    iat=NOW,
    exp=NOW + 7200,
    account="e-1",
    claims={"level": "gold"},
)
PAYLOAD: dict[str, Any] = {
    "iss": "menshen",
    "aud": "orders",
    "sub": CLAIMS.sub,
    "sid": CLAIMS.sid,
    "platform": "wechat",
    "app": "shop",
    "appid": CLAIMS.appid,
    "openid": CLAIMS.openid,
    "iat": NOW,
    "exp": NOW + 300,
}


class Ring:
    """The gateway's ring of assertion keys, the signing one first."""

    def __init__(self) -> None:
        self.members = [new_key("assertion", NOW)]

    @property
    def keys(self) -> tuple[ECKey, ...]:
        return assertion_keys(self._rings)

    @property
    def _rings(self) -> KeyRings:
        return KeyRings(sealed="", signed="", refresh="", assertion=encode_ring(self.members).decode())

    @property
    def jwks(self) -> dict[str, Any]:
        return public_jwks(self._rings)

    def published(self) -> bytes:
        """What a fetch of ``/.well-known/jwks.json`` gives."""
        return json.dumps(self.jwks).encode()

    def rotate(self) -> None:
        self.members.insert(0, new_key("assertion", NOW))

    def retire_old(self) -> None:
        del self.members[1:]

    def assertion(self, claims: SessionClaims = CLAIMS, upstream: str = "orders", now: float = NOW) -> str:
        """As the gateway makes it."""
        return Asserter(self.keys).assertion(claims, "shop", upstream, now)

    def signed(self, payload: Mapping[str, Any] | bytes, header: Mapping[str, Any] | None = None) -> str:
        """Anything at all, under the gateway's key: what even a gateway gone wrong must not get past."""
        head = {"alg": "ES256", "kid": self.keys[0].kid, "typ": "JWT"} if header is None else header
        signing = f"{part(head)}.{part(payload)}"
        return f"{signing}.{part(es256(self.keys[0], signing.encode()))}"

    def hmac_with_public_key(self, written: bytes) -> str:
        """HS256, the secret being what everybody can fetch."""
        signing = f"{part({'alg': 'HS256', 'kid': self.keys[0].kid, 'typ': 'JWT'})}.{part(PAYLOAD)}"
        return f"{signing}.{part(hmac.digest(written, signing.encode(), hashlib.sha256))}"


def es256(key: ECKey, text: bytes) -> bytes:
    r, s = decode_dss_signature(key.private_key.sign(text, ECDSA(SHA256())))
    return r.to_bytes(32) + s.to_bytes(32)


def part(content: Mapping[str, Any] | bytes) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
