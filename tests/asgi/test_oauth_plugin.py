"""The tests of ``tests/edge/test_oauth_plugin.py``, with the middleware where Envoy was."""

from collections.abc import Iterator

import pytest

from tests.asgi.stage import running_app
from tests.edge.checker import Checker
from tests.edge.conftest import Stack
from tests.edge.test_oauth_plugin import *  # noqa: F403
from tests.edge.test_oauth_plugin import DOCUMENT


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, checker: Checker) -> Iterator[Stack]:
    with running_app(tmp_path_factory.mktemp("oauth"), DOCUMENT.replace("{checker}", checker.origin)) as running:
        yield running
