"""What Envoy is told about routes whose guards the brain asks: bodies, upgrades, and how long it waits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from menshen.config.carried import carried
from menshen.config.reserved import KEY_PAIR_HEADERS
from menshen.config.route_rules import KeyPairRules, OAuthRules, TokenAt
from menshen.config.snapshot import Route
from menshen.envoy.api_routes import api_routes
from menshen.envoy.authorization import AUTHORIZATION, authorization_filter
from menshen.envoy.credentials import CREDENTIALS
from menshen.envoy.states import judged_alone
from menshen.envoy.strip import stripped_names
from menshen.gateway.wire import BODY_LIMIT
from tests.envoy.samples import BY_BODY, BY_HEADER, route, sample

SERVERS = KeyPairRules("servers", (), 300, 65_536, "x-menshen-caller")
MEMBERS = OAuthRules(
    *("members", "http://c.example.com/check", "POST", TokenAt("query", "access_token"), 20.0, "x-member")
)


def guarded(**changes: Any) -> Route:
    return replace(route("erp", "all", "/erp", None, access="required"), **changes)


def entry(guarded: Route) -> Any:
    snapshot = sample(routes=(guarded,))
    (made,) = api_routes(guarded, snapshot.upstreams[0], carried((guarded,)), None)
    return made


@pytest.mark.parametrize(("limit", "handed"), [(1024, BODY_LIMIT), (65_536, 65_536), (4_194_304, 4_194_304)])
def test_a_signed_body_is_handed_over_whole(limit: int, handed: int) -> None:
    made = entry(guarded(key_pair=replace(SERVERS, body_limit=limit)))
    settings = made["typed_per_filter_config"][AUTHORIZATION]["check_settings"]["with_request_body"]
    assert settings == {"max_request_bytes": handed + 1, "allow_partial_message": True}
    assert made["request_body_buffer_limit"] > handed + 1


def test_a_login_body_on_a_route_with_a_checker_is_as_long_as_elsewhere() -> None:
    made = entry(guarded(oauth=MEMBERS, login=BY_BODY))
    settings = made["typed_per_filter_config"][AUTHORIZATION]["check_settings"]["with_request_body"]
    assert settings["max_request_bytes"] == BODY_LIMIT + 1
    assert "request_body_buffer_limit" not in made


def test_no_body_is_handed_over_where_nobody_reads_one() -> None:
    assert AUTHORIZATION not in entry(guarded(oauth=MEMBERS))["typed_per_filter_config"]


def test_nothing_is_upgraded_where_bodies_are_signed() -> None:
    refused = [{"upgrade_type": "websocket", "enabled": False}]
    assert entry(guarded(key_pair=SERVERS))["route"]["upgrade_configs"] == refused
    assert "upgrade_configs" not in entry(guarded(oauth=MEMBERS))["route"]


def test_what_callers_send_to_guards_stops_here() -> None:
    made = entry(guarded(key_pair=SERVERS, oauth=MEMBERS))
    assert set(KEY_PAIR_HEADERS) <= set(made["request_headers_to_remove"])
    assert "access_token" in str(made["typed_per_filter_config"][CREDENTIALS])


def test_what_guards_tell_is_stripped_from_every_request() -> None:
    names = stripped_names(sample(routes=(guarded(oauth=MEMBERS, identity_headers=("x-member",)),)))
    assert "x[^a-z0-9]member" in names


def test_envoy_does_not_judge_alone_where_another_guard_is_to_be_asked() -> None:
    assert judged_alone(guarded(login=BY_HEADER))
    for guards in ({"key_pair": SERVERS}, {"oauth": MEMBERS}):
        assert not judged_alone(guarded(login=BY_HEADER, **guards))


def asked(workers: int, *routes: Route) -> Any:
    service = authorization_filter(sample(routes=routes), workers)["typed_config"]["http_service"]
    return service["server_uri"]["timeout"], service.get("retry_policy", {}).get("retry_back_off", {})


def test_envoy_waits_for_the_checker_and_for_the_login_behind_it() -> None:
    plain, checked = guarded(login=BY_HEADER), guarded(oauth=MEMBERS)
    usual = float(asked(1, plain)[0].removesuffix("s"))
    assert asked(1, plain, checked)[0] == f"{usual + 20:g}s"
    quicker = guarded(oauth=replace(MEMBERS, timeout=2))
    assert asked(1, quicker, plain, checked)[0] == f"{usual + 20:g}s"
    signed = float(asked(1, plain, checked, guarded(key_pair=SERVERS))[0].removesuffix("s"))
    assert signed > usual + 20


@pytest.mark.parametrize("workers", [2, 4])
def test_one_attempt_may_take_all_of_that_time(workers: int) -> None:
    """To Envoy, the longest pause between attempts is the most that one of them may take, 10 s if it is not given."""
    timeout, pauses = asked(workers, guarded(oauth=MEMBERS))
    assert pauses["max_interval"] == timeout
    assert asked(1, guarded(oauth=MEMBERS))[1] == {}
