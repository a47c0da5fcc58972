"""The stack of the edge tests without Envoy: the same emulator, document and backend, and the middleware between."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.asgi.stage import running_app
from tests.edge.conftest import DOCUMENT, Stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_app(tmp_path_factory.mktemp("asgi"), DOCUMENT) as running:
        yield running


GATEWAYS_OWN = {
    "there is no admin address, and no node with workers": (
        "test_class_20_the_last_letter_has_no_second_meaning",
        "test_class_22_no_header_of_a_client_chooses_an_algorithm_or_a_key",
        "test_class_23_what_is_for_one_thing_is_for_nothing_else",
        "test_class_25_what_was_ended_is_good_nowhere",
        "test_class_25_an_open_websocket_stays_open_and_no_other_is_opened",
        "test_class_31_secrets_are_compared_in_constant_time",
        "test_class_32_an_app_has_one_spelling",
        "test_class_32_platform_and_appid_have_one_spelling",
        "test_class_33_two_installations_share_no_secret",
        "test_the_assertion_verifies_with_the_published_keys",
        "test_the_node_says_that_it_is_well",
        "test_a_revocation_at_one_worker_is_known_at_every_other",
        "test_a_revocation_outlives_what_restarts",
        "test_a_revocation_that_comes_while_something_restarts",
        "test_a_revoked_state_is_not_good_at_another_door",
        "test_calls_of_the_admin_api_that_say_nothing_or_two_things",
        "test_ending_nothing_is_told",
        "test_the_admin_api_ends_sessions_within_a_second",
        "test_the_admin_api_knows_its_operator",
        "test_the_admin_api_lists_sessions",
        "test_who_is_banned_is_out_at_once_and_stays_out",
    ),
    "there is one upstream, and nothing between it and the gateway": (
        "test_class_24_an_assertion_is_for_the_upstream_that_gets_it",
        "test_a_reason[upstream_unavailable]",
        "test_a_reason[upstream_timeout]",
    ),
    "Envoy checks a signed state alone and makes no assertion; here the brain does both": (
        "test_identity_headers_at_the_backend[signed]",
    ),
    "the server answers by itself, before there is a request": (
        "test_class_20_size",
        "test_a_login_state_of_a_megabyte",
        "test_two_content_lengths_or_a_smuggled_request",
        "test_an_upgrade_brings_no_unsigned_body",
        "test_a_code_gives_a_login_state",  # and names itself in every answer
    ),
}
"""Tests of the gateway that are not the middleware's, and why."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    not_ours = {name for names in GATEWAYS_OWN.values() for name in names}
    here = Path(__file__).parent
    gone = [
        item for item in items if item.path.is_relative_to(here) and {item.name, item.name.partition("[")[0]} & not_ours
    ]
    items[:] = [item for item in items if item not in gone]
    config.hook.pytest_deselected(items=gone)
