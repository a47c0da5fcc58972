"""Documents to draw from: up to a few plugins of two apps, with any rules that a document may have."""

from __future__ import annotations

from hypothesis import strategies as st

from menshen.config.login_rules import CodeAt, RefreshRules, SessionRules
from menshen.config.snapshot import App, Endpoint, IdentityField, LoginPlugin, Route, Snapshot, Upstream
from menshen.secret import Secret
from tests.life.gateway import CODE, STATE, TOKEN

__all__ = ["NOW", "USERS", "session_rules", "snapshot_of"]

NOW = 1_800_000_000.25

APPS = (App("shop", "wechat", "wx1", Secret("secret-of-shop")), App("game", "qq", "q1", Secret("secret-of-game")))
IDENTITY: tuple[tuple[IdentityField, str], ...] = (
    ("user", "x-menshen-user"),
    ("session", "x-menshen-session"),
    ("openid", "x-menshen-openid"),
    ("assertion", "x-menshen-assertion"),
)
USERS = ("ann", "bob")
KINDS = ("sealed", "signed", "reference")


@st.composite
def session_rules(draw: st.DrawFn) -> SessionRules:
    """Any that a document may have, in a few minutes each."""
    expires_in = draw(st.integers(2, 30))
    shorter = st.sampled_from([0, 1, (expires_in + 2) // 3, expires_in - 1])
    return SessionRules(
        name=STATE,
        kind=draw(st.sampled_from(KINDS)),
        expires_in=expires_in,
        return_in="header",
        request_in="header",
        idle=draw(shorter),
        renew_before=draw(shorter),
        max_sessions=draw(st.sampled_from([0, 0, 2, 1])),
        refresh=draw(st.sampled_from([RefreshRules(TOKEN, expires_in * 3), RefreshRules(TOKEN, expires_in + 1), None])),
    )


def snapshot_of(rules: list[tuple[int, SessionRules]]) -> Snapshot:
    plugins = [
        LoginPlugin(f"p{number}", "any", APPS[app], CodeAt("header", CODE), own, IDENTITY)
        for number, (app, own) in enumerate(rules)
    ]
    names = tuple(header for _, header in IDENTITY)
    routes = tuple(
        Route(f"g/{p.name}", "g", p.name, ("*",), "", False, f"/{p.name}", (), "required", "backend", p, names)
        for p in plugins
    )
    return Snapshot(routes, (Upstream("backend", (Endpoint("127.0.0.1", 9),)),), APPS).sealed()
