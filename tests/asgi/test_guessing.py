"""The tests of ``tests/edge/test_guessing.py``, with the middleware where Envoy was."""

from collections.abc import Iterator

import pytest

from tests.asgi.stage import running_app
from tests.edge.conftest import Stack
from tests.edge.people import people_stack
from tests.edge.test_guessing import *  # noqa: F403
from tests.edge.test_guessing import RULES

BEHIND_A_PROXY = "listener: {{trusted_hops: 1}}\n"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with people_stack(
        tmp_path_factory.mktemp("guessing"), accounts=RULES, more=BEHIND_A_PROXY, run=running_app
    ) as running:
        yield running
