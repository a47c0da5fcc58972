"""Routes that Envoy answers by itself; the body comes from the local reply mappers and the brain is not asked."""

from __future__ import annotations

from menshen.envoy.authorization import AUTHORIZATION, not_asked
from menshen.envoy.typed import Json

__all__ = ["answered"]


def answered(match: Json, status: int) -> Json:
    return {
        "match": match,
        "direct_response": {"status": status},
        "typed_per_filter_config": {AUTHORIZATION: not_asked()},
    }
