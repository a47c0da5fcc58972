"""WeChat's side of API security, by hand: keys of one run, and answers as WeChat signs them."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from menshen.config.snapshot import ApiSecurity
from menshen.platforms.base import PlatformReply
from menshen.secret import Secret
from tests.platforms.app_keys import key, private_text

SYMMETRIC_KEY = base64.b64encode(bytes(range(32))).decode()
PSS_SHA256 = PSS(MGF1(SHA256()), 32)


def certificate_text(name: str, days: int = 365) -> str:
    """A certificate of the key of this name, as PEM. ``days`` from now it ends."""
    whose = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(whose)
        .issuer_name(whose)
        .public_key(key(name).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=400))
        .not_valid_after(now + timedelta(days=days))
        .sign(key(name), SHA256())
    )
    return made.public_bytes(Encoding.PEM).decode()


def security(**change: Any) -> ApiSecurity:
    keys = {
        "symmetric_key": Secret(SYMMETRIC_KEY),
        "symmetric_key_sn": "5f" * 16,
        "private_key": Secret(private_text("app")),
        "platform_certificate": certificate_text("platform"),
        "platform_certificate_sn": "79" * 16,
    }
    return ApiSecurity(**{**keys, **change})


def signature(content: bytes, name: str = "platform") -> str:
    return base64.b64encode(key(name).sign(content, PSS_SHA256, SHA256())).decode()


def sealed(fields: Any, url: str, appid: str, made: int, keys: ApiSecurity) -> bytes:
    """The body of an encrypted answer."""
    bound = f"{url}|{appid}|{made}|{keys.symmetric_key_sn}".encode()
    iv = bytes(12)
    text = AESGCM(base64.b64decode(keys.symmetric_key.reveal())).encrypt(iv, json.dumps(fields).encode(), bound)
    parts = {"iv": iv, "data": text[:-16], "authtag": text[-16:]}
    return json.dumps({name: base64.b64encode(part).decode() for name, part in parts.items()}).encode()


def signed_reply(body: bytes, url: str, appid: str, made: int, keys: ApiSecurity, **change: str) -> PlatformReply:
    """This body, signed. ``change`` are headers, with _ for -."""
    headers = {
        "wechatmp-appid": appid,
        "wechatmp-timestamp": str(made),
        "wechatmp-serial": keys.platform_certificate_sn,
        "wechatmp-signature": signature(f"{url}\n{appid}\n{made}\n".encode() + body),
        **{name.replace("_", "-"): value for name, value in change.items()},
    }
    return PlatformReply(200, body, {name: value for name, value in headers.items() if value})


def secured_reply(fields: dict[str, Any], url: str, appid: str, made: int, keys: ApiSecurity) -> PlatformReply:
    """An answer as WeChat gives it."""
    inner = {"_n": "bm9uY2Vub25jZW5vbmNl", "_appid": appid, "_timestamp": made, **fields}
    return signed_reply(sealed(inner, url, appid, made, keys), url, appid, made, keys)
