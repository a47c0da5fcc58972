"""States by their plugin: tags that Envoy reads, and those that a state has no room for."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from typing import get_args

import pytest

from menshen.config.login_rules import CodeAt, SessionKind, SessionRules
from menshen.config.route_rules import IdentityTag
from menshen.config.snapshot import App, LoginPlugin
from menshen.secret import Secret
from menshen.sessions.base64url import decode
from menshen.sessions.claims import SessionClaims
from menshen.sessions.states import States
from tests.sessions.rings import new_states
from tests.sessions.samples import CLAIMS, NOW

LONG = "%E7%8E%8B" * 42
"""The longest value that a tag has: 126 bytes, encoded."""

SELF: tuple[IdentityTag, ...] = ("nickname", "city", "province", "country", "language", "gender")


def plugin(kind: SessionKind, ticked: tuple[IdentityTag, ...] = SELF, claims: tuple[str, ...] = ()) -> LoginPlugin:
    app = App("shop", CLAIMS.platform, CLAIMS.appid, Secret("s"))
    rules = SessionRules("user_session", kind, 120, "header", "header", claims=claims)
    return LoginPlugin("shop-login", "WeChatMpLogin", app, CodeAt("header", "code"), rules, (), identity_tags=ticked)


def minted(states: States, of: LoginPlugin, claims: SessionClaims) -> SessionClaims:
    state = states.mint(of, claims).encode()
    assert len(state) <= 2048
    opened = states.open(of.session.kind, state, NOW)
    assert opened is not None
    return opened


@pytest.mark.parametrize("kind", ["sealed", "signed"])
def test_tags_that_do_not_fit_are_left_out_the_last_ticked_first(
    kind: SessionKind, caplog: pytest.LogCaptureFixture
) -> None:
    claims = replace(CLAIMS, tags=dict.fromkeys(reversed(SELF), LONG))
    states = new_states()
    with caplog.at_level(logging.WARNING, "menshen"):
        kept = tuple(minted(states, plugin(kind), claims).tags)
        assert minted(states, plugin(kind), claims).tags.keys() == set(kept)
    assert kept == SELF[: len(kept)]
    assert 1 <= len(kept) < len(SELF)
    assert (
        [(r.getMessage(), r.tag) for r in caplog.records]
        == [  # type: ignore[attr-defined]
            ("tag_left_out", name) for name in reversed(SELF[len(kept) :])
        ]
    ), "each once"
    assert LONG not in repr([vars(record) for record in caplog.records])


@pytest.mark.parametrize("kind", ["sealed", "signed"])
def test_the_longest_claims_leave_nobody_out_for_a_tag(kind: SessionKind) -> None:
    crowded = replace(CLAIMS, claims={f"c{n}": "x" * 128 for n in range(6)}, tags={"nickname": LONG, "gender": "1"})
    assert minted(new_states(), plugin(kind, ("gender", "nickname")), crowded).tags in ({}, {"gender": "1"})
    with pytest.raises(ValueError, match="2048 at most"):
        new_states().mint(plugin(kind), replace(crowded, claims={"essay": "x" * 1600}))


def test_what_only_another_plugin_ticks_goes_first() -> None:
    claims = replace(CLAIMS, tags={"nickname": LONG, "country": LONG, "city": LONG, "province": LONG})
    assert "city" in minted(new_states(), plugin("sealed", ("city",)), claims).tags


def test_an_account_is_spelt_as_a_tag_is_for_envoy() -> None:
    claims = replace(CLAIMS, account='e-1;x,menshen.role=admin"')
    states = new_states()
    payload = _payload(states.mint(plugin("signed", ("account",), ("account",)), claims))
    assert (payload["account"], payload["t_account"]) == (claims.account, "e-1%3Bx%2Cmenshen.role=admin%22")
    for other in (plugin("signed", (), ("account",)), plugin("signed", ("account",))):
        assert "t_account" not in _payload(states.mint(other, claims))
    assert "t_account" not in _payload(states.mint(plugin("signed", ("account",), ("account",)), CLAIMS))


def test_an_account_that_is_another_by_now_is_not_told_by_the_old_ones_tag() -> None:
    states, of = new_states(), plugin("signed", ("account",), ("account",))
    opened = minted(states, of, replace(CLAIMS, account="first"))
    assert _payload(states.mint(of, replace(opened, account="second")))["t_account"] == "second"
    assert "t_account" not in _payload(states.mint(of, replace(opened, account="")))


def test_what_every_state_says_anyway_is_not_said_twice() -> None:
    state = new_states().mint(plugin("signed", get_args(IdentityTag)), CLAIMS)
    assert [name for name in _payload(state) if name.startswith("t_")] == []


def _payload(state: str) -> dict[str, object]:
    return dict(json.loads(decode(state.encode().split(b".")[1])))
