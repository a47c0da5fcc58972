"""What one key may hold, and the path that a wrong one is reported at."""

from __future__ import annotations

from typing import Any

import pytest

from menshen.config.snapshot import Endpoint

from .samples import load, problems, sound, the_problem


def test_the_sound_document_has_every_default() -> None:
    document = load(sound()).document
    plugin = document.plugins[0]
    assert (plugin.code.position, plugin.code.name) == ("header", "js_code")
    session = plugin.session
    assert (session.name, session.kind, session.expires_in) == ("user_session", "sealed", 120)
    assert (session.return_in, session.request_in) == ("header", "header")
    assert (session.idle, session.renew_before, session.max_sessions, session.refresh) == (None, None, None, None)
    assert (session.claims, plugin.identity.claims) == ((), {})
    assert (plugin.identity.headers, plugin.respond, plugin.status, plugin.reply) == (
        "menshen",
        "upstream",
        "menshen",
        None,
    )
    upstream = document.upstreams[0]
    assert (upstream.protocol, upstream.connect_timeout, upstream.timeout) == ("http1", 1.0, 15.0)
    assert (upstream.connect_retries, upstream.health_check, upstream.tls) == (2, None, None)
    listener = document.listener
    assert (listener.tls, listener.trusted_hops, listener.client_api) == (None, 0, "/v1")


def test_a_document_with_every_key_is_read() -> None:
    raw = sound(
        listener={
            "tls": {"certificate": "/tls/a.pem", "key": "/tls/a.key"},
            "trusted_hops": 1,
            "client_api": "/auth/v2",
        },
        apps__0__base_url="http://127.0.0.1:8082/wechat/",
        apps__0__description="商城",
        upstreams__0={
            "name": "orders",
            "description": "orders, twice",
            "endpoints": ["Orders.Example.com:80", "[::1]:8080"],
            "protocol": "http2",
            "connect_timeout": 0.5,
            "timeout": 0,
            "connect_retries": 0,
            "health_check": {
                "path": "/healthz?full=1",
                "interval": 5,
                "timeout": 1.5,
                "healthy_after": 1,
                "unhealthy_after": 3,
            },
            "tls": {"server_name": "orders.example.com", "ca": "/tls/ca.pem"},
        },
        groups__0__strip_prefix=True,
        groups__0__description="the mall",
        plugins__0={
            "name": "shop-login",
            "type": "WeChatMpLogin",
            "app": "shop",
            "description": "who shops",
            "code": {"in": "body", "name": "code"},
            "session": {
                "name": "token",
                "kind": "sealed",
                "expires_in": 500000,
                "idle": 30,
                "renew_before": 60,
                "max_sessions": 1000,
                "refresh": {"expires_in": 525600, "name": "refresh"},
                "claims": ["level", "vip_until"],
                "return_in": "body",
                "request_in": "cookie",
            },
            "identity": {"headers": {"openid": "X-OpenID", "session_key": "x-key"}, "claims": {"level": "X-Level"}},
            "respond": "gateway",
            "reply": {"data": {"token": "$session", "ttl": "$expires_in", "next": "$refresh_token"}, "ok": True},
            "status": "tsf",
        },
    )
    loaded = load(raw)
    assert loaded.raw == raw
    assert loaded.document.apps[0].base_url == "http://127.0.0.1:8082/wechat"
    assert loaded.document.upstreams[0].endpoints == (Endpoint("orders.example.com", 80), Endpoint("::1", 8080))
    plugin = loaded.document.plugins[0]
    assert plugin.identity.pairs() == (("openid", "x-openid"), ("session_key", "x-key"))
    assert plugin.claim_headers() == (("level", "x-level"), ("vip_until", "x-menshen-claim-vip-until"))
    assert plugin.session.refresh is not None
    assert plugin.session.refresh.name == "refresh"
    assert loaded.document.listener.client_api == "/auth/v2"


def test_hosts_are_lower_cased() -> None:
    raw = sound(groups__0__hosts=["API.Example.com", "*.Example.com"])
    assert load(raw).document.groups[0].hosts == ("api.example.com", "*.example.com")


