"""Envoy's own answers, in the words of the contract.

A mapper sees only answers that Envoy or the brain made, never one of a backend: those pass as they are. The first
mapper whose filter fits decides, so the order is: the brain's own words, then Envoy's by cause, then by status.
"""

from __future__ import annotations

from typing import Final

from menshen.envoy.answers import CLOSED
from menshen.envoy.client_api import OWN_ROUTE
from menshen.envoy.ip_access import IP_POLICY
from menshen.envoy.rewrites import PATH_BLOCKED, UNSOUND
from menshen.envoy.token_guards import BAD_TOKEN, NO_TOKEN, TWO_TOKENS, VERDICTS
from menshen.envoy.tokens import TOKEN_STATUS
from menshen.envoy.typed import Json, typed, written
from menshen.errors import (
    AddressRefused,
    AmbiguousCredential,
    BodyTooLarge,
    BrainUnavailable,
    CheckerUnavailable,
    ConcurrencyLimit,
    InternalFault,
    MalformedRequest,
    MethodNotAllowed,
    NoSuchRoute,
    OriginRefused,
    Overloaded,
    PathBlocked,
    RateLimit,
    Refusal,
    RouteStale,
    SessionExpired,
    SessionInvalid,
    SessionMissing,
    SessionRevoked,
    TokenExpired,
    TokenInvalid,
    TokenMissing,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from menshen.gateway.wire import HEADER_CODE, WIRE_STATUSES

__all__ = ["local_reply_config"]

_BY_BRAIN: Final = ("UAEX",)
_NO_BACKEND: Final = ("UH", "UF", "UC", "UR", "LR", "URX", "UPE", "NC")
_BACKEND_SLOW: Final = ("UT", "UMSDR")

_REQUEST_ID: Final = "%REQ(X-REQUEST-ID)%%REQ(X-MENSHEN-NONE)%"
"""The contract has a string, and a request that was refused while it was read has no id yet. A lone operator without a
value becomes ``null``, two of them an empty string; nobody can send the second header."""


def local_reply_config() -> Json:
    return {
        "mappers": [
            *({"filter": _status("EQ", wire), "status_code": real} for wire, real in sorted(WIRE_STATUSES.items())),
            # The brain's denials have their body already. Its failures bear the same flag and have none.
            {"filter": _all_of(_flags(*_BY_BRAIN), _details("ext_authz_denied"))},
            _says(_flags(*_BY_BRAIN), BrainUnavailable),
            # What Envoy found in a token of another issuer. That none was there it writes down as well where one may be
            # missing; what is refused there is refused by another check.
            _says(_cause(f"rbac_access_denied_matched_policy[{NO_TOKEN}]"), TokenMissing),
            _says(_cause(f"rbac_access_denied_matched_policy[{TWO_TOKENS}]"), AmbiguousCredential),
            _says(_cause(f"rbac_access_denied_matched_policy[{BAD_TOKEN}]"), TokenInvalid),
            _says(_cause("jwt_authn_access_denied{Jwks_remote_fetch_is_failed}"), CheckerUnavailable),
            _says(_all_of(_cause("jwt_authn_access_denied{"), _token("== 'Jwt is expired'")), TokenExpired),
            _says(_all_of(_cause("jwt_authn_access_denied{"), _token("!= 'Jwt is missing'")), TokenInvalid),
            # What Envoy found in a signed state by itself. A cause that is not known here is an invalid state.
            _says(_cause("jwt_authn_access_denied{Jwt_is_missing}"), SessionMissing),
            _says(_cause("jwt_authn_access_denied{Jwt_is_expired}"), SessionExpired),
            _says(_cause("jwt_authn_access_denied{"), SessionInvalid),
            _says(_cause(f"rbac_access_denied_matched_policy[{IP_POLICY}]"), AddressRefused),
            _says(_cause(f"rbac_access_denied_matched_policy[{UNSOUND}]"), MalformedRequest),
            _says(_cause("rbac_access_denied_matched_policy["), SessionRevoked),
            # The flag of a limit is not set yet. A bucket gets a token a second at least.
            _says(_status("EQ", RateLimit.status), RateLimit, retry_after=1),
            _says(_flags("UO"), ConcurrencyLimit, retry_after=1),
            # Answered by routes of the gateway's own.
            _says(_on_route(PATH_BLOCKED), PathBlocked),
            _says(_on_route(CLOSED), RouteStale),
            # A WebSocket where none is taken: a handshake is all that a key pair could sign of it.
            _says(_details("upgrade_failed"), MalformedRequest, keep_status=True),
            _says(_status("EQ", OriginRefused.status), OriginRefused),
            # A text that no signed state can be is answered by its route.
            _says(_status("EQ", SessionInvalid.status), SessionInvalid),
            _says(_all_of(_status("EQ", 503), _details("overload")), Overloaded),
            # The brain as an upstream, dead or too slow: nobody could check the call.
            _says(
                _all_of(_status("GE", 500), _flags(*_NO_BACKEND, *_BACKEND_SLOW), _on_route(OWN_ROUTE)),
                BrainUnavailable,
            ),
            _says(_status("EQ", 404), NoSuchRoute),
            _says(_status("EQ", 405), MethodNotAllowed),
            _says(_status("EQ", 413), BodyTooLarge),
            # 400, 408, 426, 431 …: all are the request's fault and keep their status.
            _says(_all_of(_status("GE", 400), _status("LE", 499)), MalformedRequest, keep_status=True),
            _says(_status("EQ", 501), MalformedRequest, keep_status=True),  # a transfer coding that nobody has
            _says(_all_of(_status("GE", 500), _flags(*_BACKEND_SLOW)), UpstreamTimeout),
            _says(_all_of(_status("GE", 500), _flags(*_NO_BACKEND)), UpstreamUnavailable),
            _says(_status("EQ", 504), UpstreamTimeout),
            _says(_status("GE", 500), InternalFault),
        ]
    }


def _says(condition: Json, refusal: type[Refusal], *, keep_status: bool = False, retry_after: int = 0) -> Json:
    """``retry_after`` in seconds."""
    body = {
        "code": refusal.code,
        "reason": refusal.reason,
        "message": refusal.text().replace("%", "%%"),
        "action": refusal.action,
        "request_id": _REQUEST_ID,
    }
    mapper: Json = {
        "filter": condition,
        "headers_to_add": [
            written(HEADER_CODE, str(refusal.code)),
            written("cache-control", "no-store"),
            *([written("retry-after", str(retry_after))] if retry_after else []),
        ],
        "body_format_override": {
            "json_format": body,
            "content_type": "application/json; charset=utf-8",
            "omit_empty_values": True,
        },
    }
    return mapper if keep_status else {**mapper, "status_code": refusal.status}


def _status(op: str, value: int) -> Json:
    # The runtime key is mandatory and never set.
    comparison = {"op": op, "value": {"default_value": value, "runtime_key": "menshen.unset"}}
    return {"status_code_filter": {"comparison": comparison}}


def _flags(*flags: str) -> Json:
    return {"response_flag_filter": {"flags": list(flags)}}


def _all_of(*filters: Json) -> Json:
    return {"and_filter": {"filters": list(filters)}}


def _details(details: str) -> Json:
    """By Envoy's own word for why it answered, where neither a flag nor the status tells."""
    return _expression(f"menshen.{details}", f"response.code_details == '{details}'")


def _cause(start: str) -> Json:
    """As :func:`_details`, by the beginning of it: Envoy writes the cause behind."""
    return _expression(f"menshen.{start}", f"response.code_details.startsWith('{start}')")


def _on_route(start: str) -> Json:
    """On a route whose name begins so."""
    return _expression(f"menshen.route{start}", f"xds.route_name.startsWith('{start}')")


def _token(comparison: str) -> Json:
    """By what the check of other issuers' tokens wrote down as its reason; not where it wrote down none."""
    message = f"metadata.filter_metadata['{VERDICTS}']['{TOKEN_STATUS}']['message']"
    return _expression(f"menshen.token {comparison}", f"{message} {comparison}")


def _expression(name: str, expression: str) -> Json:
    package = "envoy.extensions.access_loggers.filters.cel.v3"
    return {
        "extension_filter": {
            "name": name,
            "typed_config": typed(f"{package}.ExpressionFilter", {"expression": expression}),
        }
    }
