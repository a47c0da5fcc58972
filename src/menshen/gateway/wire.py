"""What Envoy and the brain say to each other: internal header names, the authorization prefix, wire statuses.

Envoy takes a 5xx of the authorization service for a failure of that service and drops its body, and takes 200 for
"let it through". An answer that the brain wants the client to read with such a status therefore travels under a private
status, and ``local_reply_config`` puts the real one back while it leaves the body alone.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

__all__ = [
    "API_PREFIX",
    "AUTHZ_PREFIX",
    "BODY_LIMIT",
    "HEADER_BODY",
    "HEADER_CLIENT",
    "HEADER_CODE",
    "HEADER_COOKIE",
    "HEADER_METHOD",
    "HEADER_PARTIAL_BODY",
    "HEADER_PROXY",
    "HEADER_RECEIVED",
    "HEADER_REQUEST_ID",
    "HEADER_ROUTE",
    "HEADER_SENT_SECRET",
    "HEADER_SET_COOKIE",
    "HEADER_STATUS",
    "HEADER_TARGET",
    "HEADER_TRACE",
    "HEADER_UID",
    "HEADER_URI",
    "HEALTH_PATH",
    "SECRET_HEADERS",
    "WIRE_STATUSES",
    "stamp",
    "to_wire",
]

AUTHZ_PREFIX: Final = "/authz"
"""In front of the client's own path on every authorization request."""

API_PREFIX: Final = "/api"
"""In front of ``/<snapshot checksum>/<path>`` on every call of the user API, which Envoy hands over as it is."""

HEALTH_PATH: Final = "/health"
"""``GET`` on the brain; 200 while it can decide."""

BODY_LIMIT: Final = 8192
"""Bytes of a login body that Envoy hands over; of a longer one the brain gets the start, marked as partial."""

HEADER_ROUTE: Final = "x-menshen-route"
"""``<route id>@<snapshot checksum>``, stamped by Envoy; a client's own copy is removed before routing."""

HEADER_RECEIVED: Final = "x-menshen-received"
"""When Envoy began to read the request: seconds since the epoch with six decimals."""

HEADER_CLIENT: Final = "x-menshen-client"
"""The client's address, without a port; of a client behind a trusted proxy, as that proxy says."""

HEADER_CODE: Final = "x-menshen-code"
"""The number of a refusal, on every answer that the gateway itself gives."""

HEADER_UID: Final = "x-menshen-uid"
"""The user's id for what is chosen or counted by user in Envoy, whatever headers tell a backend who he is."""

HEADER_REQUEST_ID: Final = "x-request-id"

HEADER_TRACE: Final = "traceparent"
"""Envoy's span, on every question and every call that it hands over; a client's own is read and made ours before."""

HEADER_PARTIAL_BODY: Final = "x-envoy-auth-partial-body"
"""``true`` where the body was longer than the route's limit and the brain has its start only."""

HEADER_SENT_SECRET: Final = "x-menshen-sent-secret"  # noqa: S105  (a header's name)
"""On a call of the user API, what the client sent in one of :data:`SECRET_HEADERS`."""

HEADER_PROXY: Final = "x-menshen-proxy"
"""The secret by which a proxy that is not our Envoy shows that it is one of the installation's."""

HEADER_METHOD: Final = "x-menshen-method"
"""The client's method, on a question of such a proxy."""

HEADER_URI: Final = "x-menshen-uri"
"""The client's path and query as they came, on such a question."""

HEADER_STATUS: Final = "x-menshen-status"
"""The true status of an answer that such a proxy cannot carry as it is, or may not take for leave to pass."""

HEADER_BODY: Final = "x-menshen-body"
"""And its body: JSON, in ASCII."""

HEADER_SET_COOKIE: Final = "x-menshen-set-cookie"
"""And with ``-1``, ``-2`` behind it its cookies, each by itself."""

HEADER_COOKIE: Final = "x-menshen-cookie"
"""What the backend gets as ``cookie``: the client's without our own."""

HEADER_TARGET: Final = "x-menshen-target"
"""What the backend gets as path and query: no credentials, no prefix where that is taken off."""

SECRET_HEADERS: Final = ("secret", "appsecret", "app_secret", "app-secret")
"""Shown to the brain only so that it can refuse a client that sends an AppSecret."""

WIRE_STATUSES: Final = MappingProxyType({299: 200, 298: 503, 297: 502, 296: 500, 295: 504})
"""Status between brain and Envoy -> status that the client sees."""

_TO_WIRE: Final = {real: wire for wire, real in WIRE_STATUSES.items()}


def to_wire(status: int) -> int:
    """The status under which a denial or a reply of the gateway leaves the brain."""
    return _TO_WIRE.get(status, _TO_WIRE[500] if status >= 500 else status)


def stamp(route_id: str, checksum: str) -> str:
    return f"{route_id}@{checksum}"
