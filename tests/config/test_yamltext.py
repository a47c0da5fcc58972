from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from menshen.config.yamltext import MAX_BYTES, dump_document, parse_yaml

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False, min_value=-1e30, max_value=1e30, allow_subnormal=False)
    | st.text()
    | st.sampled_from(["yes", "no", "on", "null", "~", "1e5", "0120", "1:30", "2026-01-01", "<<", "=", "0x1f", "-0"])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None)
@given(st.dictionaries(st.text(), values, max_size=5))
def test_a_dumped_mapping_reads_as_itself(raw: dict[str, Any]) -> None:
    parsed = parse_yaml(dump_document(raw))
    assert (parsed.value, parsed.problems) == (raw, ())
    assert repr(parsed.value) == repr(raw), "types and the order of keys are kept too"


def test_a_shared_list_is_written_twice_and_not_as_an_alias() -> None:
    shared = [{"a": 1}]
    assert "&" not in dump_document({"one": shared, "two": shared})


def test_a_dump_keeps_order_and_unicode() -> None:
    assert dump_document({"名": "商城", "a": {}}) == "名: 商城\na: {}\n"


@settings(deadline=None)
@given(st.text() | st.text(alphabet="{}[]:-,&*!|>'\"%@`#? \n\tab01~<"))
def test_any_text_is_read_or_has_problems(text: str) -> None:
    parsed = parse_yaml(text)
    assert parsed.whole or parsed.problems


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-1", -1),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("true", True),
        ("null", None),
        ("", None),
        ("0120", "0120"),
        ("1:30", "1:30"),
        ("0x1f", "0x1f"),
        ("1_000", "1_000"),
        ("yes", "yes"),
        ("off", "off"),
        ("2026-01-01", "2026-01-01"),
        (".inf", ".inf"),
        ("1e999", "1e999"),
        ('"1"', "1"),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_unquoted_words_are_numbers_only_as_json_writes_them(text: str, value: Any) -> None:
    assert parse_yaml(f"a: {text}").value == {"a": value}


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        ("apps:\n- name: a\n  name: b\n", "apps[0].name", "written twice (line 3)"),
        ("a: &x 1\n", "a", "anchors (&) and aliases (*) are not allowed (line 1)"),
        ("a: *x\n", "a", "anchors (&) and aliases (*) are not allowed (line 1)"),
        ("a: !!python/object:os.system x\n", "a", "tags (!) are not allowed (line 1)"),
        ("a: ! x\n", "a", "tags (!) are not allowed (line 1)"),
        ("? [a]\n: b\n", "", "a key must be text (line 1)"),
        ("a: 1\n---\nb: 2\n", "", "only one YAML document is allowed (line 2)"),
        ("a: [1", "", "not YAML at line 2, column 1: while parsing a flow sequence"),
        ("ok: 1\na: b: c\n", "", "not YAML at line 2, column 5: mapping values are not allowed"),
        ("a:\n\t- b\n", "", "not YAML at line 2, column 1: while scanning for the next token"),
        ("a:\n\t- b\n", "", "(a tab: YAML indents with spaces)"),
        ("a: \x01", "", "control character"),
        ("a: \ud800", "", "not valid Unicode"),
        ("[" * 100_000, "", "nested over 32 levels"),
        ("# " + "x" * MAX_BYTES, "", "over 1 MiB"),
        ("# " + "门" * (MAX_BYTES // 3), "", "over 1 MiB"),
    ],
)
def test_what_is_wrong_with_a_text_is_said(text: str, path: str, words: str) -> None:
    (problem,) = parse_yaml(text).problems
    assert problem.path == path
    assert words in problem.message
    assert problem.message_zh


def test_a_bomb_of_aliases_is_refused_without_unfolding_it() -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    parsed = parse_yaml("\n".join(lines))
    assert not parsed.whole
    assert len(parsed.problems) == 30 + 29 * 9


@pytest.mark.parametrize(
    "text", ["secret: 'canary\nb: 1", "secret: canary: 1", "secret: *canary\n", "secret: &canary x"]
)
def test_a_problem_with_the_text_never_quotes_it(text: str) -> None:
    assert "canary" not in str(parse_yaml(text).problems)


def test_problems_with_the_text_are_all_told() -> None:
    parsed = parse_yaml("a: 1\na: 2\nb: &x 3\nc: !t 4\n")
    assert [problem.path for problem in parsed.problems] == ["a", "b", "c"]


def test_a_byte_order_mark_is_no_part_of_the_document() -> None:
    assert parse_yaml("\ufeffa: 1\n").value == {"a": 1}


def test_a_key_with_odd_characters_stays_on_one_line() -> None:
    (problem,) = parse_yaml('"a\\nb": 1\n"a\\nb": 2\n').problems
    assert problem.path == '"a\\nb"'
