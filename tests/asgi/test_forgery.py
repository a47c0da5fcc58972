"""The tests of ``tests/edge/test_forgery.py``, with the middleware where Envoy was."""

from tests.edge.test_forgery import *  # noqa: F403
