"""A snapshot with every shape that the builders tell apart, and addresses that are no machine's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from menshen.config.login_rules import CodeAt, OpenDataAt, SessionRules
from menshen.config.snapshot import (
    App,
    Endpoint,
    HealthCheck,
    Listener,
    LoginPlugin,
    Route,
    Snapshot,
    Tls,
    Upstream,
    UpstreamTls,
)
from menshen.config.user_rules import AccountFields
from menshen.envoy.addresses import Addresses
from menshen.secret import Secret

PLANTED = "planted-app-secret"
SHOP = App("shop", "wechat", "wx4f4bc4dec97d474b", Secret(PLANTED))
MENSHEN = (("user", "x-menshen-user"), ("openid", "x-menshen-openid"), ("unionid", "x-menshen-unionid"))
CLOUDRUN = (("openid", "x-wx-openid"), ("appid", "x-wx-appid"), ("source", "x-wx-source"))
OWN = (("user", "account"), ("openid", "mp_open.id"))


def plugin(name: str, code: CodeAt, session: SessionRules, identity: Any = MENSHEN) -> LoginPlugin:
    return LoginPlugin(name, "WeChatMpLogin", SHOP, code, session, identity)


def state(name: str, request_in: Any, return_in: Any = "header") -> SessionRules:
    return SessionRules(name, "sealed", 120, return_in, request_in)


BY_HEADER = replace(
    plugin("by-header", CodeAt("header", "js_code"), state("user_session", "header")),
    open_data=OpenDataAt("X-Data", "X-Data-IV"),
)
BY_QUERY = replace(
    plugin("by-query", CodeAt("query", "code"), state("token", "query"), CLOUDRUN), account=AccountFields("who", "word")
)
BY_BODY = plugin("by-body", CodeAt("body", "code"), state("sid", "cookie", "cookie"), OWN)


def route(group: str, api: str, path: str, login: LoginPlugin | None, **changes: Any) -> Route:
    fields: dict[str, Any] = {
        "hosts": ("*",),
        "prefix": "/mall",
        "strip_prefix": False,
        "methods": (),
        "access": "public" if login is None else "required",
        "upstream": "orders",
        "identity_headers": tuple(name for _, name in (login.identity if login else MENSHEN)),
    }
    return Route(id=f"{group}/{api}", group=group, api=api, path=path, login=login, **{**fields, **changes})


def sample_routes() -> tuple[Route, ...]:
    return (
        route("mall", "login", "/login", BY_HEADER, methods=("POST",)),
        route("mall", "list", "/orders", BY_HEADER, methods=("GET",)),
        route("mall", "create", "/orders", BY_HEADER, methods=("POST",)),
        route("mall", "order", "/orders/{id}", BY_HEADER, methods=("GET", "POST")),
        route("mall", "open", "/open", BY_HEADER, access="optional"),
        route("mall", "ws", "/ws", BY_HEADER),
        route("mall", "assets", "/static/*", None),
        route("mall", "home", "/", None),
        route("back", "users", "/users", BY_HEADER, prefix="/mall/admin", strip_prefix=True),
        route("back", "root", "/", BY_HEADER, prefix="/mall/admin", strip_prefix=True),
        route("mini", "query", "/query", BY_QUERY, prefix="/mini"),
        route("mini", "free", "/free", None, prefix="/mini"),
        route("mini", "form", "/form", BY_BODY, prefix="/mini", methods=("POST",)),
        route("odd", "comma", "/a,b", BY_HEADER, prefix="/odd"),
        route("site", "all", "/*", None, prefix="/", hosts=("www.example.com", "*.example.org")),
    )


BACKEND = Endpoint("127.0.0.1", 9001)


def sample(backend: Endpoint = BACKEND, **changes: Any) -> Snapshot:
    fields: dict[str, Any] = {
        "routes": sample_routes(),
        "upstreams": (Upstream("orders", (backend,)),),
        "apps": (SHOP,),
    }
    return Snapshot(**{**fields, **changes}).sealed()


_SHOWN = ("list", "order", "assets", "home", "users", "query", "free", "form", "comma")

FULL = sample(
    routes=(
        *(r for r in sample_routes() if r.api in _SHOWN),
        route("site", "all", "/*", None, prefix="/", hosts=("*.example.org",), upstream="remote"),
    ),
    upstreams=(
        Upstream("orders", (Endpoint("127.0.0.1", 9001), Endpoint("127.0.0.1", 9002)), connect_retries=0),
        Upstream(
            "remote",
            (Endpoint("orders.internal", 443),),
            protocol="http2",
            connect_timeout=0.25,
            timeout=0,
            health_check=HealthCheck("/healthz", 5, 1, 1, 3),
            tls=UpstreamTls("orders.internal", "/data/ca.pem"),
        ),
    ),
    listener=Listener(Tls("/data/tls/chain.pem", "/data/tls/key.pem"), trusted_hops=1, client_api=""),
)
PLAIN = sample()

OWN = sample(routes=(sample_routes()[1],))
"""One route of a document, and the gateway's own."""

ADDRESSES = Addresses(
    listen=Endpoint("127.0.0.1", 8080),
    brain=(Endpoint("127.0.0.1", 8091), Endpoint("127.0.0.1", 8092)),
    directory=Path("/data/envoy"),
    admin=Path("/data/envoy/admin.sock"),
)
