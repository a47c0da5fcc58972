"""The tests of ``tests/edge/test_websocket.py``, with the middleware where Envoy was."""

from tests.edge.test_websocket import *  # noqa: F403
