"""The tags that a request makes, as ``tags.lua`` lifts them, from the data that the script gets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import unquote_to_bytes

from menshen.config.snapshot import Route
from menshen.config.tag_values import tag_value
from menshen.envoy.tags import TAGS, tag_data
from menshen.envoy.typed import Json

__all__ = ["lifted_tags"]

_MOST_PAIRS: Final = 256
_BLANKS: Final = " \t"


def lifted_tags(route: Route, target: str, headers: Mapping[str, str]) -> dict[str, str]:
    """Tag -> value, of the tags with one; ``target`` is the normal path with its query.

    Names of ``headers`` are lower-case; cookies are the header ``cookie``.
    """
    context: Json = tag_data(route).get(TAGS, {})
    path, _, query = target.partition("?")
    found = {}
    for tag, parameter in zip(route.tags, context.get("tags", ()), strict=True):
        if parameter["position"] == "path":
            raw = _from_path(path, parameter["template"])
        elif parameter["position"] == "query":
            raw = _from_query(query, parameter["name"])
        elif parameter["position"] == "cookie":
            raw = _from_cookies(headers.get("cookie", ""), parameter["name"])
        else:
            raw = headers.get(parameter["name"], "").strip(_BLANKS).encode("utf-8", "surrogatepass")
        value = _text(raw)
        if value:
            found[tag.tag] = value
    return found


def _text(raw: bytes | None) -> str:
    """ "" for what makes no tag: no UTF-8, too long, or with control characters."""
    try:
        text = (raw or b"").decode()
    except UnicodeDecodeError:
        return ""
    return text if tag_value(text) else ""


def _from_query(query: str, name: str) -> bytes | None:
    pairs = re.findall("[^&]+", query)
    values = list(_values(pairs, name))
    return b",".join(values) if values and len(pairs) <= _MOST_PAIRS else None


def _values(pairs: Iterable[str], name: str) -> Iterator[bytes]:
    for pair in pairs:
        key, _, value = pair.replace("+", " ").partition("=")
        if unquote_to_bytes(key) == name.encode():
            yield unquote_to_bytes(value)


def _from_cookies(header: str, name: str) -> bytes | None:
    """The first cookie of this name, without its quotes."""
    pairs: list[str] = re.findall("[^;]+", header)
    if len(pairs) > _MOST_PAIRS:
        return None
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if equals and key.strip(_BLANKS) == name:
            text = value.strip(_BLANKS)
            if len(text) > 1 and text.startswith('"') and text.endswith('"'):
                text = text[1:-1]
            return text.encode("utf-8", "surrogatepass")
    return None


def _from_path(path: str, template: list[str]) -> bytes | None:
    """The segment at the ``!``; ``?`` is any other, ``*`` all that is left, ``=x`` the text x."""
    value: bytes | None = None
    segments = path[1:].split("/")
    for index, segment in enumerate(segments):
        wanted = template[index] if index < len(template) else ""
        if wanted == "*":
            return value
        if wanted in ("!", "?"):
            if not segment:
                return None
            if wanted == "!":
                value = unquote_to_bytes(segment)
        elif wanted.encode() != b"=" + unquote_to_bytes(segment):
            return None
    return value if len(segments) == len(template) else None
