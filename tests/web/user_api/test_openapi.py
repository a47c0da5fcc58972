"""The document says what is served, all of it, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from menshen.config.own_paths import OWN_PATHS
from menshen.errors import (
    AddressRefused,
    CheckerUnavailable,
    ConcurrencyLimit,
    OriginRefused,
    PathBlocked,
    PluginFailed,
    PluginRefused,
    RateLimit,
    SignatureReplayed,
    TokenExpired,
    TokenInvalid,
    TokenMissing,
    TokenRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
    refusals,
)
from menshen.web.user_api.call import plugins_of
from menshen.web.user_api.openapi import carriers_of, described
from menshen.web.user_api.table import Served, endpoints
from tests.web.user_api.asking import SNAPSHOT

TABLE = endpoints(Served(*[None] * len(Served.__dataclass_fields__)))  # type: ignore[arg-type]
CARRIERS = carriers_of(plugins_of(SNAPSHOT))
DOCUMENT: Any = msgspec.json.decode(msgspec.json.encode(described(TABLE, "/v1", CARRIERS)))

NEVER = {
    *(UpstreamUnavailable.reason, UpstreamTimeout.reason),
    *(AddressRefused.reason, OriginRefused.reason, PathBlocked.reason, RateLimit.reason, ConcurrencyLimit.reason),
    *(TokenMissing.reason, TokenInvalid.reason, TokenExpired.reason, TokenRefused.reason, CheckerUnavailable.reason),
    SignatureReplayed.reason,
    *(PluginRefused.reason, PluginFailed.reason),
}
"""What no call of the API meets: backends, and plugins, which are bound to published APIs."""


AUTHING_WITH_A_TOKEN = ("authing/graphql/v2", "authing/api/v2/logout", "authing/api/v2/upload")


def operations() -> Iterator[tuple[str, str, Any]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def reasons(operation: Any) -> Iterator[tuple[str, str]]:
    """Status and reason of each refusal, however its client reads it."""
    for status, response in operation["responses"].items():
        if status != "200":
            schema = response["content"]["application/json"]["schema"]
            told = [set(enums(each["allOf"][1])) for each in schema.get("anyOf", [schema])]
            assert all(each == told[0] for each in told)
            yield from ((status, reason) for reason in told[0])


def enums(schema: Any) -> Iterator[str]:
    """The values that end the one way through this schema."""
    if "enum" in schema:
        yield from schema["enum"]
    for inner in [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]:
        yield from enums(inner)


def test_envoy_routes_what_is_served_and_nothing_else() -> None:
    served = [(endpoint.path, endpoint.method) for endpoint in TABLE]
    assert sorted(served) == sorted((path, method) for path, methods in OWN_PATHS.items() for method in methods)
    assert len(set(served)) == len(served)


def test_every_endpoint_is_documented() -> None:
    told = {(path.lstrip("/").removesuffix("{name}"), method.upper()) for path, method, _ in operations()}
    assert told == {(path, method) for path, methods in OWN_PATHS.items() for method in methods}


def test_every_refusal_is_documented_somewhere() -> None:
    told = {reason for _, _, operation in operations() for _, reason in reasons(operation)}
    assert {refusal.reason for refusal in refusals()} - told == NEVER


def test_each_refusal_is_at_its_status() -> None:
    statuses = {refusal.reason: str(refusal.status) for refusal in refusals()}
    for path, method, operation in operations():
        for status, reason in reasons(operation):
            assert statuses[reason] == status, (path, method, reason)


def test_a_call_that_needs_a_login_state_says_so() -> None:
    schemes = {"header_user_session", "query_user_session", "cookie_user_session"}
    assert set(DOCUMENT["components"]["securitySchemes"]) == {*schemes, "authing_token"}
    for endpoint in TABLE:
        path = f"/{endpoint.path}{{name}}" if endpoint.path.endswith("/") else f"/{endpoint.path}"
        operation = DOCUMENT["paths"][path][endpoint.method.lower()]
        needs = endpoint.path.startswith("me") or endpoint.path in ("logout", "sessions", *AUTHING_WITH_A_TOKEN)
        assert needs == (endpoint.needs != "nothing") == ("security" in operation)
        assert needs == ("session_missing" in [reason for _, reason in reasons(operation)])
        if needs:
            ways = {"authing_token"} if endpoint.path in AUTHING_WITH_A_TOKEN else schemes
            assert {name for choice in operation["security"] for name in choice} == ways


def test_every_reference_leads_somewhere_and_every_schema_is_used() -> None:
    found: set[str] = set()

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if "$ref" in value:
                found.add(value["$ref"].removeprefix("#/components/schemas/"))
            for item in value.values():
                walk(item)
        elif isinstance(value, list):
            for item in value:
                walk(item)

    walk(DOCUMENT)
    assert found == set(DOCUMENT["components"]["schemas"])


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(names)) == len(names)
    assert all(name.replace("_", "").isalnum() for name in names)


def test_bodies_take_no_unknown_fields_and_say_how_long_they_may_be() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    bodies = {each.body.__name__ for each in TABLE if isinstance(each.body, type)}
    assert bodies
    for name in bodies:
        assert schemas[name]["additionalProperties"] is False, name
        for field, schema in schemas[name]["properties"].items():
            if schema.get("type") == "string":
                assert "maxLength" in schema or "enum" in schema, (name, field)


@pytest.mark.parametrize("name", ["password", "new_password", "sms_code"])
def test_secrets_are_called_secret(name: str) -> None:
    schemas = DOCUMENT["components"]["schemas"].values()
    fields = [schema["properties"][name] for schema in schemas if name in schema.get("properties", {})]
    assert fields
    assert all(field["format"] == "password" for field in fields)
