"""What needs Envoy is refused by name, in both languages, and nothing else is."""

from __future__ import annotations

import pytest

from menshen.asgi.document import needs_envoy
from menshen.config.plugins.registry import PARTS
from menshen.documents.documents import load_document
from menshen.errors import Problem
from tests.envoy.issuer import P256, public_of

DOCUMENT = """\
version: 1
apps:
  - {name: shop, platform: wechat, appid: wx4f4bc4dec97d474b, secret: any-secret-of-shop}
upstreams:
  - {name: orders, endpoints: ["127.0.0.1:9001"], description: this application}
groups:
  - {name: mall, prefix: /mall, upstream: orders, strip_prefix: true, apis: [{name: all, path: /all}]}
plugins:
  - {name: shop-login, type: WeChatMpLogin, app: shop}
bindings:
  - {plugin: shop-login, group: mall}
"""

PLUGINS = {
    "Tag": "tags: [{in: query, name: city}]",
    "Canary": "rules: [{name: all, to: [{version: v2, weight: 10}]}]",
    "RateLimit": "limits: [{by: api, requests: 10}]",
    "IpAccess": "deny: [192.0.2.1]",
    "Cors": "origins: ['https://shop.example.com']",
    "PathRewrite": "rules: [{regex: /mall/all, replacement: /moved}]",
    "ReqTransformer": "actions: [{weight: 5, header: X-Debug, value: 'on'}]",
    "Jwt": f"issuer: i, jwks: {public_of(P256)}",
}
JUDGED = {
    "OAuth": "url: 'http://127.0.0.1:9100/check'",
    "KeyPair": "keys: [{id: erp, secret: any-secret-of-the-erp-0123456789abcdef}]",
}


def problems(document: str) -> list[Problem]:
    return list(needs_envoy(load_document(document, {})))


def with_plugin(kind: str, rest: str, *, bound: bool = True) -> str:
    document = DOCUMENT.replace("bindings:", f"  - {{name: more, type: {kind}, {rest}}}\nbindings:")
    if kind == "Canary":
        versions = 'endpoints: ["127.0.0.1:9001"], versions: [{name: v2, endpoints: ["127.0.0.1:9002"]}]'
        document = document.replace('endpoints: ["127.0.0.1:9001"]', versions)
    return document + ("  - {plugin: more, group: mall}\n" if bound else "")


def test_a_document_of_logins_needs_nobody() -> None:
    assert problems(DOCUMENT) == []


def test_every_type_of_plugin_is_either_judged_or_refused() -> None:
    assert {*PLUGINS, *JUDGED} == set(PARTS)


@pytest.mark.parametrize("kind", PLUGINS)
def test_a_plugin_of_envoys_is_refused_by_its_name(kind: str) -> None:
    found = [each for each in problems(with_plugin(kind, PLUGINS[kind])) if each.path == "plugins[1]"]
    assert [f"more ({kind})" in each.message for each in found] == [True]
    assert [f"more ({kind})" in each.message_zh for each in found] == [True]


@pytest.mark.parametrize("kind", PLUGINS)
def test_one_that_is_bound_nowhere_does_nothing_and_needs_nobody(kind: str) -> None:
    document = with_plugin(kind, PLUGINS[kind], bound=False)
    assert [each.path for each in problems(document)] == (["upstreams[0].versions"] if kind == "Canary" else [])


@pytest.mark.parametrize("kind", JUDGED)
def test_a_plugin_of_the_brains_is_run(kind: str) -> None:
    assert problems(with_plugin(kind, JUDGED[kind])) == []


@pytest.mark.parametrize(
    ("was", "becomes", "path"),
    [
        ("version: 1\n", "version: 1\nlistener: {tls: {certificate: /a.pem, key: /b.pem}}\n", "listener.tls"),
        ("version: 1\n", "version: 1\ntracing: {otlp: 'http://127.0.0.1:4318'}\n", "tracing"),
        ("app: shop}", "app: shop, tags: {identity: [platform]}}", "plugins[0].tags"),
        ("app: shop}", "app: shop, tags: {request: [{in: query, name: city}]}}", "plugins[0].tags"),
        ("description:", "timeout: 2, description:", "upstreams[0].timeout"),
        ("description:", "max_requests: 2, description:", "upstreams[0].max_requests"),
        ("description:", "health_check: {path: /up}, description:", "upstreams[0].health_check"),
        ("description:", "tls: {server_name: a.example.com}, description:", "upstreams[0].tls"),
        (
            "groups:\n",
            "groups:\n  - {name: more, prefix: /more, upstream: second, apis: [{name: all, path: /x}]}\n",
            "upstreams",
        ),
    ],
    ids=lambda value: value if value.isidentifier() or "." in value else "",
)
def test_what_is_said_of_carrying_is_refused_and_not_passed_over(was: str, becomes: str, path: str) -> None:
    document = DOCUMENT.replace(was, becomes)
    if path == "upstreams":
        document = document.replace("upstreams:\n", 'upstreams:\n  - {name: second, endpoints: ["127.0.0.1:9002"]}\n')
    assert [each.path for each in problems(document)] == [path]
