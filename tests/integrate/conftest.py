"""A node with a door for other proxies, and a backend behind; each proxy's tests put the real one in front."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.edge.conftest import DOCUMENT, Stack, running_stack
from tests.integrate.proxies import ALL_FRONTS

# No distribution has it; by hand: PATH=…:$PATH pytest tests/integrate/test_traefik.py
collect_ignore = [] if shutil.which("traefik") else ["test_traefik.py"]

QUERY = '  - {{name: query, hosts: ["*"], prefix: /query, upstream: orders, apis: [{{name: all, path: /*}}]}}\n'

# A proxy cannot hand a body over: the code of the book's plugin comes in a header here.
WITH_QUERY = DOCUMENT.replace("code: {{in: body, name: code}}", "code: {{in: header, name: code}}")
PORTABLE = WITH_QUERY.replace(QUERY, "").replace("  - {{plugin: query-login, group: query}}\n", "")


@pytest.fixture(scope="session")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    assert len(PORTABLE) < len(WITH_QUERY) - len(QUERY)
    options = ("--workers", "2", "--verify", "127.0.0.1:0")
    with running_stack(tmp_path_factory.mktemp("asked"), PORTABLE, *options) as running:
        yield running


@pytest.fixture(scope="session", params=ALL_FRONTS)
def proxy(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def running_front(proxy: str, asked: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with ALL_FRONTS[proxy](asked, tmp_path_factory.mktemp(proxy)) as running:
        yield running


@pytest.fixture
def front(running_front: Stack) -> Stack:
    """The stack with a real proxy as its gateway, which runs what was printed for it.

    With users of each test's own: a platform exchanges a hundred codes of one user a minute, and all proxies share it.
    """
    return replace(running_front, users=f"-{secrets.token_hex(4)}")