WRONG: list[tuple[str, str, Any, str]] = [
    # prose, place of the change, value, path reported where it differs from the place
    ("no version", "version", ..., "version"),
    ("another version", "version", 2, "version"),
    ("a version in quotes", "version", "1", "version"),
    ("true for a version", "version", True, "version"),
    ("an unknown key at the top", "routes", [], "routes"),
    ("an unknown key in an app", "apps__0__color", "red", "apps[0].color"),
    ("an unknown key in an API", "groups__0__apis__1__pth", "/x", "groups[0].apis[1].pth"),
    ("an unknown key in a session", "plugins__0__session__ttl", 3, "plugins[0].session.ttl"),
    ("an unknown key in a binding", "bindings__0__user", "x", "bindings[0].user"),
    ("an app without secret", "apps__0__secret", ..., "apps[0].secret"),
    ("an empty secret", "apps__0__secret", " ", "apps[0].secret"),
    ("a number for a secret", "apps__0__secret", 12345678, "apps[0].secret"),
    ("a number for an AppID", "apps__1__appid", 1109999999, "apps[1].appid"),
    ("an AppID with an ampersand", "apps__1__appid", "1&secret=2", "apps[1].appid"),
    ("a name with upper case", "apps__1__name", "Game", "apps[1].name"),
    ("a name that ends with -", "upstreams__1", {"name": "a-", "endpoints": ["a:1"]}, "upstreams[1].name"),
    ("a name of 61 characters", "upstreams__1", {"name": "a" * 61, "endpoints": ["a:1"]}, "upstreams[1].name"),
    ("a name in Chinese", "groups__1__name", "商城", "groups[1].name"),
    ("a name with a line break at its end", "groups__1__name", "open\n", "groups[1].name"),
    ("text for a list", "apps", "shop", "apps"),
    ("null for a list", "bindings", None, "bindings"),
    ("a mapping for a list", "upstreams__0__endpoints", {"a:1": 2}, "upstreams[0].endpoints"),
    ("text for a mapping", "plugins__0__session", "user_session", "plugins[0].session"),
    ("no endpoints", "upstreams__0__endpoints", [], "upstreams[0].endpoints"),
    ("an unknown protocol", "upstreams__0__protocol", "http3", "upstreams[0].protocol"),
    ("a connect timeout of 0", "upstreams__0__connect_timeout", 0, "upstreams[0].connect_timeout"),
    ("a connect timeout in text", "upstreams__0__connect_timeout", "1s", "upstreams[0].connect_timeout"),
    ("a negative timeout", "upstreams__0__timeout", -1, "upstreams[0].timeout"),
    ("an endless timeout", "upstreams__0__timeout", float("inf"), "upstreams[0].timeout"),
    ("true for a timeout", "upstreams__0__timeout", True, "upstreams[0].timeout"),
    ("half a retry", "upstreams__0__connect_retries", 0.5, "upstreams[0].connect_retries"),
    ("a health check without path", "upstreams__0__health_check", {}, "upstreams[0].health_check.path"),
    (
        "a health check at a fragment",
        "upstreams__0__health_check",
        {"path": "/h#x"},
        "upstreams[0].health_check.path",
    ),
    ("TLS without server name", "upstreams__0__tls", {"ca": "/ca.pem"}, "upstreams[0].tls.server_name"),
    ("TLS with an address and port", "upstreams__0__tls", {"server_name": "a:1"}, "upstreams[0].tls.server_name"),
    ("no hosts", "groups__0__hosts", [], "groups[0].hosts"),
    ("text for hosts", "groups__0__hosts", "*", "groups[0].hosts"),
    ("yes for true", "groups__0__strip_prefix", "yes", "groups[0].strip_prefix"),
    ("1 for true", "groups__0__strip_prefix", 1, "groups[0].strip_prefix"),
    ("a group without upstream", "groups__0__upstream", ..., "groups[0].upstream"),
    ("a lower-case method", "groups__0__apis__1__methods__0", "get", "groups[0].apis[1].methods[0]"),
    ("an empty list of methods", "groups__0__apis__1__methods", [], "groups[0].apis[1].methods"),
    ("an unknown access", "groups__0__apis__1__access", "private", "groups[0].apis[1].access"),
    ("an unknown code position", "plugins__0__code__in", "path", "plugins[0].code.in"),
    ("a code name with a space", "plugins__0__code__name", "js code", "plugins[0].code.name"),
    ("a session name with a colon", "plugins__0__session__name", "a:b", "plugins[0].session.name"),
    ("a cookie name with =", "plugins__0__session", {"name": "a=b", "request_in": "cookie"}, "plugins[0].session.name"),
    ("an unknown session kind", "plugins__0__session__kind", "jwt", "plugins[0].session.kind"),
    ("a return in the query", "plugins__0__session__return_in", "query", "plugins[0].session.return_in"),
    ("a login state in the body", "plugins__0__session__request_in", "body", "plugins[0].session.request_in"),
    ("half a minute of idleness", "plugins__0__session__idle", 0.5, "plugins[0].session.idle"),
    ("no minute of idleness", "plugins__0__session__idle", 0, "plugins[0].session.idle"),
    ("a renewal in text", "plugins__0__session__renew_before", "10", "plugins[0].session.renew_before"),
    ("no sessions at all", "plugins__0__session__max_sessions", 0, "plugins[0].session.max_sessions"),
    ("sessions over 1000", "plugins__0__session__max_sessions", 1001, "plugins[0].session.max_sessions"),
    ("true for sessions", "plugins__0__session__max_sessions", True, "plugins[0].session.max_sessions"),
    ("refresh without a lifetime", "plugins__0__session__refresh", {}, "plugins[0].session.refresh.expires_in"),
    (
        "refresh beyond a year",
        "plugins__0__session__refresh",
        {"expires_in": 525_601},
        "plugins[0].session.refresh.expires_in",
    ),
    (
        "a refresh name with a space",
        "plugins__0__session__refresh",
        {"expires_in": 1440, "name": "a b"},
        "plugins[0].session.refresh.name",
    ),
    ("true for refresh", "plugins__0__session__refresh", True, "plugins[0].session.refresh"),
    ("text for claims", "plugins__0__session__claims", "level", "plugins[0].session.claims"),
    ("17 claims", "plugins__0__session__claims", [f"c{n}" for n in range(17)], "plugins[0].session.claims"),
    ("a claim in upper case", "plugins__0__session__claims", ["Level"], "plugins[0].session.claims[0]"),
    ("a claim with a dash", "plugins__0__session__claims", ["a", "vip-level"], "plugins[0].session.claims[1]"),
    ("a claim with a digit first", "plugins__0__session__claims", ["1st"], "plugins[0].session.claims[0]"),
    ("a claim of 33 characters", "plugins__0__session__claims", ["c" * 33], "plugins[0].session.claims[0]"),
    ("a number for a claim", "plugins__0__session__claims", [1], "plugins[0].session.claims[0]"),
    ("a list of claim headers", "plugins__0__identity", {"claims": ["level"]}, "plugins[0].identity.claims"),
    (
        "a header for openid among the claims",
        "plugins__0__identity",
        {"claims": {"openid": "x-openid"}},
        "plugins[0].identity.claims.openid",
    ),
    (
        "a claim header with a space",
        "plugins__0__identity",
        {"claims": {"level": "x level"}},
        "plugins[0].identity.claims.level",
    ),
    ("an unknown preset", "plugins__0__identity__headers", "tsf", "plugins[0].identity.headers"),
    ("a list of identity headers", "plugins__0__identity__headers", ["a"], "plugins[0].identity.headers"),
    (
        "an unknown identity field",
        "plugins__0__identity__headers",
        {"nickname": "x-nick"},
        "plugins[0].identity.headers.nickname",
    ),
    (
        "an identity header with a space",
        "plugins__0__identity__headers",
        {"openid": "x openid"},
        "plugins[0].identity.headers.openid",
    ),
    ("an unknown respond", "plugins__0__respond", "client", "plugins[0].respond"),
    ("an unknown status", "plugins__0__status", "401", "plugins[0].status"),
    ("text for a reply", "plugins__0__reply", "$session", "plugins[0].reply"),
    ("a plugin type with a dot", "plugins__0__type", "a.b", "plugins[0].type"),
    ("a binding without plugin", "bindings__0__plugin", ..., "bindings[0].plugin"),
    ("an API reference without group", "bindings__0", {"plugin": "shop-login", "api": "order"}, "bindings[0].api"),
    ("a listener certificate without key", "listener", {"tls": {"certificate": "/a"}}, "listener.tls.key"),
    ("a listener key without certificate", "listener", {"tls": {"key": "/a"}}, "listener.tls.certificate"),
    ("trusted hops below 0", "listener", {"trusted_hops": -1}, "listener.trusted_hops"),
    ("a client API at the root", "listener", {"client_api": "/"}, "listener.client_api"),
    ("a client API with a slash at its end", "listener", {"client_api": "/v1/"}, "listener.client_api"),
    ("a client API without a slash", "listener", {"client_api": "v1"}, "listener.client_api"),
    ("a client API with a parameter", "listener", {"client_api": "/v1/{app}"}, "listener.client_api"),
    ("a client API with a star", "listener", {"client_api": "/v1/*"}, "listener.client_api"),
    ("no text for a client API", "listener", {"client_api": False}, "listener.client_api"),
    ("an overlong description", "apps__0__description", "x" * 501, "apps[0].description"),
]


