"""The tests of ``tests/edge/test_user_api_me.py``, with the middleware where Envoy was."""

from collections.abc import Iterator

import pytest

from tests.asgi.stage import running_app
from tests.edge.conftest import Stack
from tests.edge.people import OWN, people_stack
from tests.edge.test_user_api_me import *  # noqa: F403


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with people_stack(tmp_path_factory.mktemp("me"), accounts=OWN, run=running_app) as running:
        yield running
