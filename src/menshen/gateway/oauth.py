"""The token of an OAuth plugin in a request, and how what the checker says of it is told to a backend."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

from menshen.config.route_rules import TokenAt
from menshen.errors import AmbiguousCredential, CheckerUnavailable, TokenRefused
from menshen.gateway.credentials import query_value
from menshen.gateway.request import AuthRequest
from menshen.secret import Secret

__all__ = ["PAYLOAD_LIMIT", "find_authorization", "find_token", "payload_value"]

PAYLOAD_LIMIT: Final = 4096
"""Bytes of a payload as it stands in its header."""

_token = re.compile(r"[!-~]{1,8192}").fullmatch
_authorization = re.compile(r"[ -~]{1,8192}").fullmatch

_AS_IT_IS: Final = "".join(chr(code) for code in range(0x21, 0x7F) if code != ord("%"))


def find_token(request: AuthRequest, at: TokenAt) -> Secret | None:
    """The one token at its position, without its prefix; None where none was sent.

    Raises ``AmbiguousCredential`` for two, and ``TokenRefused`` for what no token can be: a checker is not asked about
    it.
    """
    if at.position == "query":
        value = query_value(request, at.name)
    else:
        value = request.headers.get(at.name.encode())
        if value and b"," in value:
            raise AmbiguousCredential("two tokens")
    if not value:
        return None
    text = value.decode("latin-1")
    # The name of a scheme has no case (RFC 9110, 11.1).
    if text[: len(at.prefix)].lower() != at.prefix.lower():
        raise TokenRefused("not behind its prefix")
    text = text[len(at.prefix) :]
    if _token(text) is None:
        raise TokenRefused("not printable ASCII, or over 8 KiB")
    return Secret(text)


def find_authorization(request: AuthRequest) -> Secret | None:
    """The caller's ``Authorization`` header as it came. Raises ``TokenRefused`` where it is not printable ASCII."""
    value = request.headers.get(b"authorization", b"").decode("latin-1")
    if not value:
        return None
    if _authorization(value) is None:
        raise TokenRefused("Authorization is not printable ASCII, or over 8 KiB")
    return Secret(value)


def payload_value(payload: str) -> bytes:
    """A payload as a header's value: percent-encoded but for printable ASCII other than space and ``%``.

    So a backend decodes it always, and no line break of a payload begins another header. Raises
    ``CheckerUnavailable`` for one over :data:`PAYLOAD_LIMIT`: cut off, it could say something else.
    """
    value = quote(payload, safe=_AS_IT_IS).encode()
    if len(value) > PAYLOAD_LIMIT:
        raise CheckerUnavailable(f"a payload over {PAYLOAD_LIMIT} bytes")
    return value
