"""The few shapes that every Envoy resource is made of: typed extensions, durations, header edits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = [
    "Json",
    "exact",
    "method_is",
    "removed",
    "seconds",
    "socket_address",
    "typed",
    "written",
    "written_if_missing",
]

Json = dict[str, Any]


def typed(type_name: str, fields: Json | None = None) -> Json:
    """A ``google.protobuf.Any`` of the given message."""
    return {"@type": f"type.googleapis.com/{type_name}", **(fields or {})}


def seconds(value: float) -> str:
    """A protobuf duration; never in exponent form, which protobuf does not read."""
    return f"{value:.3f}".rstrip("0").rstrip(".") + "s"


def socket_address(host: str, port: int) -> Json:
    return {"socket_address": {"address": host, "port_value": port}}


def written(name: str, value: str, *, keep_empty: bool = False) -> Json:
    """Set a header, whatever was there before. Without ``keep_empty`` an empty value would leave it unset."""
    option: Json = {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
    return {**option, "keep_empty_value": True} if keep_empty else option


def written_if_missing(name: str, value: str) -> Json:
    """Set a header, also to "", where the request has none of that name."""
    return {
        "header": {"key": name, "value": value},
        "append_action": "ADD_IF_ABSENT",
        "keep_empty_value": True,
    }


def removed(pattern: str) -> Json:
    """Remove every header whose whole name matches the regular expression."""
    return {"remove_on_match": {"key_matcher": {"safe_regex": {"regex": pattern}}}}


def exact(names: Iterable[str]) -> Json:
    """A list matcher of header names, sorted so that equal sets give equal bytes."""
    return {"patterns": [{"exact": name, "ignore_case": True} for name in sorted(set(names))]}


def method_is(methods: Iterable[str]) -> Json:
    """A condition of a route: one of these methods."""
    allowed = sorted(set(methods))
    value = {"exact": allowed[0]} if len(allowed) == 1 else {"safe_regex": {"regex": "|".join(allowed)}}
    return {"name": ":method", "string_match": value}
