"""Names of headers that a document may not take for its own.

``Authorization`` is free for a login state only: a client that sends one there cannot send another credential to a
backend in it, since the gateway removes its own.
"""

from __future__ import annotations

from typing import Final, Literal

from menshen.config.identity import PRESETS, own_claim_header
from menshen.config.snapshot import IdentityField
from menshen.errors import Problem

__all__ = [
    "KEY_PAIR_HEADERS",
    "TRACE_FAMILIES",
    "TRACE_NAMES",
    "HeaderUse",
    "claim_header_is_reserved",
    "fold",
    "identity_header_is_reserved",
    "is_reserved",
    "is_secret_name",
    "reserved_problem",
]

HeaderUse = Literal["code", "session", "identity"]

KEY_PAIR_HEADERS: Final = ("x-mg-secretid", "x-mg-alg", "x-mg-timestamp", "x-mg-nonce", "x-mg-sign")
"""The parts of a server's signature, which stop at the gateway; the names are TSF's, which has no timestamp."""

TRACE_NAMES: Final = (
    "traceparent",
    "tracestate",  # what another vendor's tracer noted; it is not checked, so it is not handed on
    "b3",
    "uber-trace-id",
    "jaeger-baggage",  # Jaeger's, for who begins a trace by hand
    "jaeger-debug-id",  # has every request recorded that has it
    "x-client-trace-id",
    "x-ot-span-context",
    "x-cloud-trace-context",
    "x-amzn-trace-id",
    "sw8",
    "correlation-context",  # .NET reads it as baggage
    "elastic-apm-traceparent",
    "grpc-trace-bin",
    "grpc-tags-bin",  # the baggage beside it
)
"""Headers by which tracers hand a trace on, or their baggage.

They are a caller's own, in the ways of different tracers: read or dropped, and never handed on as they came. A backend
that reads baggage in one of these ways would find a tag there that looks like ours (attack class 53).
"""

TRACE_FAMILIES: Final = (
    "x-b3",
    "x-datadog",
    "sw8",
    "uberctx",  # one header for each item of Jaeger's baggage
    "ot-tracer",
    "ot-baggage",  # the same of OpenTracing's
    "baggage",  # and of Sleuth's; "baggage" itself is none of them
)
"""The same, by what their names begin with."""

_HOP_BY_HOP = frozenset(
    {
        "connection",
        "http2-settings",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_MESSAGE = frozenset(
    {
        "content-encoding",
        "content-length",
        "content-type",
        "cookie",
        "expect",
        "host",
        "set-cookie",
    }
)
# Set by the gateway itself: tags travel as baggage.
_GATEWAY = frozenset({"baggage", "forwarded", "x-request-id"})
# Removed from every request before it is routed, so nothing that a client sends in them arrives.
_STRIPPED = frozenset(
    {
        "cf-connecting-ip",
        "proxy",
        "true-client-ip",
        "x-client-ip",
        "x-cluster-client-ip",
        "x-http-method",
        "x-http-method-override",
        "x-method-override",
        "x-real-ip",
        "x-rewrite-url",
    }
)
# A client that sends an AppSecret is refused, by the name of what it sends.
_SECRETS = frozenset({"app-secret", "appsecret", "secret"})
_RESERVED = _HOP_BY_HOP | _MESSAGE | _GATEWAY | _STRIPPED | _SECRETS | {*TRACE_NAMES, *KEY_PAIR_HEADERS}
_PREFIXES = ("x-menshen-", "x-envoy-", "x-forwarded-", "x-original-", ":", *(f"{name}-" for name in TRACE_FAMILIES))


def fold(header: str) -> str:
    """One spelling for all that a backend may take for the same header: case and ``_`` for ``-`` do not count."""
    return header.lower().replace("_", "-")


def is_reserved(header: str, use: HeaderUse) -> bool:
    """Whether the protocol, Envoy or the gateway has this header for itself."""
    folded = fold(header)
    if folded == "authorization":
        return use != "session"
    return folded in _RESERVED or folded.startswith(_PREFIXES)


def is_secret_name(name: str) -> bool:
    """Whether a client that sends a parameter of this name is taken to send an AppSecret."""
    return fold(name) in _SECRETS


def identity_header_is_reserved(field: IdentityField, header: str) -> bool:
    """As :func:`is_reserved`; the ``menshen`` preset's own header is free for the field that it has there."""
    return (field, header.lower()) not in PRESETS["menshen"] and is_reserved(header, "identity")


def claim_header_is_reserved(claim: str, header: str) -> bool:
    """As :func:`is_reserved`; the header that a custom claim has anyway is free for that claim."""
    return header.lower() != own_claim_header(claim) and is_reserved(header, "identity")


def reserved_problem(path: str, header: str) -> Problem:
    """What to say where a reserved header was written."""
    return Problem(path, f"the header '{header}' is reserved", f"头 '{header}' 是保留名称")
