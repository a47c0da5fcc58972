"""The path of a request as Envoy has it before it looks for a route, for whoever must say the same without Envoy.

What is here was found out by asking Envoy 1.40 (``normalize_path``, ``merge_slashes``, escaped slashes rejected); the
tests ask it again.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["normal_target"]

_READABLE: Final = re.compile(r"/[!-~]*")
_ESCAPE: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED: Final = re.compile(r"[A-Za-z0-9._~-]")
_REFUSED: Final = re.compile(r"%(?:2[fF]|5[cC]|00)")
_ESCAPED: Final = re.compile(r'["<>^`{|}]')
_TO_CHANGE: Final = re.compile(r'[%\\"<>^`{|}]|//|/\.')
"""Without one of these a path is in its one spelling already."""

_DOTS_WITH_PARAMETERS: Final = re.compile(r"(/\.\.?);[^/]*")
"""``/..;x`` is ``/..`` for Envoy, where the dots are plain: a servlet container would read it so."""


def normal_target(target: str) -> str | None:
    """Path and query, the path in its one spelling; None for what Envoy refuses with 400 whatever the routes are."""
    if not _READABLE.fullmatch(target) or "#" in target:
        return None
    path, mark, query = target.partition("?")
    if _REFUSED.search(path):
        return None
    if not _TO_CHANGE.search(path):
        return target
    path = _DOTS_WITH_PARAMETERS.sub(r"\1", path)
    path = _ESCAPE.sub(_plain, path.replace("\\", "/"))
    path = _ESCAPED.sub(lambda match: f"%{ord(match[0]):02X}", path)
    return _merged(_without_dots(path)) + mark + query


def _plain(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return character if _UNRESERVED.fullmatch(character) else match[0]


def _without_dots(path: str) -> str:
    """RFC 3986, 5.2.4."""
    kept: list[str] = []
    segments = path[1:].split("/")
    for segment in segments:
        if segment == "..":
            if kept:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


def _merged(path: str) -> str:
    """Without empty segments; of slashes alone two are left."""
    if "//" not in path:
        return path
    return "/" + "/".join(segment for segment in path.split("/") if segment) + ("/" if path.endswith("/") else "")
