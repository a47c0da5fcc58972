"""Identity tags for the filters behind the brain: by the login state alone, every ticked one set."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, get_args

import pytest
from joserfc.jwk import ECKey

from menshen.config.route_rules import IdentityTag, Jwks, JwtRules, TokenAt
from menshen.gateway.answer import answer_allow, answer_login
from menshen.gateway.assertion import LIFETIME, REUSE, Asserter
from menshen.gateway.codes import LoggedIn
from menshen.gateway.decision import Allow
from menshen.gateway.identity import Identities, identity_tags, no_identity
from menshen.gateway.request import AuthRequest
from menshen.secret import Secret
from menshen.sessions.base64url import decode
from menshen.sessions.claims import SessionClaims
from tests.gateway.samples import NOW, OTHER, plugin, route
from tests.sessions.rings import new_states

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
    login = plugin(claims=(("vip", "x-vip"), ("level", "x-level")))
    claims = replace(CLAIMS, claims={"level": "7", "other": "8"})
    assert new_identities().headers(login, claims, "orders", NOW) == (
        (b"x-menshen-user", b"u1"),
        (b"x-menshen-openid", b"o1"),
        (b"x-menshen-unionid", b""),
        (b"x-vip", b""),
        (b"x-level", b"7"),
    )
    assert [value for _, value in no_identity(login)] == [b""] * 5


def new_identities(**how: int) -> Identities:
    return Identities(Asserter([ECKey.generate_key("P-256", {"kid": "k1"})]), **how)


SIGNED = plugin(identity=(("user", "x-menshen-user"), ("assertion", "x-menshen-assertion")))


def asserted(told: tuple[tuple[bytes, bytes], ...]) -> dict[str, Any]:
    return dict(json.loads(decode(dict(told)[b"x-menshen-assertion"].split(b".")[1])))


def test_an_assertion_is_used_again_while_a_minute_of_it_is_left() -> None:
    identities = new_identities()
    first, last, next_ = (
        identities.headers(SIGNED, CLAIMS, "orders", NOW + later) for later in (0, REUSE - 0.1, REUSE)
    )
    assert first is last
    assert asserted(first)["exp"] - (NOW + REUSE) >= 60
    assert asserted(next_)["exp"] == NOW + REUSE + LIFETIME


def test_one_upstream_is_not_told_what_is_meant_for_another() -> None:
    identities = new_identities()
    assert [asserted(identities.headers(SIGNED, CLAIMS, name, NOW))["aud"] for name in ("a", "b", "a")] == [
        "a",
        "b",
        "a",
    ]


@pytest.mark.parametrize(
    "claims", [replace(CLAIMS, sub="u2"), replace(CLAIMS, account="li"), replace(CLAIMS, claims={"level": "7"})]
)
def test_other_claims_of_the_same_second_and_session_are_told_as_they_are(claims: SessionClaims) -> None:
    identities = new_identities()
    identities.headers(SIGNED, CLAIMS, "orders", NOW)
    told = asserted(identities.headers(SIGNED, claims, "orders", NOW))
    assert (told["sub"], told.get("account", ""), told.get("claims", {})) == (claims.sub, claims.account, claims.claims)


def test_a_plugin_of_another_revision_has_headers_of_its_own() -> None:
    identities = new_identities()
    identities.headers(plugin(), CLAIMS, "orders", NOW)
    renamed = plugin(identity=(("user", "x-user"),))
    assert identities.headers(renamed, CLAIMS, "orders", NOW) == ((b"x-user", b"u1"),)
    of_another_app = plugin(identity=(("app", "x-app"),), app=OTHER)
    assert identities.headers(of_another_app, CLAIMS, "orders", NOW) == ((b"x-app", b"other"),)


def test_the_same_plugin_of_another_route_is_told_the_same() -> None:
    identities = new_identities()
    again = replace(SIGNED, identity=(*SIGNED.identity,))
    assert identities.headers(SIGNED, CLAIMS, "orders", NOW) is identities.headers(again, CLAIMS, "orders", NOW)


def test_no_more_are_kept_than_was_said() -> None:
    identities = new_identities(kept=2)
    claims = [replace(CLAIMS, sid=f"s{number}") for number in range(3)]
    told = [identities.headers(SIGNED, each, "orders", NOW) for each in claims]
    assert identities.headers(SIGNED, claims[2], "orders", NOW) is told[2]
    assert identities.headers(SIGNED, claims[0], "orders", NOW) is not told[0]


def test_what_is_of_one_request_is_not_kept() -> None:
    identities = new_identities()
    login = plugin(identity=(("session_key", "x-key"),))
    extra = {"session_key": "planted-session-key"}
    assert identities.made(login, CLAIMS, "orders", NOW, extra) == ((b"x-key", b"planted-session-key"),)
    assert identities.headers(login, CLAIMS, "orders", NOW) == ((b"x-key", b""),)


def test_a_login_is_told_what_the_checks_behind_it_are_and_a_session_key_alone() -> None:
    identities, states, request = new_identities(), new_states(), AuthRequest("r@c", {})
    logged_in = LoggedIn(CLAIMS, Secret("planted-session-key"), new_user=False)
    first = answer_login(route("order", SIGNED), SIGNED, logged_in, request, states, identities, NOW)
    assert set(identities.headers(SIGNED, CLAIMS, "orders", NOW + 1)) <= set(first.headers)
    with_key = plugin(identity=(("session_key", "x-key"),))
    answer = answer_login(route("order", with_key), with_key, logged_in, request, states, identities, NOW)
    assert (b"x-key", b"planted-session-key") in answer.headers
    assert identities.headers(with_key, CLAIMS, "orders", NOW) == ((b"x-key", b""),)


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
