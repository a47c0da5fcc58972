"""The gateway's own API for clients, at the same place in every host: the brain answers it, no backend is behind it.

A route like any other to the brain: stamped, asked with the body, and what the brain says goes to the client as a
denial. The route's own answer is never reached.
"""

from __future__ import annotations

from menshen.config.snapshot import Snapshot
from menshen.envoy.answers import answered
from menshen.envoy.authorization import AUTHORIZATION, with_body
from menshen.envoy.stamp import STAMP, stamp_of
from menshen.envoy.typed import Json, written
from menshen.gateway.wire import CLIENT_API, ClientCall

__all__ = ["client_api"]


def client_api(snapshot: Snapshot) -> dict[str, list[Json]]:
    """Path -> routes; none where it is switched off, or where nobody can log in."""
    base = snapshot.listener.client_api.rstrip("/")
    if not base or not any(route.login is not None for route in snapshot.routes):
        return {}
    return {f"{base}/{name}": _call(f"{base}/{name}", name, snapshot.checksum) for name in CLIENT_API}


def _call(path: str, name: ClientCall, checksum: str) -> list[Json]:
    identifier, method = f"~{name}", CLIENT_API[name]
    asked: Json = {
        "name": identifier,
        "match": {"path": path, "headers": [{"name": ":method", "string_match": {"exact": method}}]},
        "direct_response": {"status": 404},
        "typed_per_filter_config": {STAMP: stamp_of(identifier, checksum), AUTHORIZATION: with_body()},
    }
    other = {**answered({"path": path}, 405), "response_headers_to_add": [written("allow", method)]}
    return [asked, other]
