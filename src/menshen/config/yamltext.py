"""YAML text to plain values and back.

Only what JSON can say is read: mappings with text keys, lists, text, numbers, true, false and null. An unquoted word is
a number only in the form that JSON writes it, so ``0120``, ``1:30``, ``yes`` and ``2026-01-01`` stay text and are
refused where text is wrong, instead of becoming 80, 90, true and a date. Anchors, aliases and tags are refused: a
document that the console edits has one place for each value, and no text can unfold into a larger one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from menshen.config.wording import Loc, render_path
from menshen.errors import Problem

__all__ = ["MAX_BYTES", "MAX_DEPTH", "Parsed", "dump_document", "parse_yaml"]

MAX_BYTES = 1024 * 1024
"""The largest document, in bytes of UTF-8."""

MAX_DEPTH = 32
"""Levels of mappings and lists; a document needs five, a reply template a few more."""

_LOADER: Any = yaml.CSafeLoader
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,30})")
_FLOAT = re.compile(r"-?(?:0|[1-9][0-9]{0,30})(?:\.[0-9]{1,60})?(?:[eE][-+]?[0-9]{1,3})?")
_ODD_BREAKS = re.compile("[\x85\u2028\u2029\ufeff]")
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Parsed:
    """What was read. ``whole`` is False where the text has no meaning beyond its problems."""

    value: Any
    problems: tuple[Problem, ...]
    whole: bool


def parse_yaml(text: str) -> Parsed:
    """The value of a YAML text, with all that is wrong with it as text: no YAML, a key written twice, an anchor …"""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return _nothing("the text is not valid Unicode", "文本不是有效的 Unicode")
    if size > MAX_BYTES:
        return _nothing("the document is over 1 MiB", "配置文档超过 1 MiB")
    builder = _Builder()
    try:
        value = builder.document(yaml.parse(text.removeprefix("\ufeff"), Loader=_LOADER))
    except _NotReadableError as error:
        return Parsed(None, (*builder.problems, error.problem), whole=False)
    except yaml.YAMLError as error:
        return Parsed(None, (*builder.problems, _syntax_problem(error, text)), whole=False)
    return Parsed(value, tuple(builder.problems), builder.whole)


def dump_document(raw: Mapping[str, Any]) -> str:
    """YAML for a mapping as it was written: keys in their order, Unicode as it is, no line folding of its own."""
    return yaml.dump(_unshared(raw), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


class _NotReadableError(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass(slots=True)
class _Builder:
    """Builds values from parser events, so that nothing is constructed that is not allowed."""

    problems: list[Problem] = field(default_factory=list)
    whole: bool = True

    def document(self, events: Iterator[Any]) -> Any:
        value: Any = None
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._refuse((), event, "only one YAML document is allowed", "只能有一个 YAML 文档")
                    break
            elif not isinstance(event, yaml.StreamStartEvent | yaml.StreamEndEvent | yaml.DocumentEndEvent):
                value = self._value(event, events, ())
        return value

    def _value(self, event: Any, events: Iterator[Any], at: Loc) -> Any:
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            self._refuse(at, event, "anchors (&) and aliases (*) are not allowed", "不支持锚点（&）和别名（*）")
            if isinstance(event, yaml.AliasEvent):
                return None
        if event.tag is not None:
            self._refuse(at, event, "tags (!) are not allowed", "不支持标签（!）")
        if isinstance(event, yaml.ScalarEvent):
            return _plain(event.value) if event.implicit[0] else event.value
        if len(at) >= MAX_DEPTH:
            raise _NotReadableError(
                Problem("", f"the document is nested over {MAX_DEPTH} levels deep", f"嵌套超过 {MAX_DEPTH} 层")
            )
        return self._sequence(events, at) if isinstance(event, yaml.SequenceStartEvent) else self._mapping(events, at)

    def _sequence(self, events: Iterator[Any], at: Loc) -> list[Any]:
        items: list[Any] = []
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            items.append(self._value(event, events, (*at, len(items))))
        return items

    def _mapping(self, events: Iterator[Any], at: Loc) -> dict[str, Any]:
        pairs: dict[str, Any] = {}
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            if not isinstance(event, yaml.ScalarEvent):
                self._refuse(at, event, "a key must be text", "键必须是文本")
                self._value(event, events, at)
                self._value(next(events), events, at)
                continue
            self._value(event, events, at)
            place = (*at, event.value)
            value = self._value(next(events), events, place)
            if event.value in pairs:
                self._note(place, event, "this key is written twice", "此键重复")
            else:
                pairs[event.value] = value
        return pairs

    def _refuse(self, at: Loc, event: Any, english: str, chinese: str) -> None:
        self.whole = False
        self._note(at, event, english, chinese)

    def _note(self, at: Loc, event: Any, english: str, chinese: str) -> None:
        line = event.start_mark.line + 1
        self.problems.append(Problem(render_path(at), f"{english} (line {line})", f"{chinese}（第 {line} 行）"))


def _unshared(value: Any) -> Any:
    """The same value with every mapping and list its own object: PyYAML writes an alias for a shared one."""
    if isinstance(value, Mapping):
        return {key: _unshared(item) for key, item in value.items()}
    return [_unshared(item) for item in value] if isinstance(value, list | tuple) else value


def _nothing(english: str, chinese: str) -> Parsed:
    return Parsed(None, (Problem("", english, chinese),), whole=False)


def _plain(text: str) -> Any:
    """An unquoted word as the value it stands for."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    return text


def _character(text: str, line: int, column: int) -> str:
    lines = text.split("\n")
    return lines[line - 1][column - 1 : column] if line <= len(lines) else ""


def _syntax_problem(error: yaml.YAMLError, text: str) -> Problem:
    """Where the text stops being YAML and why. PyYAML's own report would quote the line, which may hold a secret."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        line, column = error.problem_mark.line + 1, error.problem_mark.column + 1
        reason = reason_zh = ", ".join(part for part in (error.context, error.problem) if part)
        if _character(text, line, column) == "\t":
            reason, reason_zh = f"{reason} (a tab: YAML indents with spaces)", "缩进用了制表符，YAML 只能用空格"
        return Problem(
            "",
            f"not YAML at line {line}, column {column}: {reason}",
            f"第 {line} 行第 {column} 列 YAML 语法错误：{reason_zh}",
        )
    return Problem("", "not YAML: it contains a control character", "不是有效的 YAML：含有控制字符")


class _Dumper(yaml.CSafeDumper):
    """Quotes what either this module or a YAML 1.1 reader would take for something else than text."""


def _represent_text(dumper: yaml.CSafeDumper, text: str) -> yaml.ScalarNode:
    # Line breaks that YAML 1.1 knows and Python does not write as such survive only when they are escaped.
    style = '"' if _ODD_BREAKS.search(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(rf"^(?:{_FLOAT.pattern})$"), list("-0123456789"))
_Dumper.add_representer(str, _represent_text)
