"""Rewriting of paths on their way to the backend (路径重写)."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import re2
from pydantic import Field, model_validator

from menshen.config.part import Items, Part
from menshen.config.plugins.values import Regex
from menshen.config.route_rules import RewriteRule
from menshen.config.values import Description, Name
from menshen.config.wording import refuse

__all__ = ["PathRewrite", "Rewrite"]

_REPLACEMENT = re.compile(r"/(?:\$[1-9](?![0-9])|[A-Za-z0-9._~!&'()+,=:@/-])*")
_UNSOUND = re.compile(r"//|/\.{1,2}(?:/|$)")


class Rewrite(Part):
    """``regex`` fits the whole path as clients send it, prefix and all; ``replacement`` is what the backend gets.

    Lower ``order`` first, then as written. ``block`` answers 400 to a client that asks for the backend's path directly.
    """

    regex: Regex
    replacement: Annotated[str, Field(max_length=512)]
    order: Annotated[int, Field(ge=1, le=2000)] = 1000
    block: bool = False

    @model_validator(mode="after")
    def _agree(self) -> Rewrite:
        if not _REPLACEMENT.fullmatch(self.replacement) or _UNSOUND.search(self.replacement):
            raise refuse(
                "replacement must be a path that starts with /, without //, . and .. in it and without a query, with $1"
                " to $9 for the groups of regex and no digit behind them",
                "replacement 必须是以 / 开头的路径，不含 //、. 和 .. 路径段，不含查询参数，可用 $1 到 $9 引用 regex"
                " 的分组，其后不能紧跟数字",
            )
        groups = _groups(self.regex)
        if groups is None:
            raise refuse(
                "regex must be ASCII, as paths are (%E9 and not é), and whole by itself: a \\Q needs its \\E",
                "regex 必须是 ASCII（路径中的非 ASCII 字符为 %E9 形式），且自身完整：\\Q 需要对应的 \\E",
            )
        if any(int(digit) > groups for digit in re.findall(r"\$([1-9])", self.replacement)):
            raise refuse(
                "replacement names a group that regex does not have", "replacement 引用了 regex 中不存在的分组"
            )
        return self

    def rules(self) -> RewriteRule:
        return RewriteRule(self.regex, self.replacement, self.order, self.block)


def _groups(regex: str) -> int | None:
    """How many there are in the expression as Envoy gets it, which is one that fits a whole path."""
    options = re2.Options()
    options.log_errors = False
    try:
        return int(re2.compile(f"^(?:{regex})$", options).groups) if regex.isascii() else None
    except re2.error:
        return None


class PathRewrite(Part):
    """The plugin of rewrite rules."""

    name: Name
    type: Literal["PathRewrite"]
    description: Description = ""
    rules: Annotated[Items[Rewrite], Field(min_length=1, max_length=100)]
