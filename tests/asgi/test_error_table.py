"""The tests of ``tests/edge/test_error_table.py``, with the middleware where Envoy was."""

from tests.edge.test_error_table import *  # noqa: F403
