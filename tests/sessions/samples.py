"""One identity and one ring of every kind."""

from __future__ import annotations

import secrets

from joserfc.jwk import ECKey, OKPKey

from menshen.sessions.claims import SessionClaims, new_id
from menshen.sessions.keys import SigningKey, SymmetricKey
from menshen.sessions.refresh import RefreshClaims, RefreshTokens
from menshen.sessions.sealed import SealedSessions
from menshen.sessions.signed import SignedSessions

NOW = 1_800_000_000
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

CLAIMS = SessionClaims(
    sub=f"u{new_id(secrets.token_bytes)}",
    sid=new_id(secrets.token_bytes),
    platform="wechat",
    appid="wx4f4bc4dec97d474b",
    openid="oGZUI0egBJY1zhBYw2KhdUfwVJJE",
    unionid="ocMvos6NjeKLIBqg5Mr9QjxrP1FA",
    iat=NOW,
    exp=NOW + 7200,
    auth=NOW,
    end=NOW + 7200,
    life=7200,
)
REFRESH_CLAIMS = RefreshClaims(CLAIMS.sid, CLAIMS.platform, CLAIMS.appid, "shop-login", 1, NOW + 30 * 86400)

OLD, NEW = (SymmetricKey(kid, secrets.token_bytes(32)) for kid in ("old-key", "0123456789ab"))
SEALED = SealedSessions([NEW, OLD], secrets.token_bytes)

REFRESH_KEY = SymmetricKey("0123456789ab", secrets.token_bytes(32))
REFRESH = RefreshTokens([REFRESH_KEY], secrets.token_bytes)


def es256_key(kid: str = "fedcba987654") -> SigningKey:
    return SigningKey(kid, "ES256", ECKey.generate_key("P-256"))


def eddsa_key(kid: str = "ba9876543210") -> SigningKey:
    return SigningKey(kid, "EdDSA", OKPKey.generate_key("Ed25519"))


ES256, EDDSA = es256_key(), eddsa_key()
SIGNED = SignedSessions([ES256, EDDSA])
SIGNED_EDDSA = SignedSessions([EDDSA, ES256])


def signed(sessions: SignedSessions, claims: SessionClaims = CLAIMS, disclose: tuple[str, ...] = ()) -> bytes:
    return sessions.mint(claims, disclose=disclose, renew_at=0, app="shop").encode()


def smaller_s(signature: bytes) -> bytes:
    """The same ES256 signature in the spelling that we take."""
    s = int.from_bytes(signature[32:], "big")
    return signature[:32] + min(s, P256_ORDER - s).to_bytes(32, "big")
