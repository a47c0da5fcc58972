"""Tags on the way through Envoy: one script for all routes, and what each route gives it to work on.

It runs behind whoever judges the request, so that the tags of a verified identity are there, and in front of what
chooses by tags. What a client can set is marked untrusted (attack class 53).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec

from menshen.config.route_rules import Parameter
from menshen.config.snapshot import Route, Snapshot
from menshen.config.tag_values import tag_header
from menshen.envoy.typed import Json, typed

__all__ = [
    "BAGGAGE_OF_CLIENT",
    "BUCKET",
    "INPUT",
    "TAGS",
    "TAGS_END",
    "bucket_headers",
    "in_two_steps",
    "input_headers",
    "plain_headers",
    "shared_data",
    "tag_data",
    "tag_filters",
    "tagged",
    "tags_of",
    "uses_tags",
]

TAGS: Final = "menshen.tags"
TAGS_END: Final = "menshen.tags_end"
_PACKAGE: Final = "envoy.extensions.filters.http.lua.v3"

BAGGAGE_OF_CLIENT: Final = "x-menshen-client-baggage"
BUCKET: Final = "x-menshen-bucket"
INPUT: Final = "x-menshen-input"
PLAIN: Final = "x-menshen-plain"
"""Headers between our own filters; no client and no backend ever has one."""


def uses_tags(route: Route) -> bool:
    """Whether the script has something to do on this route."""
    told = any(rules.tags for rules in route.custom)
    return bool(told or route.tags or route.identity_tags or route.canary or route.transforms)


def tag_filters(snapshot: Snapshot) -> tuple[list[Json], list[Json]]:
    """The filter, and the second one where colouring stands between; each in its place, both off by default."""
    first = [_filter(TAGS)] if any(uses_tags(route) for route in snapshot.routes) else []
    last = [_filter(TAGS_END)] if any(in_two_steps(route) for route in snapshot.routes) else []
    return first, last


def in_two_steps(route: Route) -> bool:
    return bool(route.transforms)


def tagged(route: Route) -> dict[str, Json]:
    """Per-route settings of the filters.

    The script keeps what it has read of a route's data by this name for it. Envoy copies what it hands to a script, so
    the data itself is elsewhere (:func:`shared_data`), and read once.
    """
    return {
        name: typed(f"{_PACKAGE}.LuaPerRoute", {"filter_context": {"id": _name_of(data)}})
        for name, data in tag_data(route).items()
    }


def shared_data(routes: Iterable[Route]) -> dict[str, Json]:
    """Metadata of a virtual host: by filter and name, the data of its routes. Those of a group mostly have the same."""
    shared: dict[str, Json] = {}
    for route in routes:
        for name, data in tag_data(route).items():
            shared.setdefault(name, {})[_name_of(data)] = data
    return shared


def tag_data(route: Route) -> dict[str, Json]:
    """What the script works on, by filter."""
    if not uses_tags(route):
        return {}
    opening: Json = {
        "open": True,
        "tags": [{"header": tag_header(tag.tag), **_parameter(route, tag.parameter)} for tag in route.tags],
        "inputs": [
            {"header": header, **_parameter(route, parameter)} for parameter, header in input_headers(route).items()
        ],
        "buckets": [
            {"header": header, "salt": salt, "sticky": sticky}
            for salt, (header, sticky) in bucket_headers(route).items()
        ],
    }
    closing: Json = {
        "close": True,
        "told": [
            {"header": tag_header(name), "name": name, "untrusted": untrusted} for name, untrusted in tags_of(route)
        ],
        "trace": next((tag.tag for tag in route.tags if tag.trace_id), ""),
        "plain": [{"header": tag_header(tag), "to": header} for tag, header in plain_headers(route).items()],
        "choose": bool(route.canary),
    }
    if in_two_steps(route):
        return {TAGS: opening, TAGS_END: closing}
    return {TAGS: {**opening, **closing}}


def tags_of(route: Route) -> Iterator[tuple[str, bool]]:
    """Name of each tag of the route, and whether a client can set it."""
    yield from ((name, False) for name in route.identity_tags)
    yield from ((name, False) for name in dict.fromkeys(tag for rules in route.custom for tag in rules.tags))
    yield from ((tag.tag, True) for tag in route.tags)
    # A client chooses what the filters of a colouring see.
    yield from ((name, True) for name in dict.fromkeys(a.tag for t in route.transforms for a in t.actions if a.tag))


def input_headers(route: Route) -> dict[Parameter, str]:
    """Request parameter that a colouring looks at -> the header between our filters that holds it."""
    parameters = dict.fromkeys(parameter for rules in route.transforms for parameter, _ in rules.filters)
    return {parameter: f"{INPUT}-{number}" for number, parameter in enumerate(parameters)}


def bucket_headers(route: Route) -> dict[str, tuple[str, bool]]:
    """Salt of each weighted choice -> the header that holds its bucket, and whether it is the user's own.

    Canaries first, so that the same ones have the same headers on every route.
    """
    choices = {
        **{rule.salt: rule.sticky for rule in route.canary},
        **{rules.plugin: False for rules in route.transforms},
    }
    return {salt: (f"{BUCKET}-{number}", sticky) for number, (salt, sticky) in enumerate(choices.items())}


def plain_headers(route: Route) -> dict[str, str]:
    """Tag that an expression of a canary looks at -> the header between our filters that holds it unencoded."""
    looked_at = dict.fromkeys(
        tag for rule in route.canary for tag, condition in rule.when if condition.operator == "REGEX"
    )
    return {tag: f"{PLAIN}-{number}" for number, tag in enumerate(looked_at)}


def _parameter(route: Route, parameter: Parameter) -> Json:
    if parameter.position != "path":
        return {"position": parameter.position, "name": parameter.name}
    segments: list[str] = []
    for part in (route.prefix.rstrip("/") + parameter.name)[1:].split("/"):
        if part.startswith("{"):
            segments.append("?" if "!" in segments else "!")
        else:
            segments.append("*" if part == "*" else f"={part}")
    return {"position": "path", "name": "", "template": segments}


def _filter(name: str) -> Json:
    # A canary's route asks for another choice itself; for any other the default, a new one on every header that is
    # written, would only be slow.
    script = {"default_source_code": {"inline_string": _script()}, "clear_route_cache": False}
    return {"name": name, "disabled": True, "typed_config": typed(f"{_PACKAGE}.Lua", script)}


def _name_of(data: Json) -> str:
    return hashlib.sha256(msgspec.json.encode(data)).hexdigest()[:16]


@cache
def _script() -> str:
    return (files("menshen.envoy") / "tags.lua").read_text(encoding="utf-8")
