"""A platform that a package brings is the middleware's as well: what the gateway's tests show of it, without one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.asgi.stage import running_app
from tests.edge.conftest import Stack
from tests.edge.test_added_platform import (
    DOCUMENT,
    Acme,
    acme,
    site,
    test_a_login_and_a_check,
    test_a_number_in_open_data_is_bound,
    test_a_used_code_is_not_asked_for_again,
    test_answers_that_are_none,
    test_codes_that_are_wrong_used_or_none,
    test_what_the_class_does_not_say_is_not_offered,
    test_what_the_platform_answers,
)

__all__ = [
    "acme",
    "site",
    "test_a_login_and_a_check",
    "test_a_number_in_open_data_is_bound",
    "test_a_used_code_is_not_asked_for_again",
    "test_answers_that_are_none",
    "test_codes_that_are_wrong_used_or_none",
    "test_what_the_class_does_not_say_is_not_offered",
    "test_what_the_platform_answers",
]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, acme: Acme, site: Path) -> Iterator[Stack]:
    with running_app(tmp_path_factory.mktemp("added-asgi"), DOCUMENT.replace("BASE", acme.origin)) as running:
        yield running
