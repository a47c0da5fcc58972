"""``${NAME}`` references to the environment in text values.

The environment is a parameter. A value that was put in is not looked at again, and it never appears in a problem:
:func:`redact` writes the reference back wherever a later problem would quote it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from menshen.config.wording import Loc, render_path
from menshen.errors import Problem

__all__ = ["Resolved", "has_reference", "is_reference", "redact", "resolve_environment"]

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_OPENING = re.compile(r"\$\{(?![A-Za-z_][A-Za-z0-9_]*\})")
_SHORTEST_REDACTED = 12
"""Characters. A shorter value is no secret, and would blank out ordinary words of a problem."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A value with its references replaced. ``used`` is variable name -> value of those that were."""

    value: Any
    problems: tuple[Problem, ...]
    used: Mapping[str, str] = field(default_factory=dict, repr=False)


def has_reference(text: str) -> bool:
    return _REFERENCE.search(text) is not None


def is_reference(text: str) -> bool:
    """Whether it is a reference, or several, and nothing else."""
    return bool(text) and not _REFERENCE.sub("", text)


def resolve_environment(raw: Any, env: Mapping[str, str]) -> Resolved:
    """``raw`` with every reference in its text values replaced. A reference that cannot be is left as it is written."""
    problems: list[Problem] = []
    used: dict[str, str] = {}

    def text(value: str, at: Loc) -> str:
        if "${" not in value:
            return value
        if _OPENING.search(value):
            problems.append(
                Problem(
                    render_path(at),
                    "${ must be followed by the name of an environment variable and }",
                    "${ 之后必须是环境变量名和 }",
                )
            )
            return value
        names = _REFERENCE.findall(value)
        missing = [name for name in dict.fromkeys(names) if name not in env]
        problems.extend(
            Problem(render_path(at), f"the environment variable {name} is not set", f"环境变量 {name} 未设置")
            for name in missing
        )
        if missing:
            return value
        used.update((name, env[name]) for name in names)
        return _REFERENCE.sub(lambda match: env[match[1]], value)

    def walk(value: Any, at: Loc) -> Any:
        if isinstance(value, str):
            return text(value, at)
        if isinstance(value, Mapping):
            return {key: walk(item, (*at, key)) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [walk(item, (*at, index)) for index, item in enumerate(value)]
        return value

    resolved = walk(raw, ())
    return Resolved(resolved, tuple(problems), used)


def redact(problems: Iterable[Problem], used: Mapping[str, str]) -> tuple[Problem, ...]:
    """The problems with ``${NAME}`` wherever they quote what the variable holds."""
    values = sorted(
        ((value, f"${{{name}}}") for name, value in used.items() if len(value) >= _SHORTEST_REDACTED),
        key=lambda pair: -len(pair[0]),
    )

    def hide(text: str) -> str:
        for value, reference in values:
            text = text.replace(value, reference)
        return text

    return tuple(Problem(problem.path, hide(problem.message), hide(problem.message_zh)) for problem in problems)
