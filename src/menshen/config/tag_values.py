"""How a tag stands in a header and in baggage: for Envoy's script, for rules that compare, for login states."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

__all__ = ["MAX_TAG_NAME", "MAX_TAG_VALUE", "encoded_value", "is_tag_name", "tag_header", "tag_value"]

MAX_TAG_NAME: Final = 32
"""Bytes, TSF's limit."""

MAX_TAG_VALUE: Final = 128
"""Bytes of UTF-8, before they are encoded."""

_NAME: Final = re.compile(r"[a-z](?:[a-z0-9_-]*[a-z0-9])?")

_PLAIN: Final = "!#$&'()*./:<=>?@[]^_`{|}~-"
"""What a value has unencoded besides letters and digits; ``encoded`` of ``tags.lua`` is alike.

W3C Baggage 3.3.1.3 lets "+" stand as well, which readers that decode baggage like a form take for a space.
"""


def is_tag_name(text: str) -> bool:
    return len(text) <= MAX_TAG_NAME and _NAME.fullmatch(text) is not None


def tag_header(tag: str) -> str:
    """The header by which a backend gets a tag. nginx and its like drop headers with underscores."""
    return f"x-menshen-tag-{tag.replace('_', '-')}"


def encoded_value(value: str) -> str:
    """A tag's value as it stands in headers and baggage: percent-encoded, so that no value can say more than itself."""
    return quote(value, safe=_PLAIN)


def tag_value(text: str) -> str:
    """A text encoded as a tag's value; "" where it can be none: too long to be one, or with control characters.

    A tag that is cut would be another value, and two users' the same.
    """
    if len(text) > MAX_TAG_VALUE or any(sign < " " or sign == "\x7f" or "\ud800" <= sign <= "\udfff" for sign in text):
        return ""
    return encoded_value(text) if len(text.encode()) <= MAX_TAG_VALUE else ""
