"""RSA2, as Alipay signs and wants to be signed to: RSA PKCS#1 v1.5 over SHA-256, in base64.

A request is signed over its parameters in the order of their names; an answer over the very text of one of its members,
which must therefore be taken out of the body as it stands: to write it again would be another text. Facts:
``reference/platform-apis.md`` 4.1 and 4.2.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from menshen.errors import InternalFault, PlatformReplyInvalid
from menshen.platforms.app_key_forms import private_key, public_key
from menshen.secret import Secret

__all__ = ["Member", "content_of", "decoded", "members", "sign", "verified"]

_SPACE: Final = " \t\r\n"


@dataclass(frozen=True, slots=True)
class Member:
    """One member of an answer: its value, and the text that it was written as."""

    value: Any = field(repr=False)
    text: str = field(repr=False)


def content_of(parameters: Mapping[str, Secret | str]) -> str:
    """What is signed of a request: ``sign_type`` is in it, ``sign`` and what is empty are not."""
    plain = {name: value.reveal() if isinstance(value, Secret) else value for name, value in parameters.items()}
    return "&".join(f"{name}={plain[name]}" for name in sorted(plain) if plain[name] and name != "sign")


def sign(content: str, key: Secret) -> str:
    """The signature of the app. Raises InternalFault for what is no private key, which no checked document has."""
    try:
        made = private_key(key).sign(content.encode(), PKCS1v15(), SHA256())
    except ValueError:
        made = b""
    if not made:
        raise InternalFault("the app's private key is none")
    return base64.b64encode(made).decode()


def verified(content: bytes, signature: bytes, key: str) -> bool:
    """Whether this is the platform's signature. False for whatever is wrong, a key that is none included."""
    try:
        public_key(key).verify(signature, content, PKCS1v15(), SHA256())
    except (ValueError, InvalidSignature):
        return False
    return True


def decoded(signature: object) -> bytes:
    """A signature as it came; b"" for what is none."""
    if not isinstance(signature, str):
        return b""
    try:
        return base64.b64decode(signature.encode(), validate=True)
    except (binascii.Error, ValueError):
        return b""


def members(body: bytes) -> Mapping[str, Member]:
    """The members of a JSON object, each with its text. Raises PlatformReplyInvalid.

    A name that comes twice is refused: which of the two was signed, and which was read, would be anybody's guess.
    """
    found: dict[str, Member] | None = None
    with contextlib.suppress(ValueError, RecursionError, IndexError):
        found = _members(body.decode().lstrip("\ufeff" + _SPACE))
    # Raised out here: a JSONDecodeError holds the whole document, tokens included, and would ride along.
    if found is None:
        raise PlatformReplyInvalid("not a JSON object")
    return found


def _members(text: str) -> dict[str, Member]:
    decoder = json.JSONDecoder(strict=False)
    found: dict[str, Member] = {}
    at = _after(text, 0, "{")
    if text[at] == "}":
        raise ValueError("empty")
    while True:
        name, end = decoder.raw_decode(text, at)
        start = _after(text, _spaces(text, end), ":")
        value, end = decoder.raw_decode(text, start)
        if not isinstance(name, str) or name in found:
            raise ValueError("a name that is none, or comes twice")
        found[name] = Member(value, text[start:end])
        at = _spaces(text, end)
        if text[at] == "}":
            if text[at + 1 :].strip(_SPACE):
                raise ValueError("more than an object")
            return found
        at = _after(text, at, ",")


def _after(text: str, at: int, mark: str) -> int:
    if text[at] != mark:
        raise ValueError(f"no {mark}")
    return _spaces(text, at + 1)


def _spaces(text: str, at: int) -> int:
    while text[at] in _SPACE:
        at += 1
    return at
