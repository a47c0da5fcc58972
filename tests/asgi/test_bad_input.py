"""The tests of ``tests/edge/test_bad_input.py``, with the middleware where Envoy was."""

from tests.edge.test_bad_input import *  # noqa: F403
from tests.edge.test_bad_input import _still_well  # noqa: F401
