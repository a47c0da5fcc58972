from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menshen.config.environment import redact, resolve_environment
from menshen.config.loading import read_mapping
from menshen.errors import ConfigInvalid, Problem

from .samples import ENV, PLATFORMS, PLUGIN_TYPES, load, problems, sound, the_problem


def test_references_are_replaced_wherever_text_is() -> None:
    raw = {"a": ["${X}-${Y}", {"b": "${X}"}], "n": 1, "none": None}
    resolved = resolve_environment(raw, {"X": "1", "Y": "2"})
    assert resolved.value == {"a": ["1-2", {"b": "1"}], "n": 1, "none": None}
    assert resolved.problems == ()
    assert dict(resolved.used) == {"X": "1", "Y": "2"}


def test_what_is_written_is_not_changed() -> None:
    raw = sound()
    assert load(raw).raw == sound()


def test_a_value_is_not_looked_at_again() -> None:
    assert resolve_environment("${X}", {"X": "${Y}", "Y": "deep"}).value == "${Y}"


@pytest.mark.parametrize("text", ["/orders/{id}", "$session", "$", "$$", "a$b", "{X}", "$X", "}{"])
def test_other_dollars_and_braces_are_left_alone(text: str) -> None:
    resolved = resolve_environment(text, {"X": "1"})
    assert (resolved.value, resolved.problems) == (text, ())


@pytest.mark.parametrize("text", ["${", "${}", "${X", "${X-Y}", "${X:-default}", "${1X}", "${ X }", "${X}${"])
def test_a_broken_reference_is_a_problem(text: str) -> None:
    (problem,) = resolve_environment({"a": [text]}, {"X": "1"}).problems
    assert problem.path == "a[0]"


def test_a_missing_variable_is_named_at_its_key() -> None:
    problem = the_problem(sound(apps__0__secret="${NOT_SET}"))
    assert problem.path == "apps[0].secret"
    assert "NOT_SET" in problem.message
    assert "NOT_SET" in problem.message_zh


def test_a_missing_variable_is_the_only_problem_of_its_key() -> None:
    assert the_problem(sound(apps__0__appid="${NOT_SET}")).path == "apps[0].appid"


def test_every_missing_variable_is_named() -> None:
    found = problems(sound(apps__0__secret="${A}${B}", apps__1__secret="${A}"))
    assert [(problem.path, problem.message.split()[3]) for problem in found] == [
        ("apps[0].secret", "A"),
        ("apps[0].secret", "B"),
        ("apps[1].secret", "A"),
    ]


def test_a_variable_that_is_empty_is_no_secret() -> None:
    with pytest.raises(ConfigInvalid) as caught:
        read_mapping(sound(), env={"SHOP_APPSECRET": ""}, plugin_types=PLUGIN_TYPES, platforms=PLATFORMS)
    assert [problem.path for problem in caught.value.problems] == ["apps[0].secret"]


def test_a_number_does_not_come_from_the_environment() -> None:
    problem = the_problem(sound(plugins__0__session__expires_in="${SHOP_APPSECRET}"))
    assert problem.path == "plugins[0].session.expires_in"


@pytest.mark.parametrize(
    "place",
    [
        "groups__0__upstream",
        "plugins__0__app",
        "bindings__0__plugin",
        "bindings__0__group",
        "groups__0__prefix",
        "plugins__0__type",
        "apps__0__platform",
        "apps__0__base_url",
    ],
)
def test_no_problem_quotes_what_a_variable_holds(place: str) -> None:
    found = problems(sound(**{place: "${SHOP_APPSECRET}"}))
    assert ENV["SHOP_APPSECRET"] not in str(found)


def test_redaction_writes_the_reference_back() -> None:
    (problem,) = redact([Problem("a", "no 'canary-canary'", "无 'canary-canary'")], {"X": "canary-canary", "Y": "no"})
    assert problem == Problem("a", "no '${X}'", "无 '${X}'")


@given(st.dictionaries(st.sampled_from("ABC"), st.text()), st.text() | st.text(alphabet="${}ABC"))
def test_any_text_is_resolved_or_a_problem(env: dict[str, str], text: str) -> None:
    resolved = resolve_environment({"k": text}, env)
    assert all(problem.path == "k" for problem in resolved.problems)
    if resolved.problems:
        assert resolved.value == {"k": text}
