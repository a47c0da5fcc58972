"""Replies as WeChat and QQ write them: JSON with an errcode, whatever the call.

What the documentation promises and what arrives differ (reference, 1.1): the body is JSON labelled ``text/plain``,
``errcode`` is absent on some successes, 0 on others and a string in some documents, texts contain raw control
characters, unknown keys come and go. So reading is tolerant of everything that does not matter, and strict about the
fields that are used.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from menshen.errors import PlatformReplyInvalid, PlatformSaysBusy, Refusal
from menshen.platforms.base import PlatformReply, TokenRefused
from menshen.secret import Secret

__all__ = ["OPENID", "SESSION_KEY", "ErrorTable", "read_fields", "read_text"]

ErrorTable = Mapping[int, type[Refusal | TokenRefused]]
"""errcode -> what it means here."""

OPENID = re.compile(r"[0-9A-Za-z_-]{1,128}")
"""WeChat 28 characters of this alphabet, QQ 32 or 36."""

SESSION_KEY = re.compile(r"[0-9A-Za-z+/_-]{16,128}={0,2}")
"""base64 of 16 bytes is 24 characters; both alphabets pass."""

_ERRCODE = re.compile(r"[+-]?[0-9]{1,12}")
_DETAIL_LIMIT = 200


def read_fields(reply: PlatformReply, errors: ErrorTable, hidden: tuple[Secret, ...] = ()) -> dict[str, Any]:
    """The fields of a success.

    ``hidden`` are values that must not show in the detail of a refusal, should the platform echo them in its errmsg.

    Raises the class ``errors`` has for the errcode; PlatformSaysBusy for HTTP 5xx; PlatformReplyInvalid for an unknown
    errcode, another HTTP status than 200 (business errors are 200 too) and anything that is not a JSON object.
    """
    if reply.status != 200:
        refusal = PlatformSaysBusy if 500 <= reply.status <= 599 else PlatformReplyInvalid
        raise refusal(f"HTTP {reply.status}")
    fields = _object(reply.body)
    errcode = _errcode(fields.get("errcode"))
    if errcode:
        detail = _printable(fields.get("errmsg"), hidden)
        raise errors.get(errcode, PlatformReplyInvalid)(detail, platform_errcode=errcode)
    return fields


def read_text(fields: Mapping[str, Any], name: str, pattern: re.Pattern[str], *, optional: bool = False) -> str:
    """A field of this form; with ``optional``, "" where it is absent. Raises PlatformReplyInvalid."""
    value = fields.get(name)
    if optional and (value is None or value == ""):
        return ""
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        raise PlatformReplyInvalid(f"{name} is missing" if not value else f"{name} is malformed")
    return value


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body.decode("utf-8", "ignore").lstrip("\ufeff"), strict=False)
    except (ValueError, RecursionError):
        value = None
    # Raised out here: a JSONDecodeError holds the whole document, session_key included, and would ride along.
    if not isinstance(value, dict):
        raise PlatformReplyInvalid("not a JSON object")
    return value


def _errcode(value: object) -> int:
    """0 where there is none. A bool is an int in Python and no errcode."""
    if value is None or value == "":
        return 0
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if _ERRCODE.fullmatch(text) is None:
        raise PlatformReplyInvalid("errcode is not a number")
    return int(text)


def _printable(errmsg: object, hidden: tuple[Secret, ...]) -> str:
    """errmsg fit for a log line: no control, bidi or surrogate characters (log forging), no secret, capped."""
    text = "".join(c for c in errmsg if c.isprintable()) if isinstance(errmsg, str) else ""
    for value in hidden:
        if value:
            text = text.replace(value.reveal(), Secret.MASK)
    return text[:_DETAIL_LIMIT]
