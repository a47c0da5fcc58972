"""Facts of the texts that no gateway reads in these tests, by their own parsers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from menshen.cli.app import app
from menshen.cli.integrate import Proxy
from tests.integrate.test_golden import HERE, said

Json = dict[str, Any]

TRAEFIK: Json = yaml.safe_load(said("traefik", "rich"))["http"]
APISIX: Json = yaml.safe_load(said("apisix", "rich"))
KONG: Json = yaml.safe_load(said("kong", "rich"))
OBJECTS: list[Json] = list(yaml.safe_load_all(said("envoy-gateway", "rich")))


def of_kind(kind: str) -> list[Json]:
    return [each for each in OBJECTS if each["kind"] == kind]


def test_traefik_lets_nothing_go_to_a_backend_that_it_has_not_asked_about() -> None:
    for router in TRAEFIK["routers"].values():
        asked = "menshen-ask" in router["middlewares"]
        assert asked == (router["service"] != "menshen")
        if asked:
            # Stamped before it asks; credentials are taken off after.
            stamp, ask, *_, left = router["middlewares"]
            assert (stamp[:3], ask, left[:5]) == ("at-", "menshen-ask", "left-")


def test_traefik_knows_every_name_that_its_routers_say() -> None:
    for router in TRAEFIK["routers"].values():
        assert set(router["middlewares"]) <= set(TRAEFIK["middlewares"])
        assert router["service"] in TRAEFIK["services"]
    transports = {service["loadBalancer"]["serversTransport"] for service in TRAEFIK["services"].values()}
    assert transports == set(TRAEFIK["serversTransports"])


def test_traefik_tries_routers_in_the_order_of_the_revision() -> None:
    priorities = [router["priority"] for router in TRAEFIK["routers"].values()]
    assert priorities == sorted(set(priorities), reverse=True)
    assert priorities[-1] > 0


def test_traefik_takes_every_header_of_ours_away_before_it_sets_one() -> None:
    expression = re.compile(
        TRAEFIK["middlewares"]["menshen-ask"]["forwardAuth"]["authResponseHeadersRegex"]
        .replace("^(?i)", "(?i)^", 1)
        .replace("(?i)(?:x[", "(?:x[", 1)
    )
    for name in ("X-Menshen-Proxy", "X_menshen_route", "X.menshen.user", "X-Wx-Openid", "Cookie", "X-Request-Id"):
        assert expression.search(name), name
    for name in ("X-State", "X-Code", "Content-Type", "X-Cookie", "Accept"):
        assert not expression.search(name), name


@pytest.mark.parametrize("reason", ["a login state in a header beside a backend's answer"])
def test_traefik_refuses_what_it_cannot_carry(reason: str) -> None:
    assert reason in said("traefik", "small")


def test_apisix_and_kong_try_routes_in_the_order_of_the_revision() -> None:
    priorities = [route["priority"] for route in APISIX["routes"]]
    assert priorities == sorted(set(priorities), reverse=True)
    routes = [route for service in KONG["services"] for route in service["routes"]]
    by_name = sorted(routes, key=lambda route: int(route["name"].removeprefix("menshen-")))
    found = [route["regex_priority"] for route in by_name]
    assert found == sorted(set(found), reverse=True)


def test_kong_weighs_all_routes_of_a_host_the_same() -> None:
    """It looks at how many kinds of conditions a route has before it looks at its priority."""
    for service in KONG["services"]:
        for route in service["routes"]:
            assert route["methods"]
            assert route["paths"]


def test_every_route_of_apisix_and_kong_is_one_that_the_function_knows() -> None:
    function = APISIX["global_rules"][0]["plugins"]["serverless-pre-function"]["functions"][0]
    assert all(f'["{route["id"]}"] = {{' in function for route in APISIX["routes"])
    access = KONG["plugins"][0]["config"]["access"][0]
    routes = [route for service in KONG["services"] for route in service["routes"]]
    assert all(f'["{route["name"]}"] = {{' in access for route in routes)


def test_envoy_gateway_tries_rules_in_the_order_of_the_revision() -> None:
    """The longest expression first, whatever HTTPRoute it is in."""
    rules = [rule for route in of_kind("HTTPRoute") for rule in route["spec"]["rules"]]
    lengths = {int(rule["name"].removeprefix("rule-")): len(rule["matches"][0]["path"]["value"]) for rule in rules}
    assert [lengths[number] for number in sorted(lengths)] == sorted(set(lengths.values()), reverse=True)
    for rule in rules:
        assert len({len(match["path"]["value"]) for match in rule["matches"]}) == 1


def test_envoy_gateways_objects_stay_within_the_limits_of_the_gateway_api() -> None:
    name = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
    for each in OBJECTS:
        assert name.fullmatch(each["metadata"]["name"])
    for route in of_kind("HTTPRoute"):
        assert len(route["spec"]["rules"]) <= 16
        for rule in route["spec"]["rules"]:
            assert all(len(match["path"]["value"]) <= 1024 for match in rule["matches"])
    (traffic,) = of_kind("ClientTrafficPolicy")
    removed = traffic["spec"]["headers"]["earlyRequestHeaders"]["removeOnMatch"]
    assert all(len(each["value"]) <= 1024 for each in removed)
    assert len(removed) <= 64


def test_envoy_gateway_asks_wherever_a_route_is_not_public() -> None:
    targets = {
        (target["name"], target["sectionName"])
        for each in of_kind("SecurityPolicy")
        for target in each["spec"]["targetRefs"]
    }
    open_rules = [
        rule
        for route in of_kind("HTTPRoute")
        for rule in route["spec"]["rules"]
        if rule["backendRefs"][0]["name"] != "menshen" and (route["metadata"]["name"], rule["name"]) not in targets
    ]
    paths = {rule["matches"][0]["path"]["value"].partition("(?P<")[0] for rule in open_rules}
    assert paths == {"/mall/static/[^?]*"}
    assert all(each["spec"]["extAuth"]["failOpen"] is False for each in of_kind("SecurityPolicy"))


def test_envoy_gateway_removes_every_spelling_but_of_the_one_header_that_it_sets() -> None:
    (traffic,) = of_kind("ClientTrafficPolicy")
    early = traffic["spec"]["headers"]["earlyRequestHeaders"]
    expressions = [re.compile(each["value"]) for each in early["removeOnMatch"]]

    def gone(name: str) -> bool:
        return any(expression.fullmatch(name) for expression in expressions)

    assert [each["name"] for each in early["set"]] == ["x-menshen-proxy"]
    assert not gone("x-menshen-proxy")
    for name in ("x_menshen_proxy", "x-menshen_proxy", "x.menshen.proxy", "x-menshen-target", "x-menshen-prox"):
        assert gone(name), name
    for name in ("x-menshen-proxyy", "x-menshen-user", "x-menshen-cookie", "x-forwarded-for", "x-request-id"):
        assert gone(name), name


@pytest.mark.parametrize("proxy", Proxy)
@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{name: x-state,", "{name: x.state,", "header x.state"),
        ("name: x-code", "name: x$code", "header x$code"),
        ("/etc/ssl/media.pem", '"/etc/ssl/a; b.pem"', "file /etc/ssl/a; b.pem"),
        ("version: 1", "version: 1\nlistener: {client_api: /verify}", "listener.client_api /verify"),
    ],
)
def test_what_would_be_read_in_another_way_is_not_printed(
    proxy: Proxy, old: str, new: str, said: str, tmp_path: Path
) -> None:
    text = (HERE / "rich.yaml").read_text()
    assert old in text
    (tmp_path / "odd.yaml").write_text(text.replace(old, new))
    run = CliRunner().invoke(app, ["integrate", proxy, "--config", str(tmp_path / "odd.yaml")])
    assert (run.exit_code, run.stdout) == (1, "")
    assert f"{proxy} does not carry this: {said}" in run.stderr


def test_traefik_carries_no_tunnel_but_a_websocket() -> None:
    routers = list(TRAEFIK["routers"].values())
    tunnel = next(each for each in routers if "Upgrade" in each["rule"])
    assert tunnel["middlewares"] == ["menshen-known", "refused-malformed_request"]
    assert all(each["priority"] < tunnel["priority"] for each in routers if "menshen-ask" in each["middlewares"])


def test_nginx_asks_without_what_nobody_reads_but_not_without_a_credential(tmp_path: Path) -> None:
    named = "app: shop, code: {in: header, name: accept-language}}"
    text = (HERE / "small.yaml").read_text()
    assert "app: shop}" in text
    (tmp_path / "named.yaml").write_text(text.replace("app: shop}", named))
    run = CliRunner().invoke(app, ["integrate", "nginx", "--config", str(tmp_path / "named.yaml")])
    assert run.exit_code == 0, run.output
    question = re.search(r"location = /.menshen/verify \{.*?\n    \}", run.stdout, re.DOTALL)
    assert question is not None
    left = set(re.findall(r'proxy_set_header ([a-z-]+) "";', question[0]))
    assert left == {"accept", "accept-encoding", "content-type", "referer"}
