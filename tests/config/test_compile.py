from __future__ import annotations

from menshen.config.identity import PRESETS
from menshen.config.login_rules import CodeAt, RefreshRules, SessionRules
from menshen.config.snapshot import (
    Endpoint,
    HealthCheck,
    Listener,
    Route,
    Tls,
    UpstreamTls,
    decode_snapshot,
    encode_snapshot,
)

from .samples import ENV, load, sound

MENSHEN_HEADERS = tuple(header for _, header in PRESETS["menshen"])


def routes(**changes: object) -> dict[str, Route]:
    return {route.id: route for route in load(sound(**changes)).snapshot.routes}


def test_routes_are_in_the_documents_order() -> None:
    assert list(routes()) == ["mall/login", "mall/order", "mall/assets", "open/news"]


def test_a_route_has_everything_resolved() -> None:
    route = routes(groups__0__hosts=["API.example.com", "*"], groups__0__strip_prefix=True)["mall/order"]
    assert route.login is not None
    assert route == Route(
        id="mall/order",
        group="mall",
        api="order",
        hosts=("api.example.com", "*"),
        prefix="/mall",
        strip_prefix=True,
        path="/orders/{id}",
        methods=("GET", "POST"),
        access="required",
        upstream="orders",
        login=route.login,
        identity_headers=MENSHEN_HEADERS,
    )
    login = route.login
    assert (login.name, login.type, login.app.name) == ("shop-login", "WeChatMpLogin", "shop")
    assert login.app.secret.reveal() == ENV["SHOP_APPSECRET"]
    assert login.code == CodeAt("header", "js_code")
    assert login.session == SessionRules("user_session", "sealed", 120, "header", "header")
    assert login.identity == PRESETS["menshen"]
    assert login.claims == ()


def test_how_login_states_end_is_carried_over() -> None:
    written = {
        "kind": "signed",
        "idle": 30,
        "renew_before": 20,
        "max_sessions": 3,
        "refresh": {"expires_in": 43200},
        "claims": ["openid", "level"],
    }
    login = routes(plugins__0__session=written)["mall/login"].login
    assert login is not None
    assert login.session == SessionRules(
        name="user_session",
        kind="signed",
        expires_in=120,
        return_in="header",
        request_in="header",
        idle=30,
        renew_before=20,
        max_sessions=3,
        refresh=RefreshRules("refresh_token", 43200),
        claims=("openid", "level"),
    )


def test_custom_claims_have_headers_in_the_order_of_the_claims() -> None:
    compiled = routes(
        plugins__0__session={"kind": "signed", "claims": ["vip_until", "openid", "level"]},
        plugins__0__identity={"headers": {"user": "x-user"}, "claims": {"level": "X-Level"}},
    )
    login = compiled["mall/login"].login
    assert login is not None
    assert login.claims == (("vip_until", "x-menshen-claim-vip-until"), ("level", "x-level"))
    assert compiled["mall/login"].identity_headers == ("x-user", "x-menshen-claim-vip-until", "x-level")
    assert compiled["mall/assets"].identity_headers == compiled["mall/login"].identity_headers
    assert compiled["open/news"].identity_headers == MENSHEN_HEADERS


def test_access_follows_the_bindings_unless_it_is_written() -> None:
    compiled = routes(groups__0__apis__1__access="optional")
    assert [route.access for route in compiled.values()] == ["required", "optional", "public", "public"]
    assert [route.login is None for route in compiled.values()] == [False, False, True, True]


def test_a_binding_to_an_api_beats_the_one_to_its_group() -> None:
    compiled = routes(bindings__1={"plugin": "game-login", "api": "mall/order"})
    assert [route.login and route.login.name for route in compiled.values()] == ["shop-login", "game-login", None, None]


def test_a_public_route_blanks_the_headers_of_the_plugin_that_is_bound() -> None:
    compiled = routes(plugins__0__identity={"headers": "cloudrun"})
    assert compiled["mall/assets"].login is None
    assert compiled["mall/assets"].identity_headers == ("x-wx-openid", "x-wx-appid", "x-wx-unionid", "x-wx-source")
    assert compiled["open/news"].identity_headers == MENSHEN_HEADERS


def test_a_mapping_of_headers_is_the_identity() -> None:
    compiled = routes(plugins__0__identity={"headers": {"openid": "X-OpenID", "user": "X-User"}})
    login = compiled["mall/login"].login
    assert login is not None
    assert login.identity == (("openid", "x-openid"), ("user", "x-user"))
    assert compiled["mall/login"].identity_headers == ("x-openid", "x-user")


def test_upstreams_and_listener_are_carried_over() -> None:
    snapshot = load(
        sound(
            upstreams__0={
                "name": "orders",
                "endpoints": ["a:1", "[::1]:2"],
                "protocol": "http2",
                "connect_timeout": 2,
                "timeout": 0,
                "connect_retries": 3,
                "health_check": {"path": "/h"},
                "tls": {"server_name": "a", "ca": "/ca.pem"},
            },
            listener={"tls": {"certificate": "/c", "key": "/k"}, "trusted_hops": 2, "client_api": ""},
        )
    ).snapshot
    (upstream,) = snapshot.upstreams
    assert upstream.endpoints == (Endpoint("a", 1), Endpoint("::1", 2))
    assert (upstream.protocol, upstream.connect_timeout, upstream.timeout) == ("http2", 2.0, 0.0)
    assert upstream.connect_retries == 3
    assert upstream.health_check == HealthCheck("/h", 5.0, 2.0, 2, 3)
    assert upstream.tls == UpstreamTls("a", "/ca.pem")
    assert snapshot.listener == Listener(Tls("/c", "/k"), 2, "")


def test_a_snapshot_is_sealed_and_travels_whole() -> None:
    snapshot = load(sound()).snapshot
    assert snapshot.checksum == snapshot.sealed().checksum != ""
    assert decode_snapshot(encode_snapshot(snapshot)) == snapshot


def test_the_same_document_has_the_same_checksum_and_a_change_another() -> None:
    first = load(sound()).snapshot.checksum
    assert load(sound()).snapshot.checksum == first
    assert load(sound(groups__0__apis__0__path="/log-in")).snapshot.checksum != first
    assert load(sound(apps__1__secret="another")).snapshot.checksum != first
    assert load(sound(apps__1__description="words only")).snapshot.checksum == first


def test_a_reply_is_carried_over_and_its_default_is_the_gateways() -> None:
    with_reply = routes(plugins__0__respond="gateway", plugins__0__reply={"s": "$session"})["mall/login"].login
    without = routes(plugins__0__respond="gateway")["mall/login"].login
    assert with_reply is not None
    assert without is not None
    assert (with_reply.reply, without.reply) == ({"s": "$session"}, None)
