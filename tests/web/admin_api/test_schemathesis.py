"""The whole admin API of a running node, called as its own OpenAPI document says, and otherwise.

Calls that end, erase or change something are among them: the node is this test's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

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


def known(stack: Stack, token: str) -> Mapping[str, list[str]]:
    """Names that lead somewhere, by path parameter: chance would find none of them."""
    stack.log_in("somebody")
    users = stack.admin("/v1/users", ("Authorization", token)).json
    sessions = stack.admin("/v1/sessions", ("Authorization", token)).json
    return {
        "uid": [each["uid"] for each in users["users"]],
        "sid": [each["sid"] for each in sessions["sessions"]],
        "name": ["shop", "orders", "mall", "shop-login"],
        "group": ["mall"],
        "number": ["1"],
    }


@pytest.mark.timeout(2700)
def test_no_call_breaks_it_and_every_answer_is_as_documented(stack: Stack, subtests: pytest.Subtests) -> None:
    token = f"Bearer {(stack.data_dir / 'admin.token').read_text().strip()}"
    schema = schemathesis.openapi.from_url(f"{stack.admin.origin}/v1/openapi.json", timeout=90)
    names = known(stack, token)
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    worked = set()
    with requests.Session() as session:
        session.headers["Authorization"] = token
        for operation in operations:
            with subtests.test(operation=operation.label):
                for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                    statuses = called(operation, mode, names, session)
                    worked |= {operation.label for status in statuses if status < 300}
    # Calls that are all refused at the door would show nothing of what is behind it. Of components there is none here.
    possible = [each for each in operations if "component" not in each.label]
    assert len(worked) > len(possible) / 2, sorted(worked)
