"""WeChat's API security (API 安全): a call that is encrypted and signed, and whose answer is.

A choice of the operator's on mp.weixin.qq.com, for calls whose pages say 支持加密请求: of Menshen's that is the one for
phone numbers; code2session, access tokens and session_keys are not among them. AES256_GCM with RSAwithSHA256 (PSS);
SM4_GCM with SM2withSM3 is not offered. Facts: developers.weixin.qq.com/miniprogram/dev/server/getting_started/
api_signature, whose example is a test (``reference/platform-apis.md`` 1.8).

What is signed has four lines. One SDK added the number of the key as a fifth, and its calls ended (40234); those for
phone numbers had gone well with four, and without Wechatmp-Serial (github.com/binarywang/WxJava/issues/3927).

TLS is underneath all the same. What this adds: who breaks TLS open, or answers in WeChat's place, reads no number and
makes none up. An answer is bound to the app, the call's address and a time, not to one request: inside
:data:`WINDOW` somebody on the way could still give a true answer again, to another request of the same app.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeVar

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from menshen.config.app_keys import AppKey, AppKeys
from menshen.config.snapshot import ApiSecurity, App
from menshen.errors import InternalFault, PlatformRefusedUs, PlatformReplyInvalid
from menshen.platforms.app_key_forms import (
    aes256_key,
    certified_key,
    no_aes256_key,
    no_certificate,
    no_private_key,
    private_key,
)
from menshen.platforms.base import Flow, PlatformReply, PlatformRequest, RefusedFor
from menshen.platforms.reply import ErrorTable, read_errcode, read_object
from menshen.secret import Secret

__all__ = [
    "API_KEYS",
    "DEPRECATED",
    "ERRORS",
    "NOT_OURS",
    "REFUSED_FOR",
    "WINDOW",
    "closed",
    "encrypted",
    "opened",
    "secured",
]

T = TypeVar("T")

WINDOW: Final = 300
"""Seconds that the time of an answer may be off ours: the page's own example."""

DEPRECATED: Final = "wechatmp-serial-deprecated"
"""The header with the number of the certificate that WeChat is about to put away."""

NOT_OURS: Final = "the answer is not signed with the key of platform_certificate"
"""The detail of PlatformReplyInvalid where another certificate was used than the app has, or none."""

ERRORS: Final[ErrorTable] = MappingProxyType(
    {
        40230: PlatformRefusedUs,  # Wechatmp-Serial is missing; documented, and never wanted of a request
        40231: PlatformRefusedUs,  # Wechatmp-TimeStamp is missing: the app has API security, and we no keys of it
        40232: PlatformRefusedUs,  # Wechatmp-Signature is missing: likewise
        40233: PlatformRefusedUs,  # Wechatmp-Appid is missing: likewise
        40234: PlatformRefusedUs,  # the signature is wrong: not this app's private_key; seen in a library's tracker
        40235: PlatformRefusedUs,  # the encryption is wrong: not this app's symmetric_key, or not its number
        40236: PlatformRefusedUs,  # Wechatmp-Appid is no AppID
        40237: PlatformRefusedUs,  # Wechatmp-Appid is not the AppID of the access token
        40238: PlatformRefusedUs,  # no symmetric key is set at WeChat
        40239: PlatformRefusedUs,  # no public key is set at WeChat
        40240: PlatformRefusedUs,  # Wechatmp-TimeStamp is too old: our clock
    }
)
"""By the page's table. WeChat answers so in the clear."""

REFUSED_FOR: Final[Mapping[int, RefusedFor]] = MappingProxyType(
    {errcode: "clock" if errcode == 40240 else "keys" for errcode in ERRORS}
)

API_KEYS: Final[AppKeys] = MappingProxyType(
    {
        "api_security.symmetric_key": AppKey(no_aes256_key),
        "api_security.private_key": AppKey(no_private_key),
        "api_security.platform_certificate": AppKey(no_certificate),
    }
)

_PADDING: Final = PSS(MGF1(SHA256()), 32)
_IV_BYTES: Final = 12
_TAG_BYTES: Final = 16
_NONCE_BYTES: Final = 16


def secured(
    flow: Flow[T], app: App, keys: ApiSecurity, now: Callable[[], float], random: Callable[[int], bytes]
) -> Flow[T]:
    """The same flow, its calls encrypted and signed, its answers checked and opened.

    ``now`` in Unix seconds, ``random(n)`` n random bytes. Raises PlatformReplyInvalid for what WeChat has not signed.
    """
    request = next(flow)
    while True:
        reply = yield closed(request, app, keys, int(now()), random)
        if reply.status == 200:
            reply = opened(reply, request.url, app, keys, now())
        try:
            request = flow.send(reply)
        except StopIteration as done:
            result: T = done.value
            return result


def closed(
    request: PlatformRequest, app: App, keys: ApiSecurity, now: int, random: Callable[[int], bytes]
) -> PlatformRequest:
    """The call as it goes out: everything but the access token in the body, which nobody else reads."""
    query = {name: value for name, value in request.query.items() if name == "access_token"}
    fields = {
        "_n": base64.b64encode(random(_NONCE_BYTES)).decode().rstrip("="),
        "_appid": app.appid,
        "_timestamp": now,
        **{name: _plain(value) for name, value in request.query.items() if name != "access_token"},
        **{name: _plain(value) for name, value in (request.json or {}).items()},
    }
    body = encrypted(fields, random(_IV_BYTES), _bound(request.url, app, now, keys), keys)
    signature = _signature(_signed(request.url, app, now, body), keys)
    return PlatformRequest(
        "POST",
        request.url,
        query=query,
        headers={
            "Content-Type": "application/json",
            "Wechatmp-Appid": app.appid,
            "Wechatmp-TimeStamp": str(now),
            "Wechatmp-Signature": signature,
        },
        body=body,
        timeout=request.timeout,
    )


