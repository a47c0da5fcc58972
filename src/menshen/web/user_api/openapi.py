"""OpenAPI 3.1 of the user API, made from the table that calls are dispatched by: it cannot say anything else."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from menshen import __version__
from menshen.config.snapshot import LoginPlugin
from menshen.errors import (
    AmbiguousCredential,
    BodyMalformed,
    BodyTooLarge,
    BrainUnavailable,
    CallMalformed,
    ClientSentSecret,
    InternalFault,
    MalformedRequest,
    MethodNotAllowed,
    Overloaded,
    Refusal,
    RouteStale,
    SessionExpired,
    SessionInvalid,
    SessionMissing,
    SessionRevoked,
)
from menshen.gateway.wire import HEADER_CODE
from menshen.platforms.wechat_push import SIGNED
from menshen.secret import Secret
from menshen.users.images import EXTENSIONS
from menshen.web.user_api.endpoint import OWN_WIRE, Endpoint, Wire
from menshen.web.user_api.given import Given

__all__ = ["ANY_CALL", "ANY_STATE", "Carrier", "carriers_of", "described"]

Json = dict[str, Any]

Carrier = tuple[str, str]
"""Where a plugin's login state travels in requests: ``header``, ``query`` or ``cookie``, and its name there."""

ANY_CALL: Final = (
    AmbiguousCredential,
    BodyMalformed,
    BodyTooLarge,
    CallMalformed,
    ClientSentSecret,
    MalformedRequest,
    MethodNotAllowed,
    Overloaded,
    RouteStale,
    BrainUnavailable,
    InternalFault,
)
"""What any call can meet, whichever endpoint it is for."""

ANY_STATE: Final = (SessionMissing, SessionInvalid, SessionExpired, SessionRevoked)
"""What becomes of a login state that is not good."""


def carriers_of(plugins: Iterable[LoginPlugin]) -> tuple[Carrier, ...]:
    """Each once, in order."""
    return tuple(sorted({(plugin.session.request_in, plugin.session.name) for plugin in plugins}))


def described(endpoints: Sequence[Endpoint], base: str, carriers: Sequence[Carrier]) -> Json:
    """The document. ``base`` is the API's path at every host of the gateway."""
    structs = [kind for each in endpoints for kind in (each.body, each.answer) if isinstance(kind, type)]
    _, schemas = msgspec.json.schema_components(structs, schema_hook=_hook, ref_template="#/components/schemas/{name}")
    schemas[Given.__name__] = {
        **schemas[Given.__name__],
        "additionalProperties": {
            "type": "string",
            "description": "The login state, in the field that the plugin's session.name says.",
        },
    }
    for schema in schemas.values():
        schema["description"] = _prose(schema.get("description", ""))
    wires = [OWN_WIRE, *(each.wire for each in endpoints)]
    paths: dict[str, Json] = {}
    for endpoint in endpoints:
        template = f"/{endpoint.path}{{name}}" if endpoint.path.endswith("/") else f"/{endpoint.path}"
        paths.setdefault(template, {})[endpoint.method.lower()] = _operation(endpoint, carriers)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Menshen user API",
            "version": __version__,
            "description": "What mini programs ask the gateway itself. Bodies are JSON; so is every refusal.",
        },
        "servers": [{"url": base}],
        "paths": paths,
        "components": {
            "schemas": {**schemas, **dict(wire.shape for wire in wires)},
            "securitySchemes": {
                **{_scheme(carrier): {"type": "apiKey", "in": carrier[0], "name": carrier[1]} for carrier in carriers},
                **dict(wire.scheme for wire in wires if wire.scheme is not None),
            },
        },
    }


