"""On which line of a YAML text a path of the document is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from menshen.config.wording import Loc, render_path

__all__ = ["lines_of", "nearest_line"]


def lines_of(text: str) -> dict[str, int]:
    """Path -> line, from 1. Only for a text that ``parse_yaml`` has taken: that one has no aliases to unfold."""
    try:
        node = yaml.compose(text.removeprefix("\ufeff"), Loader=yaml.CSafeLoader)
    except yaml.YAMLError:
        return {}
    return {} if node is None else dict(_places(node, ()))


def nearest_line(lines: dict[str, int], path: str) -> int | None:
    """That of the path, or of what it is in; None where the text has nothing of it."""
    while path:
        if path in lines:
            return lines[path]
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return None


def _places(node: Any, loc: Loc) -> Iterator[tuple[str, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*loc, str(key.value))
            yield render_path(here), key.start_mark.line + 1
            yield from _places(value, here)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield render_path((*loc, index)), value.start_mark.line + 1
            yield from _places(value, (*loc, index))
