"""Every sentence of the console has its Chinese, and the catalog has nothing else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import jinja2
import pytest

import menshen.web.console
from menshen.web.console.language import load_catalog, locale_of

CONSOLE = Path(menshen.web.console.__file__).parent


def of_templates() -> Iterator[str]:
    environment = jinja2.Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    environment.policies["ext.i18n.trimmed"] = True
    for template in sorted(CONSOLE.joinpath("templates").rglob("*.html")):
        for _, _, message in environment.extract_translations(template.read_text("utf-8")):  # type: ignore[attr-defined]
            yield from (part for part in (message if isinstance(message, tuple) else (message,)) if part)


def of_code() -> Iterator[str]:
    for module in sorted(CONSOLE.rglob("*.py")):
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "sentence":
                (argument,) = node.args
                assert isinstance(argument, ast.Constant), f"{module.name}:{node.lineno}"
                yield argument.value
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "go":
                said = [*node.args[1:2], *(each.value for each in node.keywords if each.arg == "said")]
                yield from (each.value for each in said if isinstance(each, ast.Constant))


def test_every_sentence_has_its_chinese() -> None:
    missing = sorted({*of_templates(), *of_code()} - load_catalog().keys())
    assert missing == []


def test_the_catalog_is_chinese() -> None:
    plain = {"Webhook", "AppID", "AppSecret", "TraceID", "API", "JSON", "YAML"}
    for english, chinese in load_catalog().items():
        assert chinese.strip(), english
        if not any("\u4e00" <= each <= "\u9fff" for each in chinese):
            assert chinese in plain or english == chinese, (english, chinese)


@pytest.mark.parametrize(
    ("cookie", "header", "locale"),
    [
        ("", "", "en"),
        ("", "zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("", "fr, zh-TW;q=0.5", "zh-CN"),
        ("", "en-GB,zh;q=0.9", "en"),
        ("en", "zh-CN", "en"),
        ("zh-CN", "en", "zh-CN"),
        ("<script>", "de", "en"),
    ],
)
def test_the_language_is_the_visitors(cookie: str, header: str, locale: str) -> None:
    assert locale_of(cookie, header) == locale
