"""What is wrong, in both languages.

A refusal of a value carries an English and a Chinese sentence. Pydantic's own errors are put into the same words here.
No sentence ever quotes the value: it may be a secret that was written at the wrong key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from menshen.errors import Problem

__all__ = ["Loc", "errors_of", "problem_of", "refuse", "render_path"]

Loc = tuple[str | int, ...]
"""A key's place: names of keys and indices of list items, from the top of the document."""

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_$<-]{1,64}")

_WORDS: Mapping[str, tuple[str, str]] = {
    "missing": ("this key is required", "缺少必填项"),
    "extra_forbidden": ("unknown key", "未知的配置项"),
    "model_type": ("must be a mapping of keys to values", "必须是键值映射"),
    "dict_type": ("must be a mapping of keys to values", "必须是键值映射"),
    "tuple_type": ("must be a list", "必须是列表"),
    "too_short": ("must have at least {min_length} item(s)", "至少需要 {min_length} 项"),
    "too_long": ("must have at most {max_length} items", "最多 {max_length} 项"),
    "string_type": (
        "must be text (put it in quotes if it looks like a number)",
        "必须是文本（形似数字时请加引号）",
    ),
    "int_type": ("must be a whole number", "必须是整数"),
    "float_type": ("must be a number", "必须是数字"),
    "finite_number": ("must be a finite number", "必须是有限的数字"),
    "bool_type": ("must be true or false", "必须是 true 或 false"),
    "greater_than": ("must be greater than {gt}", "必须大于 {gt}"),
    "greater_than_equal": ("must be at least {ge}", "不能小于 {ge}"),
    "less_than_equal": ("must be at most {le}", "不能大于 {le}"),
    "less_than": ("must be less than {lt}", "必须小于 {lt}"),
    "string_too_short": ("must have at least {min_length} character(s)", "至少需要 {min_length} 个字符"),
    "string_too_long": ("must have at most {max_length} characters", "最多 {max_length} 个字符"),
    "string_pattern_mismatch": ("does not fit the pattern {pattern}", "不符合格式 {pattern}"),
    "enum": ("must be one of: {expected}", "只能是以下之一：{expected}"),
    "literal_error": ("must be one of: {expected}", "只能是以下之一：{expected}"),
}


def refuse(english: str, chinese: str) -> PydanticCustomError:
    """The error that a validator raises."""
    return PydanticCustomError("menshen", "{en}", {"en": english, "zh": chinese})


def problem_of(error: ErrorDetails) -> Problem:
    """One of pydantic's errors as a problem."""
    context: Mapping[str, Any] = error.get("ctx", {})
    path = render_path(error["loc"])
    if error["type"] == "menshen":
        return Problem(path, context["en"], context["zh"])
    english, chinese = _WORDS.get(error["type"], ("is not valid here", "取值无效"))
    shown = {key: _plain(value) for key, value in context.items()}
    return Problem(path, english.format_map(shown), chinese.format_map(shown))


def render_path(loc: Iterable[str | int]) -> str:
    """``("groups", 0, "apis", 1, "path")`` as ``groups[0].apis[1].path``.

    Pydantic's own marks in a place (``<mapping>``, a union's branch; ``[key]``, a mapping's key) are not the
    operator's. A key with other characters than a name has is quoted, so that a problem stays on one line.
    """
    path = ""
    for step in loc:
        if isinstance(step, int):
            path += f"[{step}]"
        elif step == "[key]" or (step.startswith("<") and step.endswith(">")):
            continue
        else:
            shown = step if _PLAIN_KEY.fullmatch(step) else json.dumps(step)
            path += f".{shown}" if path else shown
    return path


def errors_of(error: ValidationError) -> list[ErrorDetails]:
    """The errors without the values that caused them.

    Pydantic counts the sound items of a list only; that a list with a wrong one is too short is no error of its own.
    """
    found = error.errors(include_url=False, include_input=False)
    return [each for each in found if each["type"] != "too_short" or not any(_within(e, each) for e in found)]


def _within(error: ErrorDetails, outer: ErrorDetails) -> bool:
    place = outer["loc"]
    return len(error["loc"]) > len(place) and error["loc"][: len(place)] == place


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value.replace("'", "").replace(" or ", ", ")
    return f"{value:g}" if isinstance(value, float) else str(value)
