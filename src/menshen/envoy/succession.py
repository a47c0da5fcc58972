"""From one listener to the next, with no request between the two.

A route says what it wants of a filter, and Envoy passes over what it says of one that the listener has not got. So
routes and filters of two revisions must never meet: where a guard of the one is a filter that the other has no use for,
the request would be judged by nobody (attack class 18, within Envoy). Each generation of the listener therefore has
routes of its own, under a name that no other has.

The next listener is first tried beside the running one, under a name and an address that nothing connects to. Envoy
then says what it thinks of the filters and of the routes, and has both when the new listener takes over.

A connection that was there before stays with the old filters. Envoy asks the client to leave with the next answer
(``Connection: close``, GOAWAY), but does not close one that is idle. So the old routes stay for a while, for those who
ask soon, and are closed then: or connections that were made in time would be a way around the new revision.
"""

from __future__ import annotations

from typing import Final

import msgspec

from menshen.envoy.answers import CLOSED, answered
from menshen.envoy.resources import resources_file
from menshen.envoy.routes import table_name
from menshen.envoy.typed import Json, socket_address, typed

__all__ = ["closed", "rehearsal"]

_REHEARSAL: Final = "rehearsal"


def rehearsal(running: bytes, following: bytes) -> bytes:
    """The listeners file of both: the running one as it is, and the next one without a socket."""
    (old,), (new,) = _resources(running), _resources(following)
    beside = {"name": _REHEARSAL, "bind_to_port": False, "address": socket_address("127.0.0.1", 1)}
    return resources_file([old, {**new, **beside}])


def closed(generation: int) -> bytes:
    """The routes file of a listener that was replaced: nothing but the advice to try again, on another connection."""
    answer = {**answered({"prefix": "/"}, 503), "name": CLOSED}
    table = {
        "name": table_name(generation),
        "virtual_hosts": [{"name": "*", "domains": ["*"], "routes": [answer]}],
    }
    return resources_file([typed("envoy.config.route.v3.RouteConfiguration", table)])


def _resources(file: bytes) -> list[Json]:
    resources: list[Json] = msgspec.json.decode(file)["resources"]
    return resources
