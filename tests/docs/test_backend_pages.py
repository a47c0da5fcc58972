"""The pages on backends name what there is, and their code runs as it stands."""

from __future__ import annotations

import re
from typing import Any

import pytest

import menshen.backend
from menshen.backend.assertion import LEEWAY, LIFETIME, MOST_CHARACTERS
from menshen.backend.keys import AGE, EVERY, STALE
from menshen.backend.refusals import BackendRefusal
from tests.backend.frameworks import present
from tests.docs.test_docs import blocks, text

HOW_TO = ["docs/how-to/verify-in-a-backend.md", "docs/how-to/verify-in-a-backend.zh-CN.md"]
REFERENCE = ["docs/reference/backend.md", "docs/reference/backend.zh-CN.md"]


def imported(code: str) -> set[str]:
    return {name for name in ("fastapi", "flask", "django") if f"{name} import" in code or f"import {name}" in code}


@pytest.mark.parametrize("page", HOW_TO)
def test_the_code_of_the_page_makes_applications(page: str) -> None:
    made = 0
    for code in blocks(page, "python"):
        if all(present(name) for name in imported(code)):
            names: dict[str, Any] = {"__name__": "orders"}
            exec(compile(code, page, "exec", dont_inherit=True), names)
            made += {"app", "MIDDLEWARE", "source"} & names.keys() != set()
    assert made >= 3


def test_both_languages_have_one_code() -> None:
    english, chinese = ([re.sub(r" *#.*", "", code) for code in blocks(page, "python")] for page in HOW_TO)
    assert english == chinese


@pytest.mark.parametrize("page", HOW_TO)
def test_the_examples_are_as_long_as_the_page_says(page: str) -> None:
    said = re.findall(r"\]\(\.\./\.\./(examples/backends/\w+/[\w.]+)\) (\d+)", text(page))
    assert {name.split("/")[2] for name, _ in said} == {"go", "node", "php", "spring"}
    assert said == [(name, str(len(text(name).splitlines()))) for name, _ in said]


@pytest.mark.parametrize("page", REFERENCE)
def test_every_name_is_documented(page: str) -> None:
    assert [name for name in menshen.backend.__all__ if not re.search(rf"`{name}[`(]", text(page))] == []


@pytest.mark.parametrize("page", REFERENCE)
def test_every_refusal_is_in_the_table(page: str) -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| `(\w+)` \|", text(page), re.MULTILINE)
    assert sorted(rows) == sorted(
        (kind.__name__, str(kind.status), kind.reason) for kind in BackendRefusal.__subclasses__()
    )


@pytest.mark.parametrize("page", REFERENCE)
def test_the_numbers_are_those_of_the_code(page: str) -> None:
    written = text(page).replace("8,192", "8192")
    for number in (AGE, STALE, EVERY, LEEWAY, LIFETIME, MOST_CHARACTERS):
        assert re.search(rf"\b{int(number)}\b", written), number
