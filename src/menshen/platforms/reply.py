"""Reading a platform's reply, whatever its dialect.

Replies are JSON under any content type, with raw control characters, numbers as texts, and keys that come and go
(reference, 1.1). So reading is tolerant of everything that does not matter, and strict about the fields that are used:
an openid that is not one would end up in a header.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from menshen.errors import PlatformReplyInvalid, PlatformSaysBusy, Refusal
from menshen.platforms.base import PlatformReply, PlatformToken, TokenRefused
from menshen.secret import Secret

__all__ = [
    "OPENID",
    "SESSION_KEY",
    "UNSIGNED",
    "ErrorTable",
    "printable",
    "read_data",
    "read_errcode",
    "read_object",
    "read_text",
    "read_token",
    "refuse",
]

ErrorTable = Mapping[int, type[Refusal | TokenRefused]]
"""errcode -> what it means here."""

OPENID = re.compile(r"[0-9A-Za-z_-]{1,128}")
"""WeChat 28 characters of this alphabet, QQ 32 or 36."""

SESSION_KEY = re.compile(r"[0-9A-Za-z+/_-]{16,128}={0,2}")
"""base64 of 16 bytes is 24 characters; both alphabets pass."""

UNSIGNED: Final = "the answer is not signed with the platform_key"
"""The detail of PlatformReplyInvalid where another key was used than the app has for the platform."""

_TOKEN = re.compile(r"[!-~]{1,2048}")  # opaque; WeChat asks for room for 512 characters at least
_ERRCODE = re.compile(r"[+-]?[0-9]{1,12}")
_DETAIL_LIMIT = 200
_LONGEST = 30 * 86_400
"""Seconds: what Baidu gives, and far more than the others do; this only keeps nonsense out."""


def read_object(reply: PlatformReply, statuses: Collection[int] = (200,)) -> dict[str, Any]:
    """The JSON object in a reply of one of these HTTP statuses.

    Raises PlatformSaysBusy for 5xx, PlatformReplyInvalid for any other status and for what is not a JSON object.
    """
    if reply.status not in statuses:
        refusal = PlatformSaysBusy if 500 <= reply.status <= 599 else PlatformReplyInvalid
        raise refusal(f"HTTP {reply.status}")
    try:
        value = json.loads(reply.body.decode("utf-8", "ignore").lstrip("\ufeff"), strict=False)
    except (ValueError, RecursionError):
        value = None
    # Raised out here: a JSONDecodeError holds the whole document, session_key included, and would ride along.
    if not isinstance(value, dict):
        raise PlatformReplyInvalid("not a JSON object")
    return value


def read_text(fields: Mapping[str, Any], name: str, pattern: re.Pattern[str], *, optional: bool = False) -> str:
    """A field of this form; with ``optional``, "" where it is absent. Raises PlatformReplyInvalid."""
    value = fields.get(name)
    if optional and (value is None or value == ""):
        return ""
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        raise PlatformReplyInvalid(f"{name} is missing" if not value else f"{name} is malformed")
    return value


def read_token(fields: Mapping[str, Any], lasting: str = "expires_in") -> PlatformToken:
    """An ``access_token`` and, in the field ``lasting``, its seconds. Raises PlatformReplyInvalid."""
    token, seconds = Secret(read_text(fields, "access_token", _TOKEN)), fields.get(lasting)
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not 0 < seconds <= _LONGEST:
        raise PlatformReplyInvalid(f"{lasting} is not a number of seconds")
    return PlatformToken(token, seconds)


def read_errcode(value: object, name: str = "errcode") -> int:
    """0 where there is none. A bool is an int in Python and no errcode. Raises PlatformReplyInvalid."""
    if value is None or value == "":
        return 0
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if _ERRCODE.fullmatch(text) is None:
        raise PlatformReplyInvalid(f"{name} is not a number")
    return int(text)


def refuse(
    number: object,
    said: object,
    errors: ErrorTable,
    hidden: tuple[Secret, ...],
    *,
    name: str = "errcode",
    unknown: type[Refusal] = PlatformReplyInvalid,
) -> None:
    """Raise what an errcode means, if there is one; ``unknown`` where the table does not have it.

    ``said`` is the platform's own text, and ``hidden`` are values that must not show of it. ``name`` is the field's.
    """
    errcode = read_errcode(number, name)
    if errcode:
        raise errors.get(errcode, unknown)(printable(said, hidden), platform_errcode=errcode)


def read_data(fields: Mapping[str, Any], name: str = "data") -> Mapping[str, Any]:
    """The object of a success that stands one level down. Raises PlatformReplyInvalid."""
    data = fields.get(name)
    if not isinstance(data, dict):
        raise PlatformReplyInvalid(f"no {name}")
    return data


def printable(errmsg: object, hidden: tuple[Secret, ...]) -> str:
    """errmsg fit for a log line: no control, bidi or surrogate characters (log forging), no secret, capped."""
    text = "".join(c for c in errmsg if c.isprintable()) if isinstance(errmsg, str) else ""
    for value in hidden:
        if value:
            text = text.replace(value.reveal(), Secret.MASK)
    return text[:_DETAIL_LIMIT]