@pytest.mark.parametrize(("place", "value", "path"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_a_wrong_value_is_reported_at_its_key(place: str, value: Any, path: str) -> None:
    assert path in [problem.path for problem in problems(sound(**{place: value}))]


@pytest.mark.parametrize(
    "name",
    [
        "sub",
        "sid",
        "iss",
        "aud",
        "exp",
        "iat",
        "auth",
        "end",
        "life",
        "rnw",
        "app",
        "appid",
        "platform",
        "session_key",
        "phone",
    ],
)
def test_a_claim_has_no_name_that_is_taken(name: str) -> None:
    problem = the_problem(sound(plugins__0__session={"claims": [name]}))
    assert problem.path == "plugins[0].session.claims[0]"
    assert "is a reserved name" in problem.message


@pytest.mark.parametrize("name", ["l", "vip_until", "c" * 32, "level2", "a_"])
def test_a_claim_is_named_like_a_variable(name: str) -> None:
    assert load(sound(plugins__0__session={"claims": [name]})).document.plugins[0].session.claims == (name,)


@pytest.mark.parametrize("minutes", [90.5, 0, -1, True, "120", None, 525_601, 120.0, [120]])
def test_expiry_is_a_positive_whole_number_of_minutes(minutes: Any) -> None:
    problem = the_problem(sound(plugins__0__session__expires_in=minutes))
    assert problem.path == "plugins[0].session.expires_in"
    assert "positive whole number of minutes" in problem.message


@pytest.mark.parametrize("minutes", [1, 120, 525_600])
def test_expiry_may_be_anything_up_to_a_year(minutes: int) -> None:
    assert load(sound(plugins__0__session__expires_in=minutes)).document.plugins[0].session.expires_in == minutes


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a/",
        "api.weixin.qq.com",
        "//api.weixin.qq.com",
        "http://",
        "http://:80",
        "http://u@a/",
        "http://u:p@a/",
        "http://a/?x=1",
        "http://a/?",
        "http://a/#f",
        "http://a/#",
        "http://a:0/",
        "http://a:70000/",
        "http://a:/",
        "http://a b/",
        "http://a/\n",
        "http://[::1/",
        "http://[::1]x/",
        "http://例.cn/",
        "http://a\\@b/",
        "",
    ],
)
def test_a_base_url_that_could_go_elsewhere_is_refused(url: str) -> None:
    assert the_problem(sound(apps__0__base_url=url)).path == "apps[0].base_url"


