"""OpenAPI 3.1 of the admin API, made from the table that calls are dispatched by: it cannot say anything else."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from menshen import __version__
from menshen.secret import Secret
from menshen.web.admin_api.endpoint import Call, Endpoint

__all__ = ["described", "with_openapi"]

Json = dict[str, Any]

_REF: Final = "#/components/schemas/{name}"

_REFUSED: Final[Json] = {
    "type": "object",
    "description": "What every refusal looks like.",
    "properties": {
        "message": {"type": "string"},
        "problems": {
            "type": "array",
            "description": "What is wrong with a document, each with the path of the key.",
            "items": {
                "type": "object",
                "properties": {
                    "path": {"type": "string", "description": "In the document."},
                    "at": {"type": "string", "description": "In the part that was sent, where it is in there."},
                    "message": {"type": "string"},
                    "message_zh": {"type": "string"},
                },
                "required": ["path", "message", "message_zh"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["message"],
    "additionalProperties": False,
}

_WHY: Final[Mapping[int, str]] = {
    304: "Nothing has changed.",
    400: "The call is not well-formed, or asks for what cannot be.",
    401: "No token, or one that is nobody's.",
    403: "The token has not the scope that this needs.",
    404: "There is no such thing.",
    409: "It is there already, or is not in the state that this needs.",
    412: "The document has changed since: read it again.",
    413: "The body is too large.",
    422: "The document would not be valid; `problems` says where.",
    428: "`If-Match` is missing.",
    429: "Too often; `Retry-After` says for how long.",
    502: "The platform refused, or answered nonsense.",
    503: "The database, or the platform, is not available.",
    504: "The platform did not answer in time.",
}


def with_openapi(endpoints: Sequence[Endpoint]) -> list[Endpoint]:
    """The table with ``GET /v1/openapi.json`` behind it, which describes it."""
    document = described(endpoints)

    async def openapi(_: Call) -> Json:
        return document

    summary = "This API as an OpenAPI document"
    return [*endpoints, Endpoint("GET", "/v1/openapi.json", summary, None, openapi, answer={"type": "object"})]


def described(endpoints: Sequence[Endpoint]) -> Json:
    """The document."""
    said = [kind for each in endpoints for kind in (each.body, each.answer, each.body_schema)]
    kinds = [kind for kind in said if not isinstance(kind, Mapping | None)]
    schemas, components = msgspec.json.schema_components(kinds, schema_hook=_hook, ref_template=_REF)
    by_kind = {_key(kind): schema for kind, schema in zip(kinds, schemas, strict=True)}
    for kind in said:
        if isinstance(kind, Mapping):
            components |= kind.get("$defs", {})
    for schema in components.values():
        if "description" in schema:
            schema["description"] = _prose(schema["description"])
    paths: dict[str, Json] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, by_kind)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Menshen admin API",
            "version": __version__,
            "description": "What operators and their programs ask a node. Bodies are JSON; so is every refusal.",
        },
        "paths": paths,
        "components": {
            "schemas": {**components, "Refused": _REFUSED},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(endpoint: Endpoint, schemas: Mapping[str, Json]) -> Json:
    operation: Json = {
        "operationId": f"{endpoint.method.lower()}_{re.sub('[^a-z0-9]+', '_', endpoint.path.lower()).strip('_')}",
        "summary": endpoint.summary,
        "parameters": [
            *_path_parameters(endpoint.path),
            *_query_parameters(endpoint.query),
            *_header_parameters(endpoint.headers),
        ],
        "responses": {
            str(endpoint.status): {
                "description": "Done.",
                "content": {
                    "application/json": {"schema": _schema(endpoint.answer, schemas)},
                    **{media: {"schema": {"type": "string"}} for media in endpoint.media},
                },
            },
            **{str(status): _refusal(status) for status in sorted({*_any_call(endpoint), *endpoint.refuses})},
        },
    }
    if endpoint.asks_who:
        operation["security"] = [{"bearer": []}]
    if endpoint.needs is not None:
        operation["description"] = f"Needs the scope `{endpoint.needs}`."
    if endpoint.body is not None:
        content = {"application/json": {"schema": _schema(endpoint.body_schema or endpoint.body, schemas)}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _any_call(endpoint: Endpoint) -> Iterable[int]:
    yield from (400, 413, 503)
    if endpoint.asks_who:
        yield 401
    if endpoint.needs is not None:
        yield 403


def _refusal(status: int) -> Json:
    if status == 304:
        return {"description": _WHY[status]}
    return {
        "description": _WHY[status],
        "content": {"application/json": {"schema": {"$ref": _REF.format(name="Refused")}}},
    }


def _path_parameters(path: str) -> Iterable[Json]:
    for name in re.findall(r"{(\w+)(?::\w+)?}", path):
        schema = {"type": "string", "minLength": 1, "maxLength": 200}
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameters(query: type[msgspec.Struct] | None) -> Iterable[Json]:
    if query is None:
        return
    for field in msgspec.structs.fields(query):
        schema = msgspec.json.schema(field.type)
        if "anyOf" in schema:  # null stands for a parameter that is left out
            (schema,) = (each for each in schema["anyOf"] if each != {"type": "null"})
        yield {"name": field.encode_name, "in": "query", "required": field.required, "schema": schema}


def _header_parameters(headers: Mapping[str, str]) -> Iterable[Json]:
    """None is required, so that what comes of leaving it out is an answer like another."""
    for name, meaning in headers.items():
        yield {"name": name, "in": "header", "required": False, "description": meaning, "schema": {"type": "string"}}


def _schema(kind: Any, schemas: Mapping[str, Json]) -> Json:
    if isinstance(kind, Mapping):
        return {key: value for key, value in kind.items() if key != "$defs"}
    return schemas[_key(kind)]


def _key(kind: Any) -> str:
    return repr(kind)


def _hook(kind: type) -> Json:
    if kind is Secret:
        return {"type": "string", "format": "password", "writeOnly": True}
    raise NotImplementedError


def _prose(docstring: str) -> str:
    return inspect.cleandoc(docstring).replace("``", "`")
