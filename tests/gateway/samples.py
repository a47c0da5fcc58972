"""One snapshot with every kind of route."""

from __future__ import annotations

from dataclasses import replace

from menshen.config.login_rules import CodeAt, SessionRules
from menshen.config.snapshot import App, Endpoint, LoginPlugin, Route, Snapshot, Upstream
from menshen.secret import Secret
from menshen.sessions.claims import SessionClaims

NOW = 1_800_000_000.0
SHOP = App("shop", "wechat", "wx4f4bc4dec97d474b", Secret("planted-app-secret-of-shop"))
OTHER = App("other", "wechat", "wx0000000000000001", Secret("planted-app-secret-of-other"))
IDENTITY = (("user", "x-menshen-user"), ("openid", "x-menshen-openid"), ("unionid", "x-menshen-unionid"))


def plugin(**changes: object) -> LoginPlugin:
    base = LoginPlugin(
        name="shop-login",
        type="WeChatMpLogin",
        app=SHOP,
        code=CodeAt("header", "js_code"),
        session=SessionRules("user_session", "sealed", 120, "header", "header"),
        identity=IDENTITY,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def route(name: str, login: LoginPlugin | None, access: str = "required") -> Route:
    return Route(
        id=f"mall/{name}",
        group="mall",
        api=name,
        hosts=("*",),
        prefix="/mall",
        strip_prefix=False,
        path=f"/{name}",
        methods=(),
        access=access,  # type: ignore[arg-type]
        upstream="orders",
        login=login,
        identity_headers=tuple(header for _, header in IDENTITY),
    )


def session(position: str, returned: str = "header") -> SessionRules:
    return SessionRules("user_session", "sealed", 120, returned, position)  # type: ignore[arg-type]


def nobody(_: SessionClaims) -> bool:
    """Whose session was revoked: nobody's."""
    return False


SNAPSHOT = Snapshot(
    routes=(
        route("order", plugin()),
        route("news", plugin(), "optional"),
        route("static", None, "public"),
        route("other", plugin(app=OTHER)),
        route("body", plugin(code=CodeAt("body", "js_code"))),
        route("query", plugin(code=CodeAt("query", "js_code"), session=session("query"))),
        route("cookie", plugin(code=CodeAt("cookie", "js_code"), session=session("cookie", "cookie"))),
        route("jar", plugin(session=session("header", "cookie"))),
        route("tsf", plugin(status="tsf")),
    ),
    upstreams=(Upstream("orders", (Endpoint("127.0.0.1", 9001),)),),
    apps=(SHOP, OTHER),
).sealed()
