"""The tests of ``tests/edge/test_sessions_revocation.py``, with the middleware where Envoy was."""

from collections.abc import Iterator

import pytest

from tests.asgi.stage import running_app
from tests.edge.conftest import Stack
from tests.edge.sessions import session_stack
from tests.edge.test_sessions_revocation import *  # noqa: F403


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with session_stack(tmp_path_factory.mktemp("revocation"), run=running_app) as running:
        yield running