def encrypted(fields: Mapping[str, Any], iv: bytes, bound: bytes, keys: ApiSecurity) -> bytes:
    """The body that these fields become. An ``iv`` is for one body only."""
    text = AESGCM(_symmetric(keys)).encrypt(iv, _json(fields), bound)
    parts = {"iv": iv, "data": text[:-_TAG_BYTES], "authtag": text[-_TAG_BYTES:]}
    return _json({name: base64.b64encode(part).decode() for name, part in parts.items()})


def opened(reply: PlatformReply, url: str, app: App, keys: ApiSecurity, now: float) -> PlatformReply:
    """What WeChat said. Raises PlatformReplyInvalid, and looks into nothing that has not been found signed.

    But a refusal may come as it is, as 40234 was seen to: it only says no, which whoever is on the way can have by
    cutting the line. Whatever else is unsigned is refused, or this would be off for him who leaves the headers away.
    Whether WeChat signs, and encrypts, refusals of the call itself (40029) is unconfirmed; one that is signed must be
    signed well.
    """
    if not any(name.startswith("wechatmp-signature") for name in reply.headers):
        if not _refuses(reply):
            raise PlatformReplyInvalid(NOT_OURS)
        return reply
    made = _made(reply.headers, app, now)
    if not _verified(_signed(url, app, made, reply.body), _signature_of(reply.headers, keys), keys):
        raise PlatformReplyInvalid(NOT_OURS)
    if _refuses(reply):
        return reply
    fields = _within(reply, _bound(url, app, made, keys), keys)
    if fields.pop("_appid", None) != app.appid or fields.pop("_timestamp", None) != made:
        raise PlatformReplyInvalid("the encrypted answer is of another app or another time than the signed one")
    return PlatformReply(reply.status, _json(fields))


def _refuses(reply: PlatformReply) -> bool:
    """Whether an answer says no in the clear."""
    return read_errcode(read_object(reply).get("errcode")) != 0


def _made(told: Mapping[str, str], app: App, now: float) -> int:
    """When the answer was made, if it is one to this app and of now. Whether that is true, the signature says."""
    text = told.get("wechatmp-timestamp", "")
    if told.get("wechatmp-appid") != app.appid or not text.isascii() or not text.isdigit() or len(text) > 12:
        raise PlatformReplyInvalid("the signed answer is not to this app, or has no time")
    if abs(int(text) - now) > WINDOW:
        raise PlatformReplyInvalid(f"the signed answer is over {WINDOW} s off this machine's clock")
    return int(text)


def _signature_of(told: Mapping[str, str], keys: ApiSecurity) -> bytes:
    """The signature by the certificate that the app has: while WeChat changes it there are two. b"" for none."""
    for ending in ("", "-deprecated"):
        if told.get(f"wechatmp-serial{ending}") == keys.platform_certificate_sn:
            return _decoded(told.get(f"wechatmp-signature{ending}"))
    return b""


def _within(reply: PlatformReply, bound: bytes, keys: ApiSecurity) -> dict[str, Any]:
    """The fields inside an answer that is encrypted."""
    parts = read_object(reply)
    iv, data, tag = (_decoded(parts.get(name)) for name in ("iv", "data", "authtag"))
    text = None
    if len(iv) == _IV_BYTES and len(tag) == _TAG_BYTES:
        try:
            text = AESGCM(_symmetric(keys)).decrypt(iv, data + tag, bound)
        except InvalidTag:
            text = None
    if text is None:
        raise PlatformReplyInvalid("the signed answer is not encrypted with the symmetric_key")
    return read_object(PlatformReply(200, text))


def _bound(url: str, app: App, made: int, keys: ApiSecurity) -> bytes:
    """What the encryption holds fast without hiding it (AAD)."""
    return f"{url}|{app.appid}|{made}|{keys.symmetric_key_sn}".encode()


def _signed(url: str, app: App, made: int, body: bytes) -> bytes:
    return f"{url}\n{app.appid}\n{made}\n".encode() + body


def _signature(content: bytes, keys: ApiSecurity) -> str:
    try:
        made = private_key(keys.private_key).sign(content, _PADDING, SHA256())
    except ValueError:
        made = b""
    if not made:
        raise InternalFault("the app's private key is none")
    return base64.b64encode(made).decode()


def _verified(content: bytes, signature: bytes, keys: ApiSecurity) -> bool:
    try:
        certified_key(keys.platform_certificate).verify(signature, content, _PADDING, SHA256())
    except (ValueError, InvalidSignature):
        return False
    return True


def _symmetric(keys: ApiSecurity) -> bytes:
    key = b""
    try:
        key = aes256_key(keys.symmetric_key)
    except ValueError:
        key = b""
    if not key:
        raise InternalFault("the app's symmetric key is none")
    return key


def _decoded(text: object) -> bytes:
    """b"" for what is no base64."""
    if not isinstance(text, str):
        return b""
    try:
        return base64.b64decode(text.encode(), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _json(fields: Mapping[str, Any]) -> bytes:
    # Half a character, which JSON can spell: whoever reads it leaves it out.
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _plain(value: Secret | str | bool) -> str | bool:
    return value.reveal() if isinstance(value, Secret) else value
