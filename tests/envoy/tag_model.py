"""What a request's tags are, said once more in Python: what Envoy's script is compared with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import unquote_to_bytes

from menshen.config.tag_values import encoded_value

__all__ = ["LONGEST_INPUT", "LONGEST_TAG", "baggage_of", "cookie", "path", "query", "told"]

LONGEST_TAG = 128
LONGEST_INPUT = 1024
MOST = 256
Headers = Iterable[tuple[str, str]]

_KEY = re.compile(r"[!#$&'*.^_`|~0-9A-Za-z-]+")
_REST = re.compile(r"[!#-+\--:;<-\[\]-~]*")


def told(value: bytes | None, longest: int = LONGEST_TAG) -> str | None:
    """The text of a value, or None where it makes no tag."""
    if not value or len(value) > longest:
        return None
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return None
    return None if any(sign < " " or sign == "\x7f" for sign in text) else text


def query(target: str, name: str) -> bytes | None:
    pairs = [pair for pair in target.partition("?")[2].split("&") if pair]
    if len(pairs) > MOST:
        return None
    values = []
    for pair in pairs:
        key, _, value = pair.partition("=")
        if _form(key) == name.encode():
            values.append(_form(value))
    return b",".join(values) if values else None


def cookie(headers: Headers, name: str) -> bytes | None:
    sent = next((value for key, value in headers if key.lower() == "cookie"), "")
    pairs = [pair for pair in sent.split(";") if pair]
    if len(pairs) > MOST:
        return None
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if equals and key.strip(" \t") == name:
            value = value.strip(" \t")
            quoted = len(value) > 1 and value[0] == value[-1] == '"'
            return (value[1:-1] if quoted else value).encode("latin-1")
    return None


def path(target: str, template: str) -> bytes | None:
    """Of a template with the group's prefix in front of it."""
    segments, parts = target.partition("?")[0].split("/"), template.split("/")
    value: bytes | None = None
    for index, part in enumerate(parts):
        if part == "*":
            return value if len(segments) > index else None
        if index >= len(segments):
            return None
        if part.startswith("{"):
            if not segments[index]:
                return None
            value = unquote_to_bytes(segments[index]) if value is None else value
        elif unquote_to_bytes(segments[index]) != part.encode():
            return None
    return value if len(segments) == len(parts) else None


def baggage_of(sent: str, ours: Sequence[tuple[str, str]]) -> str:
    """The baggage that a backend gets: our tags, all a client's, and what of his own can be read in one way."""
    members = [f"menshen.{name}={encoded_value(value)};untrusted" for name, value in ours]
    size, seen = sum(len(member) + 1 for member in members), len(members)
    whole = sent if len(sent) <= 8192 else sent[:8193].rpartition(",")[0]
    for each in (part for part in whole.split(",") if part):
        member = each.strip(" \t")
        key, equals, rest = member.partition("=")
        seen, size = seen + 1, size + len(member) + 1
        if seen > 64 or size > 8192:
            break
        if equals and _KEY.fullmatch(key) and _REST.fullmatch(rest) and "menshen" not in key.lower():
            members.append(member)
    return ",".join(members)


def _form(text: str) -> bytes:
    return unquote_to_bytes(text.replace("+", " ").encode("latin-1"))
