"""The tests of ``tests/edge/test_behaviours.py``, with the middleware where Envoy was."""

from tests.edge.test_behaviours import *  # noqa: F403
