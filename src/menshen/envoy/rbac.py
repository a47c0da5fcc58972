"""Refusals of Envoy's RBAC filter, as every guard here has them that Envoy is by itself.

A rule's name is in the cause of a refusal, by which :mod:`menshen.envoy.local_replies` finds the words of the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from menshen.envoy.typed import Json, typed

__all__ = ["RBAC_FILTER", "denies", "rbac", "rbac_on_route", "verdict"]

_PACKAGE: Final = "envoy.extensions.filters.http.rbac.v3"

RBAC_FILTER: Final = f"{_PACKAGE}.RBAC"


def rbac(rules: Json | None = None) -> Json:
    """The filter's configuration: without rules it refuses nobody."""
    return typed(RBAC_FILTER, rules)


def rbac_on_route(rules: Json) -> Json:
    """The same, for one route."""
    return typed(f"{_PACKAGE}.RBACPerRoute", {"rbac": rules})


def denies(rule: str, permissions: Sequence[Json], principals: Sequence[Json]) -> Json:
    """Refuse a request that one of the permissions fits, of a caller whom one of the principals fits."""
    policy = {"permissions": list(permissions), "principals": list(principals)}
    return {"rules": {"action": "DENY", "policies": {rule: policy}}}


def verdict(rule: str, action: Literal["ALLOW", "DENY"]) -> Json:
    """What a matcher ends with."""
    config = typed("envoy.config.rbac.v3.Action", {"name": rule, "action": action})
    return {"action": {"name": rule, "typed_config": config}}
