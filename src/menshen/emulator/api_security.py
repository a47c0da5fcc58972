"""WeChat's API security (API 安全), from its side: what it wants of a call, and how it answers.

It shares nothing with the gateway's. In what order WeChat looks at a call is not known, nor whether it signs refusals
of the call itself: here it does, once the keys are good, and before that it refuses in the clear, as it was seen to.
Facts: ``reference/platform-apis.md`` 1.8.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)
from cryptography.x509 import CertificateBuilder, Name, NameAttribute, random_serial_number
from cryptography.x509.oid import NameOID

from menshen.emulator.answer import Answer, encode
from menshen.emulator.dialect import ApiSecurity, Certified, Outcome
from menshen.emulator.identifiers import RandomBytes

__all__ = ["Call", "NotTaken", "answered", "certified", "no_keys", "opened", "renewed"]

_WINDOW: Final = 300
"""Seconds that the time of a call may be off the platform's (the page's example; 40240)."""

_LIFE: Final = timedelta(days=5 * 365)
_PSS: Final = PSS(MGF1(SHA256()), 32)


@dataclass(frozen=True, slots=True)
class Call:
    """A call as it came. ``url`` is its address without query, ``headers`` have their names in lower case."""

    url: str
    appid: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class NotTaken(Exception):
    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


def certified(random: RandomBytes, now: float) -> Certified:
    """A new certificate, signed by itself, with the number that the platform gives it."""
    key = generate_private_key(65537, 2048)
    name = Name([NameAttribute(NameOID.COMMON_NAME, "Menshen's emulator of WeChat")])
    start = datetime.fromtimestamp(now, UTC)
    made = CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(random_serial_number()).not_valid_before(start).not_valid_after(start + _LIFE)
    pem = made.sign(key, SHA256()).public_bytes(Encoding.PEM).decode()
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return Certified(random(16).hex(), text, pem)


def renewed(keys: ApiSecurity, random: RandomBytes, now: float) -> ApiSecurity:
    """With another certificate; the last one signs besides from now on, and one before that no more."""
    return replace(keys, certificates=(certified(random, now), *keys.certificates[:1]))


def no_keys(keys: ApiSecurity) -> str:
    """What is wrong with what an app's developer gave; "" if nothing is."""
    try:
        if len(base64.b64decode(keys.symmetric_key, validate=True)) != 32:
            return "symmetric_key is not base64 of 32 bytes"
        _public(keys)
    except ValueError:
        return "symmetric_key or public_key is none"
    return ""


def opened(keys: ApiSecurity, call: Call, now: float) -> dict[str, Any]:
    """The fields of a call. Raises NotTaken."""
    told = call.headers
    for name, outcome in _NEEDED:
        if not told.get(name):
            raise NotTaken(outcome)
    if told["wechatmp-appid"] != call.appid:
        raise NotTaken("unmatched_appid")
    made = told["wechatmp-timestamp"]
    if not made.isdigit() or abs(int(made) - now) > _WINDOW:
        raise NotTaken("expired_timestamp")
    content = f"{call.url}\n{call.appid}\n{made}\n".encode() + call.body
    try:
        _public(keys).verify(base64.b64decode(told["wechatmp-signature"]), content, _PSS, SHA256())
    except (ValueError, InvalidSignature):
        raise NotTaken("wrong_api_signature") from None
    try:
        parts = {name: base64.b64decode(text) for name, text in json.loads(call.body).items()}
        closed = parts["data"] + parts["authtag"]
        fields = json.loads(_cipher(keys).decrypt(parts["iv"], closed, _bound(keys, call, made)))
    except (ValueError, TypeError, KeyError, AttributeError, InvalidTag):
        raise NotTaken("wrong_encryption") from None
    if not isinstance(fields, dict) or fields.get("_appid") != call.appid or fields.get("_timestamp") != int(made):
        raise NotTaken("wrong_encryption")
    return {name: value for name, value in fields.items() if not name.startswith("_")}


def answered(keys: ApiSecurity, call: Call, answer: Answer, now: float, random: RandomBytes, fault: str) -> Answer:
    """The answer encrypted and signed, with what the ``fault`` makes of it; one that is no JSON goes as it is."""
    try:
        fields = json.loads(answer.body, strict=False)
    except ValueError:
        return answer
    if answer.silent or not isinstance(fields, dict) or fault == "plain":
        return answer
    made = str(int(now) - (2 * _WINDOW if fault == "stale" else 0))
    inner = {"_n": base64.b64encode(random(16)).decode(), "_appid": call.appid, "_timestamp": int(made), **fields}
    iv = random(12)
    closed = _cipher(keys).encrypt(iv, encode(inner), _bound(keys, call, made))
    parts = {"iv": iv, "data": closed[:-16], "authtag": closed[-16:]}
    body = encode({name: base64.b64encode(part).decode() for name, part in parts.items()})
    signers = (
        keys.certificates
        if fault != "forged"
        else tuple(replace(certified(random, now), serial=each.serial) for each in keys.certificates)
    )
    headers = [("wechatmp-appid", call.appid), ("wechatmp-timestamp", made)]
    for ending, signer in zip(("", "-deprecated"), signers, strict=False):
        content = f"{call.url}\n{call.appid}\n{made}\n".encode() + body
        headers += [
            (f"wechatmp-serial{ending}", signer.serial),
            (f"wechatmp-signature{ending}", _sign(signer, content)),
        ]
    if fault == "tampered":
        body = body.replace(b'"data":"', b'"data":"AAAA')
    return replace(answer, body=body, headers=() if fault == "unsigned" else tuple(headers))


_NEEDED: Final[tuple[tuple[str, Outcome], ...]] = (
    ("wechatmp-appid", "no_signed_appid"),
    ("wechatmp-timestamp", "no_timestamp"),
    ("wechatmp-signature", "no_signature"),
)


def _bound(keys: ApiSecurity, call: Call, made: str) -> bytes:
    return f"{call.url}|{call.appid}|{made}|{keys.symmetric_key_sn}".encode()


def _cipher(keys: ApiSecurity) -> AESGCM:
    return AESGCM(base64.b64decode(keys.symmetric_key))


def _public(keys: ApiSecurity) -> RSAPublicKey:
    """Raises ValueError."""
    text = keys.public_key
    key = load_pem_public_key(text.encode()) if "-----" in text else load_der_public_key(base64.b64decode(text))
    if not isinstance(key, RSAPublicKey):
        raise ValueError("no RSA key")  # noqa: TRY004 - of the text, not of its type
    return key


def _sign(signer: Certified, content: bytes) -> str:
    # The skipped look costs a tenth of a second at every call.
    key = load_pem_private_key(signer.key.encode(), None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("no RSA key")  # noqa: TRY004 - of the text, not of its type
    return base64.b64encode(key.sign(content, _PSS, SHA256())).decode()
