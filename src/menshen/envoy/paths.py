"""Paths: the patterns of the document as Envoy matches them, and the spellings that are refused outright.

Envoy has normalised the path before (``..`` and ``..;``, ``//``, ``\\``, ``%61`` to ``a``), refused ``%2f``, ``%5c``
and fragments, and matches without the query string, which an attacker could otherwise shape to fit a pattern (attack
classes 12 to 14).
"""

from __future__ import annotations

import re
from typing import Final

from menshen.envoy.typed import Json

__all__ = ["REFUSED_PATHS", "api_match", "api_order", "either", "group_match", "literal", "rewritten", "whole_path"]

_PARAMETER: Final = re.compile(r"\{[^{}/]*\}")
_ENCODABLE: Final = re.compile(r"[!$&'()+,=:@]")

_REFUSED: Final = (
    ";",  # /public/..;/admin and /admin;x=1: servlet containers cut path parameters off, we do not
    "%3[bB]",
    "%00",
    "//",  # of a path of slashes alone Envoy leaves two, and a backend would take it for /
    "%25(?:25)*(?:2[eEfF]|3[bB]|5[cC]|00)",  # encoded twice: a backend that decodes twice reads . / ; \\ NUL
    "%[cC][01]|%[fF][5-9a-fA-F]",  # bytes that no UTF-8 has: overlong . and / of lenient decoders
)

_ANYTHING: Final = r"\C*"
"""Any bytes: with ``.`` a single byte that is not UTF-8 would switch a rule off."""

_QUERY: Final = rf"(?:\?{_ANYTHING})?"
_SEGMENT: Final = "[^/]+"

REFUSED_PATHS: Final = f"{_ANYTHING}(?:{'|'.join(_REFUSED)}){_ANYTHING}"


def api_match(prefix: str, path: str) -> Json:
    """How Envoy matches one API. The prefix itself, without a slash, is the group's root ``/``."""
    prefix = prefix.rstrip("/")
    if path == "/*":
        return group_match(prefix)
    if prefix and path == "/":
        return _regex(f"{literal(prefix)}/?")
    full = prefix + path
    below = full.removesuffix("*") if path.endswith("/*") else None
    if _PARAMETER.search(full) or _ENCODABLE.search(full):
        return _regex(_pattern(full) if below is None else _pattern(below) + _ANYTHING)
    return {"path": full} if below is None else {"prefix": below}


def group_match(prefix: str) -> Json:
    """Everything under a group's prefix: ``/mall`` and ``/mall/...``, not ``/mallet``."""
    prefix = prefix.rstrip("/")
    if not prefix:
        return {"prefix": "/"}
    return {"path_separated_prefix": prefix}


def api_order(path: str) -> tuple[tuple[int, str], ...]:
    """Sort key of the APIs of a group, segment by segment: a literal, then a parameter, then a wildcard."""
    return tuple(
        (2, "") if segment == "*" else (1, "") if _PARAMETER.search(segment) else (0, segment)
        for segment in path.split("/")
    )


def rewritten(prefix: str) -> Json:
    """The part of a route action that takes the prefix off; the root becomes ``/``."""
    prefix = prefix.rstrip("/")
    if not prefix:
        return {}
    return {"regex_rewrite": {"pattern": {"regex": f"^{literal(prefix)}/?"}, "substitution": "/"}}


def whole_path(match: Json) -> str:
    """A match of :func:`api_match` or :func:`group_match` as a regular expression for a path with its query."""
    if "path" in match:
        return f"{re.escape(match['path'])}{_QUERY}"
    if "prefix" in match:
        return f"{re.escape(match['prefix'])}{_ANYTHING}"
    if "path_separated_prefix" in match:
        return f"{re.escape(match['path_separated_prefix'])}(?:/{_ANYTHING})?{_QUERY}"
    # A parameter must not reach into the query, where a client could write the rest of the pattern.
    pattern = str(match["safe_regex"]["regex"]).replace(_SEGMENT, "[^/?]+")
    return f"(?:{pattern}){_QUERY}"


def _pattern(path: str) -> str:
    return _SEGMENT.join(literal(part) for part in _PARAMETER.split(path))


def literal(text: str) -> str:
    """These characters, each as it is or percent-encoded where RFC 3986 lets a client choose.

    Otherwise ``/a%2Cb`` would not be the protected ``/a,b`` here, and be it at the backend.
    """
    return "".join(either(character) if _ENCODABLE.match(character) else re.escape(character) for character in text)


def either(character: str) -> str:
    """This character as it is or percent-encoded."""
    digits = "".join(f"[{d}{d.lower()}]" if d.isalpha() else d for d in f"{ord(character):02X}")
    return f"(?:{re.escape(character)}|%{digits})"


def _regex(pattern: str) -> Json:
    return {"safe_regex": {"regex": pattern}}
