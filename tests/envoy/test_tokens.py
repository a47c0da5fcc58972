"""How tokens of other issuers are checked, without Envoy."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menshen.config.route_rules import Jwks, JwtRules, TokenAt
from menshen.config.snapshot import Snapshot
from menshen.envoy.strip import stripped_names
from menshen.envoy.tokens import issuer_clusters, token_provider, token_providers
from tests.envoy.issuer import jwt_rules
from tests.envoy.samples import route, sample

CA = "/etc/ssl/ca.pem"


def of(*rules: JwtRules) -> Snapshot:
    return sample(
        routes=tuple(
            route("p", f"a{number}", f"/a{number}", None, access="required", jwt=each)
            for number, each in enumerate(rules)
        )
    )


def by_url(url: str, **changes: Any) -> JwtRules:
    return jwt_rules(keys=Jwks(url=url), **changes)


@pytest.mark.parametrize(
    ("url", "name", "port"),
    [
        ("https://issuer.example/keys", "issuer/https/issuer.example:443", 443),
        ("https://issuer.example:8443/a/b/keys?x=1", "issuer/https/issuer.example:8443", 8443),
        ("http://keycloak/realms/a/keys", "issuer/http/keycloak:80", 80),
        ("http://[::1]:9000/keys", "issuer/http/::1:9000", 9000),
        ("https://10.0.0.1/keys", "issuer/https/10.0.0.1:443", 443),
    ],
)
def test_where_keys_are_got_from(url: str, name: str, port: int) -> None:
    (cluster,) = issuer_clusters(of(by_url(url)), CA)
    assert cluster["name"] == name
    ((endpoint,),) = (group["lb_endpoints"] for group in cluster["load_assignment"]["endpoints"])
    assert endpoint["endpoint"]["address"]["socket_address"]["port_value"] == port
    assert ("transport_socket" in cluster) == url.startswith("https")
    if "transport_socket" in cluster:
        checked = cluster["transport_socket"]["typed_config"]["common_tls_context"]["validation_context"]
        assert checked["trusted_ca"] == {"filename": CA}
        assert checked["match_typed_subject_alt_names"][0]["matcher"]["exact"] in name
    fetched = token_provider(by_url(url)).config["remote_jwks"]["http_uri"]
    assert (fetched["uri"], fetched["cluster"]) == (url, name)


def test_one_cluster_for_one_address() -> None:
    same = (by_url("https://a.example/1"), by_url("https://a.example/2", plugin="b"), by_url("http://a.example:443/"))
    assert [each["name"] for each in issuer_clusters(of(*same), CA)] == [
        "issuer/http/a.example:443",
        "issuer/https/a.example:443",
    ]
    assert not issuer_clusters(of(jwt_rules()), CA)


def test_a_provider_that_differs_in_anything_has_another_name() -> None:
    rules = jwt_rules()
    others = [
        replace(rules, issuer="https://other.example"),
        replace(rules, audiences=()),
        replace(rules, token=TokenAt("query", "t")),
        replace(rules, keys=Jwks(url="https://issuer.example/keys")),
        replace(rules, claims=(("sub", "x-b"),)),
        replace(rules, skew=6),
        replace(rules, plugin="other"),
    ]
    assert len({token_provider(each).name for each in (rules, *others)}) == 1 + len(others)
    assert set(token_providers(of(rules, rules))) == {token_provider(rules).name}


def test_only_written_keys_let_envoy_remember_a_token() -> None:
    assert "jwt_cache_config" in token_provider(jwt_rules()).config
    assert "jwt_cache_config" not in token_provider(by_url("https://issuer.example/keys")).config


@given(st.from_regex(r"(?i)x[^a-z0-9]partner[^a-z0-9]token", fullmatch=True))
def test_class_6_a_tokens_header_has_one_spelling(name: str) -> None:
    pattern = stripped_names(of(jwt_rules(token=TokenAt("header", "x-partner-token"))))
    assert (re.fullmatch(pattern, name, re.DOTALL) is None) == (name.lower() == "x-partner-token")


def test_another_credential_that_is_spelt_alike_stays() -> None:
    pair = (jwt_rules(token=TokenAt("header", "x-token")), jwt_rules(plugin="b", token=TokenAt("header", "x_token")))
    for name in ("x-token", "x_token"):
        assert not re.fullmatch(stripped_names(of(*pair)), name)
