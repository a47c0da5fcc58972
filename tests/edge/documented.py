"""Calls of the user API whose every answer is held against the gateway's own OpenAPI document."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any

from tests.edge import people
from tests.edge.conftest import Stack
from tests.edge.processes import LATE, Client, Reply

__all__ = ["REVOKED", "api", "document", "hold", "revoked_soon"]

REVOKED = (401, 4024, "session_revoked")


@lru_cache
def _document(origin: str) -> Any:
    reply = Client(origin)("/v1/openapi.json")
    assert reply.status == 200, reply.raw
    return reply.json


def document(stack: Stack) -> Any:
    return _document(stack.gateway.origin)


def api(stack: Stack, path: str, body: Any = None, state: str = "", method: str = "") -> Reply:
    """As :func:`people.api`."""
    reply = people.api(stack, path, body, state, method)
    hold(stack, method or ("GET" if body is None else "POST"), path, reply)
    return reply


def revoked_soon(stack: Stack, state: str) -> None:
    """Whoever is asked knows within a second that this session is over."""
    promised = time.monotonic() + 1
    while (reply := api(stack, "me", None, state)).status == 200 or reply.refusal != REVOKED:
        assert time.monotonic() < promised + LATE, reply.raw
        time.sleep(0.01)
    time.sleep(max(0.0, promised - time.monotonic()))
    while any(api(stack, "me", None, state).status == 200 for _ in range(4)):
        assert time.monotonic() < promised + LATE, "one of the workers lets it through"
    assert api(stack, "me", None, state).refusal == REVOKED


def hold(stack: Stack, method: str, path: str, reply: Reply) -> None:
    """Fail where the document does not say that this can be the answer."""
    told = document(stack)
    path = path.partition("?")[0]
    template = "/avatars/{name}" if path.startswith("avatars/") else f"/{path}"
    answer = told["paths"][template][method.lower()]["responses"].get(str(reply.status))
    assert answer is not None, f"{method} {path}: {reply.status} is not documented, {reply.raw!r}"
    media = reply.headers["content-type"].partition(";")[0]
    assert media in answer["content"], f"{method} {path}: {media}"
    if media == "application/json":
        _fits(told, answer["content"][media]["schema"], reply.json, f"{method} {path}")


def _fits(told: Any, schema: Any, value: Any, where: str) -> None:
    """As much of JSON Schema as the document uses."""
    if "$ref" in schema:
        schema = told["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    for part in schema.get("allOf", ()):
        _fits(told, part, value, where)
    if "enum" in schema:
        assert value in schema["enum"], f"{where}: {value!r}"
    kinds = {"string": str, "integer": int, "boolean": bool, "object": dict, "array": list}
    if "type" in schema:
        assert type(value) is kinds[schema["type"]], f"{where}: {value!r}"
    for name in schema.get("required", ()):
        assert name in value, f"{where}: no {name}"
    if isinstance(value, dict):
        rest = schema.get("additionalProperties", True)
        for name, item in value.items():
            known = schema.get("properties", {}).get(name, rest)
            assert known is not False, f"{where}: {name}"
            if isinstance(known, dict):
                _fits(told, known, item, f"{where} {name}")
    if isinstance(value, list):
        for item in value:
            _fits(told, schema["items"], item, where)
