"""Messages for Envoy that plugin types make: data only, of filters that can open nothing (attack class 49)."""

from __future__ import annotations

from typing import Any

import pytest

from menshen.config.custom_types import NotCompiled
from menshen.gateway.plugin_envoy import FILTERS, filter_message, route_message
from menshen.gateway.plugins import EnvoyMessage

PACKAGE = "envoy.extensions.filters.http"
MUTATION = f"{PACKAGE}.header_mutation.v3.HeaderMutation"
CSRF = f"{PACKAGE}.csrf.v3.CsrfPolicy"
DECLARED = (("x-own",), ("x-note",))


def appended(key: str, value: str = "v", **more: Any) -> dict[str, Any]:
    return {"append": {"header": {"key": key, "value": value}, "append_action": "ADD_IF_ABSENT", **more}}


def mutated(**mutations: Any) -> dict[str, Any] | None:
    return route_message(EnvoyMessage(f"{MUTATION}PerRoute", {"mutations": mutations}), MUTATION, *DECLARED)


@pytest.mark.parametrize(
    "kind",
    [
        *("lua.v3.Lua", "wasm.v3.Wasm", "golang.v3alpha.Config", "dynamic_modules.v3.DynamicModuleFilter"),
        *("ext_proc.v3.ExternalProcessor", "ext_authz.v3.ExtAuthz", "router.v3.Router", "composite.v3.Composite"),
        *("rbac.v3.RBAC", "set_filter_state.v3.Config", "jwt_authn.v3.JwtAuthentication", "oauth2.v3.OAuth2"),
        "buffer.v3.Buffer",
    ],
)
def test_class_49_a_filter_that_runs_code_or_judges_is_none(kind: str) -> None:
    with pytest.raises(NotCompiled):
        filter_message(EnvoyMessage(f"{PACKAGE}.{kind}"), *DECLARED)
    with pytest.raises(NotCompiled):
        route_message(EnvoyMessage(f"{PACKAGE}.{kind}PerRoute"), CSRF, *DECLARED)


@pytest.mark.parametrize("kind", FILTERS)
def test_a_filter_of_the_list_is_a_message_of_its_type(kind: str) -> None:
    assert filter_message(EnvoyMessage(kind), *DECLARED) == {"@type": f"type.googleapis.com/{kind}"}
    other = next(each for each in FILTERS if each != kind)
    with pytest.raises(NotCompiled):
        route_message(EnvoyMessage(FILTERS[other]), kind, *DECLARED)


def test_a_route_may_be_without() -> None:
    assert route_message(None, CSRF, *DECLARED) is None


def test_fields_are_copied() -> None:
    inner: dict[str, Any] = {"additional_origins": (1, 2.5, True, None, "text")}
    message = filter_message(EnvoyMessage(CSRF, inner), *DECLARED)
    inner["additional_origins"] = "changed"
    assert message["additional_origins"] == [1, 2.5, True, None, "text"]


@pytest.mark.parametrize(
    "value",
    [
        *("%ENVIRONMENT(HOME)%", "%REQ(cookie)%", "100%", "%%%", "a\r\nb", "a\x00b", "\ud800"),
        *(float("nan"), float("inf"), 2**63, b"bytes", {1, 2}, object(), EnvoyMessage(CSRF)),
        {"@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua"},
        {"typed_config": {"@type": "x", "inline_code": "os.exit()"}},
        {"camelCase": 1},
        {1: 1},
    ],
    ids=repr,
)
def test_class_49_a_message_holds_data_alone(value: Any) -> None:
    for fields in ({"filter_enabled": value}, {"additional_origins": [{"exact": value}]}):
        with pytest.raises(NotCompiled) as failed:
            filter_message(EnvoyMessage(CSRF, fields), *DECLARED)
        assert "HOME" not in str(failed.value)


def test_a_message_has_a_size() -> None:
    endless: dict[str, Any] = {}
    endless["filter_enabled"] = endless
    for fields in (endless, {"additional_origins": list(range(1001))}, []):
        with pytest.raises(NotCompiled):
            filter_message(EnvoyMessage(CSRF, fields), *DECLARED)  # type: ignore[arg-type]


def test_headers_that_are_declared_can_be_written_and_removed() -> None:
    both = {
        "request_mutations": [appended("x-own", "a %% b"), {"remove": "X-Own"}],
        "response_mutations": [appended("X-Note", keep_empty_value=True)],
    }
    assert mutated(**both) == {"@type": f"type.googleapis.com/{MUTATION}PerRoute", "mutations": both}


@pytest.mark.parametrize(
    "mutations",
    [
        {"request_mutations": [appended("x-menshen-user")]},
        {"request_mutations": [appended("x-note")]},
        {"request_mutations": [appended(":path")]},
        {"request_mutations": [{"remove": "x-menshen-user"}]},
        {"request_mutations": [{"remove_on_match": {"key_matcher": {"prefix": "x-"}}}]},
        {"request_mutations": appended("x-menshen-user")},
        {"request_mutations": ["x-own"]},
        {"request_mutations": [{"append": "x-own"}]},
        {"request_mutations": [{"append": {"append_action": "ADD_IF_ABSENT"}}]},
        {"request_mutations": [appended("x-own", append_action="APPEND_IF_EXISTS_OR_ADD")]},
        {"request_mutations": [{"append": {"header": {"key": "x-own", "value": "v"}}}]},
        {"request_mutations": [appended("x-own", header={"key": "x-own", "raw_value": "djo="})]},
        {"response_mutations": [appended("set-cookie")]},
        {"response_mutations": [appended("x-own")]},
        {"query_parameter_mutations": [{"append": {"record": {"key": "a", "value": "b"}}}]},
        {"request_trailers_mutations": [appended("x-own")]},
        {"response_trailers_mutations": [appended("x-note")]},
    ],
)
def test_class_53_no_other_header_can(mutations: dict[str, Any]) -> None:
    with pytest.raises(NotCompiled):
        mutated(**mutations)
    with pytest.raises(NotCompiled):
        filter_message(EnvoyMessage(MUTATION, {"mutations": mutations}), *DECLARED)


@pytest.mark.parametrize("kind", FILTERS)
def test_a_field_that_is_none_of_the_messages_is_refused(kind: str) -> None:
    with pytest.raises(NotCompiled, match="other fields than"):
        route_message(EnvoyMessage(FILTERS[kind], {"no_such_field": 1}), kind, *DECLARED)


@pytest.mark.parametrize("fields", [{"most_specific_header_mutations_wins": True}, {"mutations": []}])
def test_a_mutation_has_nothing_else(fields: dict[str, Any]) -> None:
    with pytest.raises(NotCompiled):
        filter_message(EnvoyMessage(MUTATION, fields), *DECLARED)
