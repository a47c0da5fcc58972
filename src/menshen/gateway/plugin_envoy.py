"""The Envoy part of a plugin type, checked: which filters there may be, and what may stand in their messages.

The type is code that the operator has installed and trusts. What it makes of parameters is not: they come from a
document. So a message holds data only; nothing in it is run, expanded or read from a file (attack class 49), and no
filter of the list can choose a route, read a credential or answer for the gateway's guards.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from menshen.config.custom_types import NotCompiled
from menshen.gateway.plugins import EnvoyMessage

__all__ = ["FILTERS", "filter_message", "route_message"]

_PACKAGE: Final = "envoy.extensions.filters.http."
_BANDWIDTH: Final = f"{_PACKAGE}bandwidth_limit.v3.BandwidthLimit"
_CSRF: Final = f"{_PACKAGE}csrf.v3.CsrfPolicy"
_MUTATION: Final = f"{_PACKAGE}header_mutation.v3.HeaderMutation"

FILTERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        _BANDWIDTH: _BANDWIDTH,
        _CSRF: _CSRF,
        _MUTATION: f"{_MUTATION}PerRoute",
    }
)
"""Message of a filter -> message of its settings on a route. Each was tried behind the brain: ``Buffer``, which lowers
a limit that is in use there, leaves large requests hanging."""

_FIELDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        _BANDWIDTH: ("stat_prefix", "enable_mode", "limit_kbps", "fill_interval", "runtime_enabled"),
        _CSRF: ("filter_enabled", "shadow_enabled", "additional_origins"),
        _MUTATION: ("mutations",),
        f"{_MUTATION}PerRoute": ("mutations",),
    }
)

_DEEPEST, _MOST = 16, 1000
_KEY = re.compile(r"[a-z][a-z0-9_]*")
_ACTIONS = ("OVERWRITE_IF_EXISTS_OR_ADD", "ADD_IF_ABSENT", "OVERWRITE_IF_EXISTS")


def filter_message(message: object, headers: tuple[str, ...], response_headers: tuple[str, ...]) -> dict[str, Any]:
    """The filter as JSON with its ``@type``. ``headers`` may be set on requests, ``response_headers`` on answers.

    Raises ``NotCompiled``.
    """
    if not isinstance(message, EnvoyMessage) or message.type not in FILTERS:
        raise NotCompiled(f"envoy_filter is no EnvoyMessage of these: {', '.join(FILTERS)}")
    return _checked(message, headers, response_headers)


def route_message(
    message: object, of: str, headers: tuple[str, ...], response_headers: tuple[str, ...]
) -> dict[str, Any] | None:
    """Its settings on a route, for the filter with the message ``of``; None for a route without it. Raises as above."""
    if message is None:
        return None
    if not isinstance(message, EnvoyMessage) or message.type != FILTERS[of]:
        raise NotCompiled(f"envoy() answered something else than an EnvoyMessage {FILTERS[of]}")
    return _checked(message, headers, response_headers)


def _checked(message: EnvoyMessage, headers: tuple[str, ...], response_headers: tuple[str, ...]) -> dict[str, Any]:
    fields = _Copy().mapping(message.fields, 0)
    _only(fields, _FIELDS[message.type])
    if message.type in (_MUTATION, FILTERS[_MUTATION]):
        mutations = _mapping(fields.get("mutations", {}))
        _only(mutations, ("request_mutations", "response_mutations"))
        for name, allowed in (("request_mutations", headers), ("response_mutations", response_headers)):
            for header in _mutated(mutations.get(name, [])):
                if header not in allowed:
                    raise NotCompiled(f"{name} names a header that the type does not declare")
    return {"@type": f"type.googleapis.com/{message.type}", **fields}


class _Copy:
    """A copy of a message's fields that is JSON, nothing of the plugin's own."""

    def __init__(self) -> None:
        self._left = _MOST

    def mapping(self, value: object, depth: int) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise NotCompiled("the fields of a message are no mapping")
        copy = {}
        for key, item in value.items():
            # An "@type" would bring an extension in, and extensions run code.
            if not isinstance(key, str) or not _KEY.fullmatch(key):
                raise NotCompiled("a field has a name that is none of a message's")
            copy[str(key)] = self._value(item, depth + 1)
        return copy

    def _value(self, value: object, depth: int) -> Any:
        self._left -= 1
        if depth > _DEEPEST or self._left < 0:
            raise NotCompiled("the message is too large")
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int) and -(2**63) <= value < 2**63:
            return int(value)
        if isinstance(value, float) and math.isfinite(value):
            return float(value)
        if isinstance(value, str):
            return _text(value)
        if isinstance(value, list | tuple):
            return [self._value(item, depth + 1) for item in value]
        return self.mapping(value, depth)


def _text(value: str) -> str:
    if "%" in value.replace("%%", ""):
        raise NotCompiled("a text has a format operator in it; a % is written %%")
    if not value.isprintable():
        raise NotCompiled("a text has characters that are not printable")
    return str(value)


def _mutated(items: object) -> Iterator[str]:
    """The headers that mutations write or remove, lower-case."""
    for item in items if isinstance(items, list) else [items]:
        mutation = _mapping(item)
        _only(mutation, ("append", "remove"))
        if "remove" in mutation:
            yield str(mutation["remove"]).lower()
        if "append" in mutation:
            append = _mapping(mutation["append"])
            _only(append, ("header", "append_action", "keep_empty_value"))
            # What is appended to a value that a guard has set would change that value's meaning.
            if append.get("append_action") not in _ACTIONS:
                raise NotCompiled(f"append_action is none of {', '.join(_ACTIONS)}")
            header = _mapping(append.get("header"))
            _only(header, ("key", "value"))
            yield str(header.get("key")).lower()


def _mapping(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise NotCompiled("a message has something else where a mapping must be")
    return value


def _only(fields: Mapping[str, Any], known: tuple[str, ...]) -> None:
    if not set(fields) <= set(known):
        raise NotCompiled(f"a message has other fields than {', '.join(known)}")
