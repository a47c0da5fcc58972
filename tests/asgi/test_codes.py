"""The tests of ``tests/edge/test_codes.py``, with the middleware where Envoy was."""

from tests.edge.test_codes import *  # noqa: F403
