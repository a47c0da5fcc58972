"""The tests of ``tests/edge/test_login_and_check.py``, with the middleware where Envoy was."""

from tests.edge.test_login_and_check import *  # noqa: F403
