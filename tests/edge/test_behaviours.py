"""The table of behaviours through a real Envoy; ``tests/asgi`` has the same of the middleware."""

from __future__ import annotations

import pytest

from tests.edge.behaviours import BEHAVIOURS, Behaviour
from tests.edge.conftest import Stack


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda each: each.what)
def test_a_behaviour(behaviour: Behaviour, stack: Stack) -> None:
    behaviour.try_at(stack)
