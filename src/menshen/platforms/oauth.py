"""Replies of platforms that answer as OAuth 2.0 servers do: an ``error`` by name, mostly with a number beside it.

The names are RFC 6749's (4.1.2.1 and 5.2). Platforms that use them document few numbers, so the name says what a
number that is not known means.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from menshen.errors import (
    CodeInvalid,
    PlatformLimit,
    PlatformRefusedUs,
    PlatformReplyInvalid,
    PlatformSaysBusy,
    Refusal,
)
from menshen.platforms.base import PlatformReply, TokenRefused
from menshen.platforms.reply import ErrorTable, printable, read_object
from menshen.secret import Secret

__all__ = ["NAMES", "read_answer", "refused", "succeeded"]

NAMES: Final[Mapping[str, type[Refusal]]] = MappingProxyType(
    {
        "access_denied": PlatformRefusedUs,
        "invalid_client": PlatformRefusedUs,
        "invalid_grant": CodeInvalid,  # of an access token there is nothing to grant it by, and it is not said
        "invalid_request": PlatformRefusedUs,
        "invalid_scope": PlatformRefusedUs,
        "server_error": PlatformSaysBusy,
        "temporarily_unavailable": PlatformSaysBusy,
        "unauthorized_client": PlatformRefusedUs,
        "unsupported_grant_type": PlatformRefusedUs,
        "unsupported_response_type": PlatformRefusedUs,
    }
)

_STATUSES = (200, 400, 401, 403)
"""RFC 6749, 5.2 has 400 and 401 for errors, and the platforms' own pages show 400, 200 or nothing."""


def read_answer(reply: PlatformReply) -> dict[str, Any]:
    """The JSON object of a success or of an error. Raises what ``reply.read_object`` does, PlatformLimit for 429."""
    if reply.status == 429:  # not documented by these platforms, and it can mean nothing else
        raise PlatformLimit("HTTP 429")
    return read_object(reply, _STATUSES)


def succeeded(
    reply: PlatformReply, fields: dict[str, Any], number: int, errors: ErrorTable, hidden: tuple[Secret, ...]
) -> dict[str, Any]:
    """The fields of a success: HTTP 200, no error by number and none by name. Raises what :func:`refused` makes."""
    if number or fields.get("error"):
        raise refused(fields, number, errors, hidden)
    if reply.status != 200:
        raise PlatformReplyInvalid(f"HTTP {reply.status}")
    return fields


def refused(
    fields: Mapping[str, Any], number: int, errors: ErrorTable, hidden: tuple[Secret, ...]
) -> Refusal | TokenRefused:
    """What an error means: by ``number``, else by name; PlatformReplyInvalid where neither is known.

    ``number`` is 0 where there is none. ``hidden`` are values that must not show in the detail, should it echo them.
    """
    name = fields.get("error")
    named = NAMES.get(name, PlatformReplyInvalid) if isinstance(name, str) else PlatformReplyInvalid
    said = (fields.get(key) for key in ("error", "error_description", "error_msg", "errmsg", "msg"))
    detail = printable(": ".join(text for text in said if isinstance(text, str) and text), hidden)
    return errors.get(number, named)(detail, platform_errcode=number or None)
