"""The stamp: which route Envoy chose, of which revision, written on the request before the brain is asked.

The brain looks the route up by this stamp and never matches a URL again, so the two cannot disagree (attack class 18).
A client's own copy is gone before routing (:mod:`menshen.envoy.strip`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from menshen.envoy.typed import Json, removed, typed, written
from menshen.gateway.wire import (
    HEADER_CLIENT,
    HEADER_RECEIVED,
    HEADER_ROUTE,
    HEADER_SENT_SECRET,
    SECRET_HEADERS,
    stamp,
)

__all__ = ["CLIENT", "RECEIVED", "STAMP", "sent_secret", "stamp_filter", "stamped"]

STAMP: Final = "menshen.stamp"
_PACKAGE: Final = "envoy.extensions.filters.http.header_mutation.v3"

RECEIVED: Final = written(HEADER_RECEIVED, "%START_TIME(%s.%6f)%")
CLIENT: Final = written(HEADER_CLIENT, "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%")


def stamp_filter(stripped: str, answers: Sequence[Json] = ()) -> Json:
    """The filter; it notes time and client on every request, and with :func:`stamped` the route.

    Trailers come after the headers were stripped and may name the same headers once more. An upstream that folds them
    into its headers would believe them, so they are cleaned by the same pattern (attack class 6).

    ``answers`` are edits of every answer: those of the filters behind pass here too.
    """
    mutations: Json = {
        "request_mutations": [{"append": RECEIVED}, {"append": CLIENT}],
        "request_trailers_mutations": [removed(stripped)],
    }
    if answers:
        mutations["response_mutations"] = list(answers)
    return {"name": STAMP, "typed_config": typed(f"{_PACKAGE}.HeaderMutation", {"mutations": mutations})}


def stamped(checksum: str) -> dict[str, Json]:
    """A virtual host's settings of the filter: the name of whatever route Envoy has chosen, and the revision.

    Routes that answer by themselves have no name or one that no API can have: the brain refuses both.
    """
    mutation = {"append": written(HEADER_ROUTE, stamp("%ROUTE_NAME%", checksum))}
    return {STAMP: typed(f"{_PACKAGE}.HeaderMutationPerRoute", {"mutations": {"request_mutations": [mutation]}})}


def sent_secret() -> Json:
    """Per-route settings of the filter: keep what a client sent as an AppSecret, whose own headers go no further."""
    value = "".join(f"%REQ({name})%" for name in SECRET_HEADERS)
    mutation = {"append": written(HEADER_SENT_SECRET, value)}
    return typed(f"{_PACKAGE}.HeaderMutationPerRoute", {"mutations": {"request_mutations": [mutation]}})
