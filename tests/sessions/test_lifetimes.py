"""When states end and when they are renewed: examples first, then what must hold for every rule and every history."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menshen.config.login_rules import SessionRules
from menshen.sessions.claims import SessionClaims
from menshen.sessions.lifetimes import first_claims, renew_at, renewable, renewed

NOW = 1_800_000_000


def _rules(expires_in: int = 120, idle: int = 0, renew_before: int = 0) -> SessionRules:
    return SessionRules("s", "sealed", expires_in, "header", "header", idle=idle, renew_before=renew_before)


def _first(rules: SessionRules, now: int = NOW, auth: int | None = None) -> SessionClaims:
    who = {"sub": "u1", "sid": "s1", "platform": "wechat", "appid": "wx1", "openid": "o1", "unionid": ""}
    return first_claims(rules, **who, claims={"tier": "gold"}, now=now, auth=auth)


def _times(claims: SessionClaims | None) -> tuple[int, int, int] | None:
    """iat, exp and end, from NOW."""
    return (claims.iat - NOW, claims.exp - NOW, claims.end - NOW) if claims else None


def test_a_state_ends_when_it_is_issued_to_end() -> None:
    claims = _first(_rules())
    assert (claims.iat, claims.auth, claims.exp, claims.end, claims.life) == (NOW, NOW, NOW + 7200, NOW + 7200, 0)
    assert claims.claims == {"tier": "gold"}


def test_a_state_that_was_issued_without_renewal_is_never_renewed() -> None:
    """On a route of another plugin of the app, or after the operator turned renewal on: its record knows of neither."""
    claims = _first(_rules(expires_in=120))
    for now in range(NOW, NOW + 7200, 60):
        assert renewed(claims, _rules(expires_in=120, idle=30, renew_before=60), now) is None
    assert renew_at(claims, _rules(idle=30, renew_before=60)) == 0


def test_a_session_that_may_idle_out_has_a_shorter_state() -> None:
    claims = _first(_rules(idle=30))
    assert (claims.exp, claims.end, claims.life) == (NOW + 1800, NOW + 7200, 7200)


def test_a_refresh_keeps_the_login_time() -> None:
    assert _first(_rules(), auth=NOW - 86400).auth == NOW - 86400


@pytest.mark.parametrize(("idle", "renew_before"), [(0, 0), (30, 0), (0, 30), (30, 30)])
def test_renewable(idle: int, renew_before: int) -> None:
    assert renewable(_rules(idle=idle, renew_before=renew_before)) == bool(idle or renew_before)


def test_nothing_renews_a_state_where_the_rules_do_not() -> None:
    rules = _rules()
    claims = _first(rules)
    assert renew_at(claims, rules) == 0
    assert all(renewed(claims, rules, NOW + second) is None for second in range(0, 7300, 50))


def test_idle_is_counted_in_tenths() -> None:
    rules = _rules(idle=30)
    claims = _first(rules)
    assert renew_at(claims, rules) == NOW + 180
    assert renewed(claims, rules, NOW + 179.9) is None
    assert _times(renewed(claims, rules, NOW + 180.9)) == (180, 1980, 7200)


def test_use_does_not_carry_a_session_past_its_end() -> None:
    rules = _rules(idle=30)
    near = replace(_first(rules), iat=NOW + 5000, exp=NOW + 6800)
    last = renewed(near, rules, NOW + 6000)
    assert _times(last) == (6000, 7200, 7200)
    assert last
    assert renew_at(last, rules) == 0


def test_renew_before_moves_the_end() -> None:
    rules = _rules(renew_before=30)
    claims = _first(rules)
    assert renew_at(claims, rules) == NOW + 5400
    assert renewed(claims, rules, NOW + 5399.9) is None
    assert _times(renewed(claims, rules, NOW + 5401)) == (5401, 12601, 12601)


def test_both_together() -> None:
    rules = _rules(idle=30, renew_before=60)
    claims = _first(rules)
    assert _times(renewed(claims, rules, NOW + 200)) == (200, 2000, 7200)
    used = replace(claims, iat=NOW + 3000, exp=NOW + 4800)
    assert renew_at(used, rules) == NOW + 3180
    assert _times(renewed(used, rules, NOW + 3700)) == (3700, 5500, 10900)


def test_a_longer_expires_in_does_not_reach_sessions_of_before() -> None:
    """What a revocation must be remembered for was fixed when the session was opened."""
    claims = _first(_rules(60, renew_before=30))
    assert _times(renewed(claims, _rules(600, renew_before=30), NOW + 3000)) == (3000, 6600, 6600)


def test_a_shorter_expires_in_shortens_renewals_and_takes_nothing_away() -> None:
    claims = _first(_rules(600, renew_before=30))
    rules = _rules(60, renew_before=30)
    assert renewed(claims, rules, NOW + 30000) is None
    assert _times(renewed(claims, rules, NOW + 34300)) == (34300, 37900, 37900)


def test_a_renewal_gains_a_tenth_of_the_life_at_least() -> None:
    """Or a ``renew_before`` next to ``expires_in`` would bring a new state with every request."""
    rules = _rules(120, renew_before=119)
    assert renew_at(_first(rules), rules) == NOW + 720


def test_a_state_that_is_over_is_not_renewed() -> None:
    rules = _rules(idle=30, renew_before=30)
    claims = _first(rules)
    assert renewed(claims, rules, claims.exp - 1) is not None
    assert renewed(claims, rules, claims.exp) is None


@st.composite
def _any_rules(draw: st.DrawFn) -> SessionRules:
    expires_in = draw(st.integers(1, 525_600))
    shorter = st.one_of(st.just(0), st.integers(0, expires_in - 1))
    return _rules(expires_in, draw(shorter), draw(shorter))


steps = st.lists(st.tuples(_any_rules() | st.none(), st.floats(0, 1.2)), max_size=30)


@given(first=_any_rules(), history=steps, start=st.floats(0, 2e9))
def test_whatever_happens_to_a_session(first: SessionRules, history: list[tuple[Any, float]], start: float) -> None:
    """Requests at any time, documents changed in between: a step is so much of the state's time that is left."""
    now, rules = start, first
    claims = _first(first, int(start))
    for changed, part in history:
        rules = changed or rules
        now += part * max(claims.exp - now, 0.0)
        at = renew_at(claims, rules)
        after = renewed(claims, rules, now)
        assert (after is not None) == (bool(at) and at <= now < claims.exp)
        assert at == 0 or (renewable(rules) and at < claims.exp)
        if after is None:
            continue
        assert (after.sid, after.auth, after.life, after.claims) == (
            claims.sid,
            claims.auth,
            claims.life,
            claims.claims,
        )
        assert after.iat == int(now)
        assert after.exp <= after.end <= now + after.life
        assert after.exp >= claims.exp
        assert after.end >= claims.end
        assert after.end == claims.end or rules.renew_before
        assert after.exp > claims.exp or after.end > claims.end
        claims = after


@given(rules=_any_rules(), early=st.floats(0, 1))
def test_a_request_in_every_nine_tenths_of_idle_keeps_a_session_to_its_end(rules: SessionRules, early: float) -> None:
    rules = replace(rules, expires_in=min(rules.expires_in, 3000), renew_before=0)
    rules = replace(rules, idle=max(rules.expires_in // 20, 1))
    claims = _first(rules)
    now, end, states = float(NOW), claims.end, 1
    while now < end:
        assert now < claims.exp
        after = renewed(claims, rules, now)
        states += after is not None
        claims = after or claims
        now += rules.idle * 60 * (0.05 + 0.84 * early)
    assert claims.exp <= end
    assert states <= 10 * (end - NOW) / (rules.idle * 60) + 2


@given(rules=_any_rules())
def test_ten_states_a_life_at_most(rules: SessionRules) -> None:
    rules = replace(rules, idle=0)
    claims, now = _first(rules), NOW
    for _ in range(5):
        at = renew_at(claims, rules)
        if not at:
            return
        assert at - now >= claims.life // 10
        now = at
        after = renewed(claims, rules, now)
        assert after
        claims = after
