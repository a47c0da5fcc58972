"""The tests of ``tests/edge/test_key_pair.py``, with the middleware where Envoy was."""

from collections.abc import Iterator

import pytest

from tests.asgi.stage import running_app
from tests.edge.conftest import Stack
from tests.edge.test_key_pair import *  # noqa: F403
from tests.edge.test_key_pair import DOCUMENT


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_app(tmp_path_factory.mktemp("key-pair"), DOCUMENT) as running:
        yield running
