"""Filters of Envoy's own that plugin types of the installation use: one for each type, off where none is bound.

They stand behind everybody who judges a request, so what they do with one that was let in is all they can do. A type
that is bound twice to a route, by its group and by the API, has a filter for each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from menshen.config.route_rules import EnvoyPart
from menshen.config.snapshot import Route, Snapshot
from menshen.envoy.typed import Json

__all__ = ["custom_filters", "customised"]

_PREFIX = "plugin."
"""No name of our own begins so."""


def custom_filters(snapshot: Snapshot) -> list[Json]:
    """In the order of their names, so that equal documents give equal bytes."""
    filters = {name: part.filter for route in snapshot.routes for name, part in _parts(route)}
    return [{"name": name, "disabled": True, "typed_config": filters[name]} for name in sorted(filters)]


def customised(route: Route) -> dict[str, Json]:
    """Per-route settings of the filters."""
    return {name: part.route for name, part in _parts(route)}


def _parts(route: Route) -> Iterator[tuple[str, EnvoyPart]]:
    """Each plugin's part with the name of its filter: ``plugin.Type``, and ``plugin.Type.2`` for the second of one."""
    count: Counter[str] = Counter()
    for rules in route.custom:
        if rules.envoy is not None:
            count[rules.type] += 1
            number = count[rules.type]
            yield f"{_PREFIX}{rules.type}" + (f".{number}" if number > 1 else ""), rules.envoy
