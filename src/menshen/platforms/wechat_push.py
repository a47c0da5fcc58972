"""What WeChat pushes to a third-party platform: is it WeChat's, is it of now, and what does it say.

``msg_signature`` is SHA-1 of the sorted token, timestamp, nonce and ciphertext; the ciphertext is AES-256-CBC under the
EncodingAESKey, whose first 16 bytes are the IV too, with PKCS#7 up to 32: 16 random bytes, a length (4 bytes, big
endian), the XML, the AppID. Facts: developers.weixin.qq.com/doc/oplatform/Third-party_Platforms/2.0/Before_Develop/
message_push and Technical_Plan; the vector of the former is a test.

The parameter ``signature`` says nothing of the body and is not looked at.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC

from menshen.config.snapshot import Component
from menshen.errors import AmbiguousCredential, BodyMalformed, SignatureInvalid, SignatureMissing, SignatureStale
from menshen.platforms.wechat_xml import read_xml
from menshen.secret import Secret

__all__ = ["SIGNED", "WINDOW", "Push", "open_push"]

WINDOW: Final = 300.0
"""Seconds that a push may be old, or ahead: a copy that somebody has kept is worth nothing after that. How late
WeChat itself may be is not documented; a ticket that is lost so comes again in ten minutes. The signed parts run into
each other, so that a nonce could pass for a time some day: who keeps tickets takes only one that WeChat made later."""

SIGNED: Final = ("msg_signature", "timestamp", "nonce")
"""The parameters of a push that are looked at."""

_TICKET: Final = "component_verify_ticket"
_SECONDS = re.compile(r"[0-9]{1,12}")
_TICKET_TEXT = re.compile(r"[!-~]{1,1024}")
_BLOCK, _RANDOM, _LENGTH = 32, 16, 4


@dataclass(frozen=True, slots=True)
class Push:
    """``ticket`` is "" for whatever else WeChat tells; ``made_at`` is WeChat's Unix second."""

    kind: str
    made_at: int
    ticket: Secret = field(repr=False)


def open_push(component: Component, query: bytes, body: bytes, now: float) -> Push:
    """A push to this component. ``now`` in Unix seconds.

    Raises AmbiguousCredential for a parameter that is there twice; SignatureMissing, SignatureInvalid, SignatureStale;
    BodyMalformed, also for what is signed and of another component.
    """
    signature, timestamp, nonce = _signed_parameters(query)
    closed = read_xml(body).get("Encrypt", "").strip()
    if not closed:
        raise BodyMalformed("no Encrypt")
    made = _signature(component.token, timestamp, nonce, closed)
    if not hmac.compare_digest(made.encode(), signature.encode("utf-8", "replace")):
        raise SignatureInvalid("msg_signature")
    if _SECONDS.fullmatch(timestamp) is None or abs(now - int(timestamp)) > WINDOW:
        raise SignatureStale("timestamp")
    return _read(component, _opened(component, closed), now)


def _signed_parameters(query: bytes) -> tuple[str, str, str]:
    try:
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=100)
    except ValueError:
        raise AmbiguousCredential("too many query parameters") from None
    given = [(name, value) for name, value in pairs if name in SIGNED]
    found = dict(given)
    if len(found) != len(given):
        raise AmbiguousCredential("a signed parameter twice")
    if not all(found.get(name) for name in SIGNED):
        raise SignatureMissing("no msg_signature, timestamp or nonce")
    return found["msg_signature"], found["timestamp"], found["nonce"]


def _signature(token: Secret, *parts: str) -> str:
    text = "".join(sorted((token.reveal(), *parts)))
    return hashlib.sha1(text.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()


def _opened(component: Component, closed: str) -> bytes:
    """The XML. It is signed, so what is wrong here is the EncodingAESKey or the AppID in the configuration."""
    key = base64.b64decode(component.message_key.reveal() + "=")
    try:
        data = base64.b64decode(closed, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if not data or len(data) % 16:
        raise BodyMalformed("no ciphertext")
    decryptor = Cipher(AES256(key), CBC(key[:16])).decryptor()
    plain = decryptor.update(data) + decryptor.finalize()
    pad = plain[-1]
    if not 1 <= pad <= min(_BLOCK, len(plain)) or plain[-pad:] != bytes([pad]) * pad:
        raise BodyMalformed("does not open: is the message_key the EncodingAESKey?")
    framed = plain[_RANDOM:-pad]
    length = int.from_bytes(framed[:_LENGTH], "big")
    message, owner = framed[_LENGTH : _LENGTH + length], framed[_LENGTH + length :]
    if len(message) != length or owner != component.appid.encode():
        raise BodyMalformed("of another AppID than the component's")
    return message


def _read(component: Component, message: bytes, now: float) -> Push:
    told = read_xml(message)
    kind, made_at = told.get("InfoType", "").strip(), told.get("CreateTime", "").strip()
    if kind != _TICKET:
        return Push(kind[:64], 0, Secret(""))
    ticket = told.get("ComponentVerifyTicket", "").strip()
    if told.get("AppId", "").strip() != component.appid or _TICKET_TEXT.fullmatch(ticket) is None:
        raise BodyMalformed("no ticket of this component")
    # A time far ahead would keep every later ticket out.
    if _SECONDS.fullmatch(made_at) is None or int(made_at) > now + WINDOW:
        raise BodyMalformed("no CreateTime that can be")
    return Push(kind, int(made_at), Secret(ticket))
