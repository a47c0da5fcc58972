"""Routes that Envoy answers by itself; the body comes from the local reply mappers and the brain is not asked."""

from __future__ import annotations

from typing import Final

from menshen.envoy.authorization import AUTHORIZATION, not_asked
from menshen.envoy.typed import Json

__all__ = ["CLOSED", "answered"]

CLOSED: Final = "!closed"
"""The name of the one route that a listener has which was replaced, by which the words of its answer are found."""


def answered(match: Json, status: int) -> Json:
    return {
        "match": match,
        "direct_response": {"status": status},
        "typed_per_filter_config": {AUTHORIZATION: not_asked()},
    }
