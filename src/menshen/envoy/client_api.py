"""The gateway's own API for clients, at the same place in every host: Envoy hands a call to the brain as it is.

The brain is an upstream here and not asked for leave: an avatar does not fit into a question, and an answer of its own
has the status and the headers that it is given. Only what Envoy alone knows is added: the checksum of the revision, in
the path, and from where and when the call came.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from menshen.config.own_paths import served_paths
from menshen.config.snapshot import Snapshot
from menshen.envoy.answers import answered
from menshen.envoy.authorization import AUTHORIZATION, not_asked
from menshen.envoy.clusters import BRAIN
from menshen.envoy.stamp import CLIENT, RECEIVED, STAMP, sent_secret
from menshen.envoy.typed import Json, method_is, seconds, written
from menshen.gateway.wire import API_PREFIX

__all__ = ["OWN_ROUTE", "client_api"]

OWN_ROUTE: Final = "~"
"""How the names of these routes begin: no route of a document can have such an id."""

_TIMEOUT: Final = 45.0
"""A login may wait for a captcha, a verifier, hooks and a platform one after the other; each has its own limit."""

_WHOLE: Final = 90.0
"""Seconds for a call with its body: an avatar from a phone in a lift, not a body that drips for ever."""


def client_api(snapshot: Snapshot) -> dict[str, list[Json]]:
    """Path -> routes."""
    base, served = snapshot.listener.client_api.rstrip("/"), served_paths(snapshot)
    return {f"{base}/{path}": _call(base, path, methods, snapshot.checksum) for path, methods in served.items()}


def _call(base: str, path: str, methods: Sequence[str], checksum: str) -> list[Json]:
    match = {"prefix" if path.endswith("/") else "path": f"{base}/{path}"}
    handed: Json = {
        "name": f"{OWN_ROUTE}{path}",
        "match": {**match, "headers": [method_is(methods)]},
        "route": {
            "cluster": BRAIN,
            "prefix_rewrite": f"{API_PREFIX}/{checksum}/{path}",
            "timeout": seconds(_TIMEOUT),
            "max_stream_duration": {"max_stream_duration": seconds(_WHOLE)},
            "upgrade_configs": [{"upgrade_type": "websocket", "enabled": False}],
        },
        "request_headers_to_add": [CLIENT, RECEIVED],
        "response_headers_to_remove": ["server"],  # which software the brain runs on is nobody's business
        "typed_per_filter_config": {STAMP: sent_secret(), AUTHORIZATION: not_asked()},
    }
    other = {**answered(match, 405), "response_headers_to_add": [written("allow", ", ".join(sorted(methods)))]}
    return [handed, other]
