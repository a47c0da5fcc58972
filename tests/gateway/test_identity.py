"""Identity tags for the filters behind the brain: by the login state alone, every ticked one set."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

from menshen.config.route_rules import IdentityTag, Jwks, JwtRules, TokenAt
from menshen.gateway.answer import answer_allow
from menshen.gateway.decision import Allow
from menshen.gateway.identity import identity_headers, identity_tags
from menshen.gateway.request import AuthRequest
from menshen.sessions.claims import SessionClaims
from tests.gateway.samples import NOW, plugin, route

CLAIMS = SessionClaims("u1", "s1", "wechat", "wx4f4bc4dec97d474b", "o1", "", int(NOW), int(NOW) + 60)


def told(claims: SessionClaims | None, *ticked: str) -> dict[str, str]:
    login = plugin(identity_tags=ticked)
    return {name.decode(): value.decode() for name, value in identity_tags(route("order", login), login, claims)}


def test_what_is_ticked_is_set_and_nothing_else() -> None:
    claims = replace(CLAIMS, account="li@corp", tags={"nickname": "%E8%80%81%E7%8E%8B", "city": "Beijing"})
    assert told(claims, "nickname", "new_user", "platform", "app", "account") == {
        "x-menshen-tag-nickname": "%E8%80%81%E7%8E%8B",
        "x-menshen-tag-new-user": "",
        "x-menshen-tag-platform": "wechat",
        "x-menshen-tag-app": "shop",
        "x-menshen-tag-account": "li@corp",
    }
    assert told(claims) == {}


def test_the_identity_is_not_what_a_state_carries_under_its_name() -> None:
    """A signed state has the account encoded among its tags; the account itself counts."""
    claims = replace(CLAIMS, account='a,b"', tags={"account": "old", "platform": "x", "app": "x"})
    assert told(claims, "account", "platform", "app") == {
        "x-menshen-tag-account": "a%2Cb%22",
        "x-menshen-tag-platform": "wechat",
        "x-menshen-tag-app": "shop",
    }


def test_without_a_login_state_every_one_is_empty() -> None:
    every = get_args(IdentityTag)
    assert set(told(None, *every).values()) == {""}
    assert len(told(None, *every)) == len(every)


def test_every_header_is_set_and_a_claim_of_the_user_record_behind_them() -> None:
    pairs = (("vip", "x-vip"), ("level", "x-level"))
    assert identity_headers(plugin(claims=pairs), {"user": "u1", "claim:level": "7"}) == [
        (b"x-menshen-user", b"u1"),
        (b"x-menshen-openid", b""),
        (b"x-menshen-unionid", b""),
        (b"x-vip", b""),
        (b"x-level", b"7"),
    ]


def test_where_nobody_logs_in_what_envoy_or_a_guard_has_set_is_not_emptied() -> None:
    nothing: Any = None
    token = TokenAt("header", "authorization")
    partner = JwtRules("partner", "https://i.example", (), token, Jwks("{}"), (("sub", "x-menshen-user"),), 5)
    found = ((b"x-menshen-openid", b"of a guard"), (b"x-more", b""))
    for jwt, names in ((None, {b"x-menshen-user", b"x-menshen-unionid"}), (partner, {b"x-menshen-unionid"})):
        bare = replace(route("order", None), jwt=jwt)
        for by_guard in ((), found):
            request = AuthRequest("r@c", {}, found=by_guard)
            answer = answer_allow(Allow(bare, None), request, nothing, nothing, NOW)
            empty = names if by_guard else names | {b"x-menshen-openid"}
            assert sorted(answer.headers) == sorted([*((name, b"") for name in empty), *by_guard])
