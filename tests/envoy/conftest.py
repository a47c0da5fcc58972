"""One Envoy for all tests that only send requests; tests that end or change it start their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.envoy.edge import Edge, edge_of


@pytest.fixture(scope="session")
def shared_edge() -> Iterator[Edge]:
    with edge_of() as edge:
        yield edge


@pytest.fixture
def edge(shared_edge: Edge) -> Edge:
    shared_edge.reset()
    return shared_edge
