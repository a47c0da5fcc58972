"""What an operator may note of a user."""

from __future__ import annotations

from typing import Any

import pytest

from menshen.errors import UserInvalid
from menshen.users.metadata import MOST_BYTES, MOST_LEVELS, changed_metadata


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("before", "changes", "after"),
    [
        ({}, {}, {}),
        ({}, {"a": 1}, {"a": 1}),
        ({"a": 1}, {"a": None}, {}),
        ({"a": 1}, {"b": None}, {"a": 1}),
        ({"a": {"b": 1}}, {"a": {"c": 2}}, {"a": {"c": 2}}),
        ({"a": 1}, {"b": [None, {"c": None}], "空": "值"}, {"a": 1, "b": [None, {"c": None}], "空": "值"}),
        ({}, {"a": nested(MOST_LEVELS - 1)}, {"a": nested(MOST_LEVELS - 1)}),
        ({}, {"a": "x" * (MOST_BYTES - 8)}, {"a": "x" * (MOST_BYTES - 8)}),
    ],
)
def test_names_are_set_and_taken_away(before: dict[str, Any], changes: dict[str, Any], after: dict[str, Any]) -> None:
    assert changed_metadata(before, changes) == after


@pytest.mark.parametrize(
    "changes",
    [
        {"a": "x" * (MOST_BYTES - 7)},
        {"a": nested(MOST_LEVELS)},
        {"a": {"b": nested(MOST_LEVELS - 1)}},
        {"a": "canary \ud800"},
    ],
    ids=["too much", "too deep", "too deep in an object", "half a pair"],
)
def test_what_is_too_much_too_deep_or_no_text_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(UserInvalid) as refused:
        changed_metadata({"kept": 1}, changes)
    assert "canary" not in str(refused.value)
