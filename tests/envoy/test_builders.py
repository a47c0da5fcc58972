"""The builders, without Envoy."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menshen.config.carried import carried
from menshen.config.login_rules import OpenDataAt, RefreshRules
from menshen.config.snapshot import (
    Endpoint,
    HealthCheck,
    Listener,
    LoginPlugin,
    Snapshot,
    Upstream,
    UpstreamTls,
    Version,
)
from menshen.config.user_rules import AccountRules, Callout, CaptchaRules, HookRules, UserRules
from menshen.envoy.authorization import authorization_config, authorization_filter
from menshen.envoy.clusters import brain_cluster, cluster_name, upstream_cluster, upstream_of
from menshen.envoy.http_connection_manager import http_connection_manager
from menshen.envoy.local_replies import local_reply_config
from menshen.envoy.revoked import REVOKED_FILTERS
from menshen.envoy.routes import covers, route_configuration
from menshen.envoy.states import providers_of
from menshen.envoy.strip import WAFER_HEADERS, plugins_of, stripped_names
from menshen.envoy.typed import Json, seconds
from menshen.gateway.wire import WIRE_STATUSES, to_wire
from menshen.secret import Secret
from tests.envoy.samples import ADDRESSES, BY_HEADER, BY_QUERY, PLAIN, route, sample, sample_routes
from tests.envoy.signed import KEYS, OTHER, SIGNED, public, signed_routes

CA = ADDRESSES.system_ca


@given(st.from_regex(r"(?i)x-wx-[a-z-]{0,16}", fullmatch=True) | st.sampled_from(WAFER_HEADERS))
def test_of_cloud_hostings_headers_only_wafers_stay(name: str) -> None:
    removed = re.fullmatch(stripped_names(PLAIN), name) is not None
    assert removed == (name.lower() not in WAFER_HEADERS)


@pytest.mark.parametrize("hops", [0, 1])
@pytest.mark.parametrize("name", ["x-forwarded-for", "x-forwarded-proto", "x-real-ip"])
def test_a_proxys_words_stay_only_behind_a_trusted_proxy(hops: int, name: str) -> None:
    pattern = stripped_names(replace(PLAIN, listener=Listener(trusted_hops=hops)))
    assert (re.fullmatch(pattern, name) is None) == (hops > 0)
    if name != "x-real-ip":
        assert re.fullmatch(pattern, name.replace("-", "_"))
    assert re.fullmatch(pattern, "x-forwarded-host")
    assert re.fullmatch(pattern, "x-forwarded-forx")


def test_a_credential_header_of_a_plugin_is_not_stripped() -> None:
    code = replace(BY_HEADER.code, name="X-WX-Login")
    snapshot = sample(routes=(route("g", "a", "/a", replace(BY_HEADER, code=code)),))
    assert not re.fullmatch(stripped_names(snapshot), "x-wx-login")
    assert re.fullmatch(stripped_names(snapshot), "x-wx-logins")
    assert re.fullmatch(stripped_names(PLAIN), "x-wx-login")


@pytest.mark.parametrize(
    ("host", "domain", "expected"),
    [
        ("*", "a.com", True),
        ("*", "*", True),
        ("a.com", "*", False),
        ("A.com", "a.com", True),
        ("*.a.com", "b.a.com", True),
        ("*.a.com", "*.b.a.com", True),
        ("*.a.com", "a.com", False),
        ("*.a.com", "ba.com", False),
        ("*.a.com", "*.a.com", True),
        ("*.a.com", "*", False),
    ],
)
def test_which_virtual_hosts_a_group_is_in(host: str, domain: str, expected: bool) -> None:
    assert covers(host, domain) is expected


def names(tree: Json) -> list[list[str]]:
    """The named routes of every list in a matcher, in their order."""
    if "routes" in tree:
        return [[entry.get("name", "-") for entry in tree["routes"]]]
    return [found for value in tree.values() if isinstance(value, dict) for found in names(value)]


def test_the_nearer_host_is_matched_first() -> None:
    routes = (
        route("a", "any", "/{x}", None, hosts=("*",)),
        route("b", "suffix", "/{x}", None, hosts=("*.a.com",)),
        route("c", "exact", "/{x}", None, hosts=("w.a.com",)),
        route("c", "literal", "/x", None, hosts=("w.a.com",)),
    )
    hosts = {v["name"]: names(v["matcher"]) for v in route_configuration(sample(routes=routes))["virtual_hosts"]}
    assert ["-", "c/literal", "c/exact", "b/suffix", "a/any", "-"] in hosts["w.a.com"]
    assert ["-", "b/suffix", "a/any", "-"] in hosts["*.a.com"]
    assert ["-", "a/any", "-"] in hosts["*"]


def test_an_empty_snapshot_publishes_nothing() -> None:
    (only,) = route_configuration(Snapshot().sealed())["virtual_hosts"]
    assert only["domains"] == ["*"]
    assert names(only["matcher"]) == [["-", "-"]]


def test_every_list_of_routes_begins_with_the_refusals_and_ends_with_a_404() -> None:
    def lists(tree: Json) -> list[list[Json]]:
        if "routes" in tree:
            return [tree["routes"]]
        return [found for value in tree.values() if isinstance(value, dict) for found in lists(value)]

    for host in route_configuration(PLAIN)["virtual_hosts"]:
        for routes in lists(host["matcher"]):
            if routes[0].get("name", "").startswith("~"):
                continue  # the client API has exact paths
            assert routes[0]["direct_response"] == {"status": 400}
            assert routes[-1]["direct_response"] == {"status": 404}


def entries(tree: Json) -> list[Json]:
    """Every route of a matcher."""
    if "routes" in tree:
        return list(tree["routes"])
    return [found for value in tree.values() if isinstance(value, dict) for found in entries(value)]


@pytest.mark.parametrize("keys", ["", KEYS])
def test_whoever_is_not_public_is_judged_by_somebody(keys: str) -> None:
    """By the brain, by the route's own name; or by Envoy, in every part of the judgement. The brain judges its own."""
    snapshot = sample(routes=tuple(signed_routes()))
    public = {route.id for route in snapshot.routes if route.login is None}
    known = {route.id for route in snapshot.routes}
    alone = 0
    for host in route_configuration(snapshot, providers_of(snapshot, keys))["virtual_hosts"]:
        for entry in entries(host["matcher"]):
            filters = entry["typed_per_filter_config"]
            asked = "disabled" not in filters.get("menshen.authorization", {})
            judged = {"menshen.states", *REVOKED_FILTERS.values()} <= set(filters)
            open_to_all = "name" not in entry or entry["name"] in public
            own = entry.get("route", {}).get("cluster") == "brain"
            assert own == entry.get("name", "").startswith("~")
            assert asked + judged + open_to_all + own == 1, entry
            assert not asked or entry["name"] in known, entry
            assert not judged or "disabled" not in repr([filters[name] for name in REVOKED_FILTERS.values()])
            alone += judged
    assert bool(alone) == bool(keys)


