"""When a request is sent a second time: only where the first attempt cannot have been seen.

A payment must not be made twice and a login code not be spent twice, so neither a timeout nor a connection that broke
after the request went out is ever retried.
"""

from __future__ import annotations

from typing import Final

from menshen.envoy.typed import Json, typed

__all__ = ["USUAL_RETRIES", "retry_policy"]

USUAL_RETRIES: Final = 2

_NOTHING_SENT: Final = "connect-failure,refused-stream,reset-before-request"


def retry_policy(attempts: int) -> Json:
    """Each further attempt goes to an endpoint that has not failed yet: a dead one looks the least busy.

    Of two endpoints a dead one is drawn three times in four, so eight draws are not enough of them.
    """
    if attempts == 0:
        return {"num_retries": 0}
    elsewhere = {
        "name": "envoy.retry_host_predicates.previous_hosts",
        "typed_config": typed("envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"),
    }
    return {
        "retry_on": _NOTHING_SENT,
        "num_retries": attempts,
        "retry_host_predicate": [elsewhere],
        "host_selection_retry_max_attempts": 64,
    }
