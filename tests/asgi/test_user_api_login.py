"""The tests of ``tests/edge/test_user_api_login.py``, with the middleware where Envoy was."""

from collections.abc import Iterator

import pytest

from tests.asgi.stage import running_app
from tests.edge.conftest import Stack
from tests.edge.people import OWN, people_stack
from tests.edge.test_user_api_login import *  # noqa: F403


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with people_stack(tmp_path_factory.mktemp("login"), accounts=OWN, run=running_app) as running:
        yield running