def test_every_host_stamps_whatever_route_is_chosen_with_the_revision() -> None:
    for host in route_configuration(PLAIN)["virtual_hosts"]:
        (stamped,) = host["typed_per_filter_config"]["menshen.stamp"]["mutations"]["request_mutations"]
        header = {"key": "x-menshen-route", "value": f"%ROUTE_NAME%@{PLAIN.checksum}"}
        assert stamped["append"] == {"header": header, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
        for entry in entries(host["matcher"]):
            if not entry.get("name", "").startswith("~"):
                assert "menshen.stamp" not in entry["typed_per_filter_config"]


def test_a_state_in_a_cookie_is_never_judged_alone() -> None:
    for changes in ({"request_in": "cookie"}, {"return_in": "cookie"}, {"kind": "sealed"}, {"kind": "reference"}):
        login = replace(SIGNED, session=replace(SIGNED.session, **changes))
        assert not providers_of(sample(routes=(route("g", "a", "/a", login),)), KEYS)


def test_the_filters_of_signed_states_are_only_where_they_are_used() -> None:
    def filters(snapshot: Snapshot, keys: str) -> list[str]:
        alone = [p for p in plugins_of(snapshot) if p.name in providers_of(snapshot, keys)]
        return [f["name"] for f in http_connection_manager(snapshot, ADDRESSES, alone)["typed_config"]["http_filters"]]

    usual = ["menshen.stamp", "menshen.authorization", "menshen.credentials", "menshen.router"]
    judging = ["menshen.states", *REVOKED_FILTERS.values()]
    signed = sample(routes=tuple(r for r in signed_routes() if r.group != "long"))
    assert filters(PLAIN, KEYS) == usual
    assert filters(signed, "") == usual
    assert filters(signed, KEYS) == [usual[0], *judging, *usual[1:]]
    renewed = sample(routes=tuple(signed_routes()))
    assert filters(renewed, KEYS) == [usual[0], *judging, "menshen.renewal", *usual[1:]]


def test_a_providers_name_says_what_it_checks_and_not_by_which_keys() -> None:
    def name(login: LoginPlugin, keys: str = KEYS) -> str:
        return providers_of(sample(routes=(route("g", "a", "/a", login),)), keys)["signed"].name

    assert name(SIGNED) == name(SIGNED, public(OTHER))
    others = [
        replace(SIGNED, app=replace(SIGNED.app, appid="wx2")),
        replace(SIGNED, session=replace(SIGNED.session, name="else")),
        replace(SIGNED, session=replace(SIGNED.session, request_in="query")),
        replace(SIGNED, claims=(("level", "x-else"),)),
    ]
    assert len({name(SIGNED), *(name(other) for other in others)}) == 5


def test_a_claims_header_is_stripped_and_a_refresh_token_is_not() -> None:
    refresh = RefreshRules("X-WX-Refresh", 10_000)
    login = replace(SIGNED, session=replace(SIGNED.session, refresh=refresh))
    pattern = stripped_names(sample(routes=(route("g", "a", "/a", login),)))
    assert re.fullmatch(pattern, "x_user_level")
    assert not re.fullmatch(pattern, "x-wx-refresh")
    assert re.fullmatch(pattern, "x-wx-refreshed")


def test_a_cluster_is_called_by_where_it_leads() -> None:
    """Old routes lead to old backends, while clusters of both revisions are there."""
    here, there = (Endpoint("10.0.0.1", 1),), (Endpoint("10.0.0.2", 1),)
    upstream = Upstream("a", here, versions=(Version("next", there),))
    name = cluster_name(upstream)
    assert upstream_of(name) == "a"
    assert upstream_of(cluster_name(upstream, "next")) == "a@next"
    assert cluster_name(replace(upstream, timeout=1.0, max_requests=5, versions=())) == name
    elsewhere = (replace(upstream, endpoints=there), replace(upstream, tls=UpstreamTls("a.b")))
    assert len({name, cluster_name(upstream, "next"), *map(cluster_name, elsewhere)}) == 4
    moved = replace(upstream, versions=(Version("next", here),))
    assert cluster_name(moved, "next") != cluster_name(upstream, "next")


def test_clusters_of_names_are_resolved_and_of_addresses_are_not() -> None:
    assert upstream_cluster(Upstream("a", (Endpoint("127.0.0.1", 1), Endpoint("::1", 2))), CA)["type"] == "STATIC"
    named = upstream_cluster(Upstream("a", (Endpoint("127.0.0.1", 1), Endpoint("db.local", 2))), CA)
    assert named["cluster_type"]["name"] == "envoy.clusters.dns"


def test_an_encrypted_upstream_has_its_name_checked() -> None:
    tls = upstream_cluster(Upstream("a", (Endpoint("10.0.0.1", 1),), tls=UpstreamTls("a.b")), CA)["transport_socket"]
    context = tls["typed_config"]
    assert context["sni"] == "a.b"
    validation = context["common_tls_context"]["validation_context"]
    assert validation["trusted_ca"] == {"filename": CA}
    assert validation["match_typed_subject_alt_names"] == [{"san_type": "DNS", "matcher": {"exact": "a.b"}}]
    by_ip = upstream_cluster(Upstream("a", (Endpoint("10.0.0.1", 1),), tls=UpstreamTls("10.0.0.1")), CA)
    assert "sni" not in by_ip["transport_socket"]["typed_config"]


def test_checked_upstreams_do_not_panic() -> None:
    check = HealthCheck("/h", 1, 1, 1, 1)
    checked = upstream_cluster(Upstream("a", (Endpoint("10.0.0.1", 1),), health_check=check), CA)
    assert checked["common_lb_config"]["healthy_panic_threshold"]["value"] == 0
    assert checked["common_lb_config"]["update_merge_window"] == "0s"
    assert checked["health_checks"][0]["no_traffic_interval"] == "1s"
    assert "common_lb_config" not in upstream_cluster(Upstream("a", (Endpoint("10.0.0.1", 1),)), CA)


def test_every_worker_is_an_endpoint_of_the_brain() -> None:
    endpoints = brain_cluster(ADDRESSES)["load_assignment"]["endpoints"][0]["lb_endpoints"]
    assert [e["endpoint"]["address"]["socket_address"]["port_value"] for e in endpoints] == [8091, 8092]


def test_the_brain_is_asked_by_default_and_trusted_never() -> None:
    config = authorization_filter(PLAIN, 2)["typed_config"]
    assert config["failure_mode_allow"] is False
    shown = {pattern["exact"] for pattern in config["allowed_headers"]["patterns"]}
    assert {"cookie", "user_session", "token", "sid", "js_code", "secret"} <= shown
    assert "code" not in shown, "a code in a query or a body is not read from a header"


def test_wire_statuses_come_before_all_other_mappers() -> None:
    mappers = local_reply_config()["mappers"]
    first = [(_value(m), m["status_code"]) for m in mappers[: len(WIRE_STATUSES)]]
    assert dict(first) == dict(WIRE_STATUSES)
    assert not any("body_format_override" in m for m in mappers[: len(WIRE_STATUSES) + 1])


@pytest.mark.parametrize(
    ("status", "wire"), [(200, 299), (401, 401), (500, 296), (502, 297), (503, 298), (504, 295), (599, 296)]
)
def test_to_wire(status: int, wire: int) -> None:
    assert to_wire(status) == wire


@pytest.mark.parametrize(
    ("value", "text"), [(1, "1s"), (0.25, "0.25s"), (0, "0s"), (0.0001, "0s"), (100, "100s"), (1e-5, "0s")]
)
def test_durations(value: float, text: str) -> None:
    assert seconds(value) == text


def _value(mapper: Json) -> int:
    value: int = mapper["filter"]["status_code_filter"]["comparison"]["value"]["default_value"]
    return value


def test_envoy_waits_for_a_login_as_long_as_it_may_take() -> None:
    def patience(snapshot: Snapshot) -> str:
        config = authorization_filter(snapshot, 1)["typed_config"]
        limit: str = config["http_service"]["server_uri"]["timeout"]
        return limit

    asked = Callout("https://team.example.com", Secret("x" * 16), timeout=4.0)
    users = UserRules(
        accounts=AccountRules(verifier=asked),
        captcha=CaptchaRules(replace(asked, timeout=2.5)),
        hooks=HookRules(timeout=0.5),
    )
    assert patience(sample()) == "9s"
    assert patience(sample(users=users)) == "14.5s", "an account may come beside the code"
    without = tuple(route for route in sample_routes() if route.login is None or route.login.account is None)
    assert patience(sample(users=users, routes=without)) == "8s"


def test_open_data_is_shown_to_the_brain_and_kept_from_every_backend() -> None:
    by_query = replace(BY_QUERY, open_data=OpenDataAt("encryptedData", "iv"))
    snapshot = sample(routes=(route("g", "a", "/a", BY_HEADER), route("g", "b", "/b", by_query)))
    shown = json.dumps(authorization_config(snapshot, 1, timeout=7)["allowed_headers"])
    assert '"x-data"' in shown
    assert '"x-data-iv"' in shown
    assert '"encrypteddata"' in shown, "beside a code it is refused there, and must be seen for that"
    found = carried(snapshot.routes)
    assert {"x-data", "x-data-iv"} <= set(found.headers)
    assert {"encryptedData", "iv"} <= set(found.query)
    assert not re.fullmatch(stripped_names(snapshot), "x-data-iv")
