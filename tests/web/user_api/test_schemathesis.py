"""The whole user API of a running gateway, through Envoy, called as its own OpenAPI document says, and otherwise."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
import schemathesis
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode

from tests.edge.conftest import Stack, running_stack
from tests.web.openapi_calls import called


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("schemathesis")) as running:
        yield running


@pytest.mark.timeout(2700)
def test_no_call_breaks_it_and_every_answer_is_as_documented(stack: Stack, subtests: pytest.Subtests) -> None:
    schema = schemathesis.openapi.from_url(f"{stack.gateway.origin}/v1/openapi.json", timeout=90)
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) > 20
    for operation in operations:
        with subtests.test(operation=operation.label), requests.Session() as session:
            # Of a user of its own: some of the calls end all of one's sessions, or the account.
            session.headers["user_session"] = state = stack.log_in(operation.label)
            session.headers["authorization"] = f"Bearer {state}"  # where Authing's client has it
            statuses = [
                called(operation, mode, {}, session) for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
            ]
            assert statuses[0]
