"""The strict reader of Authing's queries."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menshen.errors import CallMalformed
from menshen.web.user_api.authing.graphql import Operation, read_operation, selected

CHECK = "query checkLoginStatus($token: String) { checkLoginStatus(token: $token) { code data { id arn } } }"


def test_one_operation_is_read() -> None:
    selection = {"code": {}, "data": {"id": {}, "arn": {}}}
    assert read_operation(CHECK) == Operation("query", "checkLoginStatus", {"token": "token"}, selection)
    shortest = Operation("mutation", "updateUser", {}, {})
    assert read_operation("mutation{updateUser}") == shortest
    assert read_operation("  mutation ,any_name\n{ updateUser }\t") == shortest


def test_an_argument_is_in_the_variable_that_it_names() -> None:
    query = "mutation m($b: String, $c: UpdateUserInput!) { updateUser(id: $b, input: $c) { id } }"
    assert read_operation(query).arguments == {"id": "b", "input": "c"}


@pytest.mark.parametrize("name", ["CheckLoginStatus", "User", "UpdateUser"])
def test_the_packages_own_documents_are_read(name: str, published: Path) -> None:
    """``authing-js-sdk`` as the registry has it."""
    code = (published / "authing-js-sdk/build/main/types/graphql.v2.js").read_text(encoding="utf-8")
    found = re.search(rf'^exports\.{name}Document = (".*");$', code, re.MULTILINE)
    assert found
    operation = read_operation(json.loads(found[1]))
    assert operation.field == name[0].lower() + name[1:]
    assert operation.selection


@pytest.mark.parametrize(
    "query",
    [
        "",
        "{ user { id } }",
        "subscription { user }",
        "query",
        "query {",
        "query { }",
        "query { user { id }",
        "query { user { id } } }",
        "query { user { id } other { id } }",
        "query { me: user { id } }",
        "query { user { me: id } }",
        'query { user(id: "u1") { id } }',
        "query { user(id: 1) { id } }",
        "query { user(id: $id, id: $other) { id } }",
        "query { user { ...all } } fragment all on User { id }",
        "query { user @include(if: $x) { id } }",
        "query { user { id } } query { user { id } }",
        "query ($a: [String]) { user { id } }",
        'query ($a: String = "x") { user { id } }',
        "query { user { a { b { c { d } } } } }",
        "query { user { id # all of it\n } }",
        "query { __schema { types { name } } } ...",
    ],
)
def test_what_the_package_does_not_write_is_refused(query: str) -> None:
    with pytest.raises(CallMalformed):
        read_operation(query)


@given(st.text(alphabet=st.sampled_from('query mutation{}()$:!,[]ab_1\n"#.@é\u2028')) | st.text())
def test_any_text_is_an_operation_or_refused(query: str) -> None:
    try:
        operation = read_operation(query)
    except CallMalformed:
        return
    assert operation.kind in ("query", "mutation")


def test_the_deepest_and_the_longest_are_refused_at_once() -> None:
    for query in ("query{" + "a{" * 2_000, "query{a" + "(" * 4_000, "query{a{" + "b " * 2_000):
        with pytest.raises(CallMalformed):
            read_operation(query)


def test_an_answer_has_what_was_asked_for_and_null_for_what_there_is_not() -> None:
    value = {"id": "u1", "secret": "x", "data": {"id": "u1", "more": 1}, "empty": None}
    asked = {"id": {}, "data": {"id": {}}, "empty": {"id": {}}, "arn": {}, "identities": {"openid": {}}}
    assert selected(value, asked) == {"id": "u1", "data": {"id": "u1"}, "empty": None, "arn": None, "identities": None}
    assert selected(value, {"data": {}, "id": {"x": {}}}) == {"data": None, "id": None}
