"""WeChat third-party platforms: tickets on command, tokens for them, logins by them."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from menshen.config.snapshot import Component
from menshen.emulator.component import TICKET_LIFETIME, ComponentSettings, Push
from menshen.emulator.state import AppSettings, Emulator, NotFaked
from menshen.platforms.wechat_push import open_push
from menshen.secret import Secret

COMPONENT, SHOP, SECRET = "wx00000000000000c1", "wx00000000000000a1", "planted-component-secret"
SETTINGS = ComponentSettings(SECRET, "planted-message-token", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG")
TOKEN_PATH = "/cgi-bin/component/api_component_token"


class Clock:
    time = 1_700_000_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def emulator(clock: Clock) -> Emulator:
    made = Emulator(now=clock)
    made.add_app("wechat", SHOP, AppSettings("nobody-uses-it"))
    made.add_component(COMPONENT, SETTINGS, {SHOP})
    return made


def ticket_in(push: Push, now: float) -> str:
    keys = (Secret(SETTINGS.secret), Secret(SETTINGS.token), Secret(SETTINGS.message_key))
    component = Component("provider", COMPONENT, *keys)
    return open_push(component, urlencode(push.query).encode(), push.body.encode(), now).ticket.reveal()


def token_for(emulator: Emulator, ticket: str, **changed: str) -> dict[str, Any]:
    asked = {"component_appid": COMPONENT, "component_appsecret": SECRET, "component_verify_ticket": ticket} | changed
    fields: dict[str, Any] = json.loads(
        emulator.call("wechat", TOKEN_PATH, "POST", b"", json.dumps(asked).encode()).body
    )
    return fields


def login(emulator: Emulator, token: str, **changed: str) -> dict[str, Any]:
    query = {
        "appid": SHOP,
        "js_code": emulator.login("wechat", SHOP, "lin"),
        "grant_type": "authorization_code",
        "component_appid": COMPONENT,
        "component_access_token": token,
    } | changed
    fields: dict[str, Any] = json.loads(
        emulator.code2session_by_component("GET", urlencode({k: v for k, v in query.items() if v}).encode()).body
    )
    return fields


def token(emulator: Emulator, clock: Clock) -> str:
    told = token_for(emulator, ticket_in(emulator.component_ticket(COMPONENT), clock()))
    assert told["expires_in"] == 7200
    return str(told["component_access_token"])


def test_a_ticket_a_token_a_login(emulator: Emulator, clock: Clock) -> None:
    told = login(emulator, token(emulator, clock))
    assert set(told) == {"openid", "session_key"}


def test_the_openid_is_the_one_that_the_app_itself_would_be_told(emulator: Emulator, clock: Clock) -> None:
    code = emulator.login("wechat", SHOP, "lin")
    query = f"appid={SHOP}&secret=nobody-uses-it&js_code={code}&grant_type=authorization_code".encode()
    own = json.loads(emulator.code2session("wechat", "GET", query).body)
    assert login(emulator, token(emulator, clock))["openid"] == own["openid"]


def test_an_older_ticket_is_good_for_twelve_hours(emulator: Emulator, clock: Clock) -> None:
    old = ticket_in(emulator.component_ticket(COMPONENT), clock())
    emulator.component_ticket(COMPONENT)
    clock.time += TICKET_LIFETIME - 1
    assert "component_access_token" in token_for(emulator, old)
    clock.time += 1
    assert token_for(emulator, old)["errcode"] == 61005


@pytest.mark.parametrize(
    ("changed", "errcode"),
    [
        ({"component_verify_ticket": "ticket@@@none"}, 61006),
        ({"component_appid": "wx00000000000000c9"}, 61011),
        ({"component_appsecret": "another"}, 40125),
        ({"component_appsecret": ""}, 41004),
    ],
)
def test_what_is_wrong_with_a_call_for_a_token(
    emulator: Emulator, clock: Clock, changed: dict[str, str], errcode: int
) -> None:
    ticket = ticket_in(emulator.component_ticket(COMPONENT), clock())
    assert token_for(emulator, ticket, **changed)["errcode"] == errcode


@pytest.mark.parametrize(
    ("changed", "errcode"),
    [
        ({"component_access_token": "x" * 40}, 40001),
        ({"component_access_token": ""}, 41001),
        ({"component_appid": "wx00000000000000c9"}, 61011),
        ({"js_code": "0" * 32}, 40029),
        ({"js_code": ""}, 41008),
        ({"appid": "wx00000000000000a9"}, 40013),
        ({"grant_type": "other"}, 40002),
    ],
)
def test_what_is_wrong_with_a_login(emulator: Emulator, clock: Clock, changed: dict[str, str], errcode: int) -> None:
    assert login(emulator, token(emulator, clock), **changed)["errcode"] == errcode


def test_an_app_that_has_not_authorised(emulator: Emulator, clock: Clock) -> None:
    emulator.add_component(COMPONENT, SETTINGS, ())
    told = login(emulator, token(emulator, clock))
    assert told["errcode"] == 61003
    assert told["errmsg"].startswith("component is not authorized by this account")


def test_a_token_that_was_taken_back(emulator: Emulator, clock: Clock) -> None:
    held = token(emulator, clock)
    emulator.revoke_component_token(COMPONENT)
    assert login(emulator, held)["errcode"] == 40001


def test_what_is_heard_of_a_login_has_no_token_in_it(emulator: Emulator, clock: Clock) -> None:
    held, code = token(emulator, clock), emulator.login("wechat", SHOP, "lin")
    login(emulator, held, js_code=code)
    (heard,) = emulator.heard("wechat", code)
    assert held not in repr(heard)
    assert heard.path == "/wechat/sns/component/jscode2session"


def test_a_component_that_was_not_added(emulator: Emulator) -> None:
    with pytest.raises(NotFaked):
        emulator.component_ticket("wx00000000000000c9")
