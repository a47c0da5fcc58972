"""Path patterns of APIs, and prefixes of groups.

A pattern is a list of segments, each a literal text, one parameter (``{id}``: exactly one segment, not empty) or, in
the last place only, the rest (``*``: one or more segments, of which the last may be empty). So ``/static/*`` matches
``/static/`` and everything below it, not ``/static``; ``/*`` matches every path. Paths are compared as they are after
Envoy's normalisation: case matters, and an empty segment can only be the last one.
"""

from __future__ import annotations

import re
from enum import Enum

__all__ = ["Segment", "Wild", "parse_path", "path_fault", "prefix_fault"]

MAX_PATH = 512
"""Characters in a path pattern or a prefix."""


class Wild(Enum):
    """A segment that is not literal."""

    ONE = "{}"
    REST = "*"


Segment = str | Wild
Fault = tuple[str, str]
"""What is wrong, in English and in Chinese."""

_LITERAL = re.compile(r"[A-Za-z0-9._~!$&'()+,=:@-]+")
# A prefix has no character that a client may send percent-encoded or not, so that it has one spelling.
_PREFIX_LITERAL = re.compile(r"[A-Za-z0-9._~-]+")
_PARAMETER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


def parse_path(text: str) -> tuple[Segment, ...]:
    """The segments of a pattern without faults."""
    return tuple(_segment(part) for part in text[1:].split("/"))


def path_fault(text: str) -> Fault | None:
    """What is wrong with an API's path pattern, if anything is."""
    fault = _shape_fault(text)
    if fault is not None:
        return fault
    parts = text[1:].split("/")
    names: set[str] = set()
    for position, part in enumerate(parts):
        last = position == len(parts) - 1
        parameter = _PARAMETER.fullmatch(part)
        if parameter is not None:
            if parameter[1] in names:
                return (
                    f"the parameter {{{parameter[1]}}} is in this path twice",
                    f"路径参数 {{{parameter[1]}}} 重复",
                )
            names.add(parameter[1])
        elif "{" in part or "}" in part:
            return (
                "a parameter is a whole segment with a name, such as /orders/{id}",
                "参数必须独占一个路径段，例如 /orders/{id}",
            )
        elif "*" in part and not (part == "*" and last):
            return (
                "* stands only as the whole last segment, such as /static/*",
                "* 只能独占最后一个路径段，例如 /static/*",
            )
        elif part != "*":
            fault = _literal_fault(part, last=last)
            if fault is not None:
                return fault
    return None


def prefix_fault(text: str) -> Fault | None:
    """What is wrong with a group's prefix, if anything is."""
    fault = _shape_fault(text)
    if fault is not None or text == "/":
        return fault
    if text.endswith("/"):
        return "must not end with / (only the prefix / itself does)", "不能以 / 结尾（根前缀 / 除外）"
    for part in text[1:].split("/"):
        fault = _literal_fault(part, last=False)
        if fault is not None:
            return fault
        if not _PREFIX_LITERAL.fullmatch(part):
            return "may contain letters, digits and -._~ only", "只能包含字母、数字和 -._~"
    return None


def _segment(part: str) -> Segment:
    if part == "*":
        return Wild.REST
    return Wild.ONE if part.startswith("{") else part


def _shape_fault(text: str) -> Fault | None:
    if not text.startswith("/"):
        return "must start with /", "必须以 / 开头"
    if len(text) > MAX_PATH:
        return f"must have at most {MAX_PATH} characters", f"最多 {MAX_PATH} 个字符"
    return None


def _literal_fault(part: str, *, last: bool) -> Fault | None:
    if not part:
        return None if last else ("must not contain //", "不能包含 //")
    if part in (".", ".."):
        return "must not contain . or .. as a segment", "不能包含 . 或 .. 路径段"
    if not _LITERAL.fullmatch(part):
        return (
            "may contain letters, digits and -._~!$&'()+,=:@ only: no spaces, no % ; ? # and no other characters",
            "只能包含字母、数字和 -._~!$&'()+,=:@，不能有空格、% ; ? # 等字符",
        )
    return None