@pytest.mark.parametrize("url", ["https://api.weixin.qq.com", "http://127.0.0.1:8082/wechat", "http://[::1]:80/a"])
def test_a_base_url_is_http_or_https(url: str) -> None:
    assert load(sound(apps__0__base_url=url)).document.apps[0].base_url == url


@pytest.mark.parametrize(
    "endpoint",
    [
        "a",
        "a:",
        ":80",
        "a:0",
        "a:65536",
        "a:+8",
        "a:８",
        "http://a:80",
        "::1:80",
        "[::1]",
        "[a]:80",
        "[fe80::1%e]:8",
        "1.2.3:80",
        "256.1.1.1:80",
        "a b:80",
        "-a:80",
        80,
        None,
    ],
)
def test_an_endpoint_that_is_no_host_and_port_is_refused(endpoint: Any) -> None:
    assert the_problem(sound(upstreams__0__endpoints=["b:1", endpoint])).path == "upstreams[0].endpoints[1]"


@pytest.mark.parametrize(
    "host",
    ["", "http://a.com", "a.com:80", "a.com/", "a.com.", "*a.com", "a.*", "*.", "**", "例.com", "a..com", "a com", 1],
)
def test_a_host_that_no_request_can_have_is_refused(host: Any) -> None:
    assert the_problem(sound(groups__0__hosts=["b.com", host])).path == "groups[0].hosts[1]"
