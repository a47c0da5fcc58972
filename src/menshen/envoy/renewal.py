"""A new login state before the old one ends: Envoy asks the brain when a signed state says that it is time.

The state was verified here already, so a brain that does not answer is no reason to refuse: the request goes on with
the state it has, and the next one asks again. A refusal by the brain stands.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from menshen.config.snapshot import LoginPlugin, Snapshot
from menshen.envoy.authorization import authorization_config
from menshen.envoy.discovered import SWITCHED_ON
from menshen.envoy.states import HEADER_RENEW_AT
from menshen.envoy.typed import Json, exact, typed

__all__ = ["RENEWAL", "renewal_filter", "renewal_on"]

RENEWAL: Final = "menshen.renewal"

_TIMEOUT: Final = 1.0
"""Seconds. A brain that hangs delays a request that needs it only for the renewal, so not for long."""


def renewal_filter(snapshot: Snapshot, workers: int, plugins: Iterable[LoginPlugin]) -> Json:
    """The question, put only when it is due. ``plugins`` are those whose signed states can be renewed.

    A state that does not say when (made before its plugin renewed any) is never asked for: it will not be renewed.
    """
    config = authorization_config(snapshot, workers, timeout=_TIMEOUT)
    config["failure_mode_allow"] = True
    # Identity has been set from the verified state, and stays as it is.
    answer = config["http_service"]["authorization_response"]
    del answer["allowed_upstream_headers"]
    answer["allowed_client_headers_on_success"] = exact(plugin.session.name.lower() for plugin in plugins)
    wrapped = typed(
        "envoy.extensions.common.matching.v3.ExtensionWithMatcher",
        {
            "extension_config": {
                "name": RENEWAL,
                "typed_config": typed("envoy.extensions.filters.http.ext_authz.v3.ExtAuthz", config),
            },
            "xds_matcher": {"matcher_list": {"matchers": [{"predicate": _not_due(), "on_match": _skip()}]}},
        },
    )
    return {"name": RENEWAL, "disabled": True, "typed_config": wrapped}


def renewal_on() -> dict[str, Json]:
    """Per-route settings."""
    return {RENEWAL: SWITCHED_ON}


def _skip() -> Json:
    skip = typed("envoy.extensions.filters.common.matcher.action.v3.SkipFilter")
    return {"action": {"name": "skip", "typed_config": skip}}


def _not_due() -> Json:
    """No ``x-menshen-renew-at`` in ``request.headers``, or ``int(request.time)`` is less than it says.

    An error in the expression means "due".
    """
    now = _call("int", _member("request", "time"))
    headers, name = _member("request", "headers"), {"const_expr": {"string_value": HEADER_RENEW_AT}}
    early = _call("_<_", now, _call("int", _call("_[_]", headers, name)))
    expression = _call("_||_", _call("!_", _call("@in", name, headers)), early)
    attributes = typed("xds.type.matcher.v3.HttpAttributesCelMatchInput")
    matcher = typed("xds.type.matcher.v3.CelMatcher", {"expr_match": {"cel_expr_parsed": {"expr": expression}}})
    return {
        "single_predicate": {
            "input": {"name": "request", "typed_config": attributes},
            "custom_match": {"name": "not_due", "typed_config": matcher},
        }
    }


def _call(function: str, *arguments: Json) -> Json:
    return {"call_expr": {"function": function, "args": list(arguments)}}


def _member(name: str, field: str) -> Json:
    return {"select_expr": {"operand": {"ident_expr": {"name": name}}, "field": field}}
