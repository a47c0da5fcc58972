"""Credentials stop here: codes, passwords, login states and refresh tokens never reach a backend (attack class 10).

Headers go with ``request_headers_to_remove``, which the router applies after the brain has read them. A query parameter
needs a filter of its own behind the authorization filter; it knows percent-encoded spellings of the name as well. A
cookie is rewritten by the brain, which alone knows the other cookies of the request.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Final

from menshen.envoy.typed import Json, typed

__all__ = ["CREDENTIALS", "credentials_filter", "without_query"]

CREDENTIALS: Final = "menshen.credentials"
_PACKAGE: Final = "envoy.extensions.filters.http.lua.v3"


def credentials_filter() -> Json:
    script = {"default_source_code": {"inline_string": _script()}, "clear_route_cache": False}
    return {"name": CREDENTIALS, "disabled": True, "typed_config": typed(f"{_PACKAGE}.Lua", script)}


def without_query(names: Iterable[str]) -> Json:
    """Per-route settings, which also turn the filter on: these query parameters do not reach the backend."""
    return typed(f"{_PACKAGE}.LuaPerRoute", {"filter_context": dict.fromkeys(names, True)})


@cache
def _script() -> str:
    return (files("menshen.envoy") / "credentials.lua").read_text(encoding="utf-8")