def _operation(endpoint: Endpoint, carriers: Sequence[Carrier]) -> Json:
    operation: Json = {
        "operationId": f"{endpoint.method.lower()}_{endpoint.path.strip('/').translate(_UNDERSCORED)}",
        "summary": endpoint.summary,
        "responses": {"200": _answer(endpoint), **_refusals(endpoint)},
    }
    if endpoint.path.endswith("/"):
        operation["parameters"] = [{"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}]
    elif endpoint.wire.headers:
        operation["parameters"] = [
            {"name": name, "in": "header", "schema": {"type": "string"}} for name in endpoint.wire.headers
        ]
    if endpoint.needs != "nothing":
        scheme = endpoint.wire.scheme
        operation["security"] = [{scheme[0]: []}] if scheme else [{_scheme(carrier): []} for carrier in carriers]
    if endpoint.body == "upload":
        operation["requestBody"] = {"required": True, "content": _image_or_form()}
    elif endpoint.body == "xml":
        operation["requestBody"] = {"required": True, "content": {"text/xml": {"schema": {"type": "string"}}}}
        operation["parameters"] += [
            {"name": name, "in": "query", "required": True, "schema": {"type": "string"}} for name in SIGNED
        ]
    elif endpoint.body is not None:
        operation["requestBody"] = {"content": {"application/json": {"schema": _ref(endpoint.body.__name__)}}}
    return operation


_UNDERSCORED: Final = str.maketrans("/.-", "___")


def _answer(endpoint: Endpoint) -> Json:
    if endpoint.answer is not None:
        content = {"application/json": {"schema": _ref(endpoint.answer.__name__)}}
        return {"description": _prose(endpoint.answer.__doc__ or ""), "content": content}
    if endpoint.body == "xml":
        return {"description": "Taken.", "content": {"text/plain": {"schema": {"const": "success"}}}}
    if endpoint.path.endswith("/"):
        return {"description": "The image.", "content": {media: {} for media in EXTENSIONS}}
    return {"description": "The document.", "content": {"application/json": {"schema": {"type": "object"}}}}


def _refusals(endpoint: Endpoint) -> Mapping[str, Json]:
    """By status, each with the reasons that it can have."""
    found: dict[int, set[type[Refusal]]] = {}
    of_state = ANY_STATE if endpoint.needs != "nothing" else ()
    for refusal in (*ANY_CALL, *of_state, *endpoint.refuses):
        found.setdefault(refusal.status, set()).add(refusal)
    return {str(status): _refused(refusals, endpoint.wire) for status, refusals in sorted(found.items())}


def _refused(refusals: Iterable[type[Refusal]], wire: Wire) -> Json:
    ordered = sorted(refusals, key=lambda refusal: (refusal.code, refusal.reason))
    reasons = {"enum": [refusal.reason for refusal in ordered]}
    lines = [f"- `{refusal.reason}` ({refusal.code}): {refusal.message}" for refusal in ordered]
    # What Envoy refuses by itself looks the same at every path.
    looks = [
        {"allOf": [_ref(each.shape[0]), _within(each.reason, reasons)]}
        for each in (wire, *([OWN_WIRE] if wire is not OWN_WIRE else []))
    ]
    return {
        "description": "\n".join(lines),
        "headers": {HEADER_CODE: {"schema": {"type": "integer"}}},
        "content": {"application/json": {"schema": looks[0] if len(looks) == 1 else {"anyOf": looks}}},
    }


def _within(way: Sequence[str], schema: Json) -> Json:
    """The schema of what has this at the end of the way."""
    if not way:
        return schema
    inner = _within(way[1:], schema)
    return {"items": inner} if way[0] == "[]" else {"properties": {way[0]: inner}}


def _image_or_form() -> Json:
    file = {"type": "string", "contentMediaType": "application/octet-stream"}
    form = {"type": "object", "properties": {"file": file}, "required": ["file"]}
    return {**{media: {} for media in EXTENSIONS}, "multipart/form-data": {"schema": form}}


def _scheme(carrier: Carrier) -> str:
    return "_".join(carrier)


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _hook(kind: type) -> Json:
    if kind is Secret:
        return {"type": "string", "format": "password", "maxLength": 1024}
    raise NotImplementedError


def _prose(docstring: str) -> str:
    return inspect.cleandoc(docstring).replace("``", "`")
