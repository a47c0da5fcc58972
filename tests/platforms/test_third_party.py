"""An adapter that a package brings is held to what adapters promise, when it is loaded and whenever it is asked."""

from __future__ import annotations

import re
import traceback

import pytest

from menshen.config.app_keys import AppKey
from menshen.config.snapshot import App
from menshen.errors import CodeInvalid, InternalFault, NotOffered, OpenDataInvalid, PlatformReplyInvalid
from menshen.foreign import Broken
from menshen.platforms.bare import BarePlatform, BareTokenPlatform
from menshen.platforms.base import (
    EncryptedData,
    PlatformIdentity,
    PlatformPhone,
    PlatformRequest,
    PlatformToken,
    TokenLogins,
)
from menshen.platforms.registry import PLATFORMS
from menshen.platforms.third_party import held
from menshen.secret import Secret
from tests.platforms.flows import answered

APP, SECRET = App("shop", "acme", "a1", Secret("s")), Secret("t")
GOOD = PlatformIdentity("user-1", "", Secret(""))
LEAK = "planted-session-key-of-an-exception"


class Acme(BarePlatform):
    name = "acme"
    plugin_type = "AcmeMpLogin"
    default_base_url = "https://open.acme.example"
    code_pattern = re.compile("[a-z]+")
    settings_page = "open.acme.example"
    gives: object = GOOD

    def code2session(self, app, code):
        yield PlatformRequest("GET", "https://open.acme.example/")
        return self.given()

    def given(self):
        if isinstance(self.gives, BaseException):
            raise self.gives
        return self.gives

    def access_token(self, app, force):
        yield PlatformRequest("GET", "https://open.acme.example/")
        return self.given()

    def check_session(self, app, token, openid, session_key):
        yield PlatformRequest("GET", "https://open.acme.example/")
        return self.given()

    def reset_session_key(self, app, token, openid, session_key):
        return self.code2session(app, "")

    def phone_number(self, app, token, code, openid):
        return self.code2session(app, "")

    def encrypted_data(self, data, iv):
        return self.given()

    def decrypt(self, app, closed, session_key, *, openid, now):
        return self.given()


class ByToken(BareTokenPlatform):
    name = "acme"
    plugin_type = "AcmeMpLogin"
    default_base_url = "https://open.acme.example"
    code_pattern = re.compile("[a-z]+")
    settings_page = "open.acme.example"

    def code2session_by(self, app, token, code):
        yield PlatformRequest("GET", "https://open.acme.example/")
        return GOOD


def giving(value):
    acme = Acme()
    acme.gives = value
    return held("acme", acme)


FLOWS = {
    "code2session": (lambda adapter: adapter.code2session(APP, "abc"), GOOD),
    "access_token": (lambda adapter: adapter.access_token(APP, False), PlatformToken(SECRET, 7200)),
    "phone_number": (
        lambda adapter: adapter.phone_number(APP, SECRET, "code", "user-1"),
        PlatformPhone("13800001111", "13800001111", "86"),
    ),
    "check_session": (lambda adapter: adapter.check_session(APP, SECRET, "user-1", SECRET), True),
    "reset_session_key": (lambda adapter: adapter.reset_session_key(APP, SECRET, "user-1", SECRET), GOOD),
}
CALLS = {
    "encrypted_data": (lambda adapter: adapter.encrypted_data("AA==", "AA=="), EncryptedData(b"1", b"2")),
    "decrypt": (
        lambda adapter: adapter.decrypt(APP, EncryptedData(b"", b""), SECRET, openid="o", now=0.0),
        {"openId": "o"},
    ),
}


@pytest.mark.parametrize(("ask", "value"), FLOWS.values(), ids=FLOWS)
def test_what_it_gives_is_passed_on(ask, value):
    assert answered(ask(giving(value)), {}) == value


@pytest.mark.parametrize(("ask", "value"), CALLS.values(), ids=CALLS)
def test_what_it_opens_is_passed_on(ask, value):
    assert ask(giving(value)) == value


@pytest.mark.parametrize(("ask", "_"), FLOWS.values(), ids=FLOWS)
@pytest.mark.parametrize("kind", [ValueError, KeyError, RuntimeError, RecursionError, SystemExit])
def test_what_it_raises_is_our_fault_and_its_text_goes_nowhere(ask, _, kind):
    with pytest.raises(InternalFault) as raised:
        answered(ask(giving(kind(LEAK))), {})
    told = "".join(traceback.format_exception(raised.value))
    assert kind.__name__ in raised.value.detail
    assert "test_third_party.py:" in raised.value.detail
    assert LEAK not in told
    assert raised.value.__context__ is None


@pytest.mark.parametrize(("ask", "_"), CALLS.values(), ids=CALLS)
def test_so_it_is_with_open_data(ask, _):
    for error in (ValueError(LEAK), SystemExit(LEAK)):
        with pytest.raises(InternalFault) as raised:
            ask(giving(error))
        assert LEAK not in "".join(traceback.format_exception(raised.value))
    with pytest.raises(OpenDataInvalid):
        ask(giving(OpenDataInvalid()))
    with pytest.raises(InternalFault):
        ask(giving(None))


def test_our_refusals_are_its_to_raise():
    with pytest.raises(CodeInvalid):
        answered(giving(CodeInvalid("201", platform_errcode=201)).code2session(APP, "abc"), {})


@pytest.mark.parametrize(
    "value",
    [
        None,
        {"openid": "user-1"},
        PlatformIdentity("", "", Secret("")),
        PlatformIdentity("a\r\nx-menshen-user: admin", "", Secret("")),
        PlatformIdentity("a b", "", Secret("")),
        PlatformIdentity("u" * 129, "", Secret("")),
        PlatformIdentity("用户", "", Secret("")),
        PlatformIdentity(7, "", Secret("")),
        PlatformIdentity("user-1", "a\nb", Secret("")),
        PlatformIdentity("user-1", None, Secret("")),
        PlatformIdentity("user-1", "", "plain"),
    ],
    ids=str,
)
def test_an_identity_that_can_be_none_logs_nobody_in(value):
    for call in ("code2session", "reset_session_key"):
        with pytest.raises(InternalFault):
            answered(FLOWS[call][0](giving(value)), {})


@pytest.mark.parametrize(
    "value",
    [
        None,
        PlatformToken(Secret(""), 7200),
        PlatformToken("plain", 7200),
        PlatformToken(SECRET, 0),
        PlatformToken(SECRET, 10**400),
    ],
    ids=["none", "empty", "plain", "over", "endless"],
)
def test_an_access_token_that_is_none(value):
    with pytest.raises(InternalFault):
        answered(FLOWS["access_token"][0](giving(value)), {})


def test_a_number_that_is_none_and_a_check_without_an_answer():
    with pytest.raises(PlatformReplyInvalid):
        answered(FLOWS["phone_number"][0](giving(PlatformPhone("x", "y", "z"))), {})
    with pytest.raises(InternalFault):
        answered(FLOWS["phone_number"][0](giving("13800001111")), {})
    with pytest.raises(InternalFault):
        answered(FLOWS["check_session"][0](giving(1)), {})


def test_what_it_does_not_say_is_not_offered():
    with pytest.raises(NotOffered):
        next(held("acme", ByToken()).phone_number(APP, SECRET, "code", "user-1"))


def test_a_login_by_access_token_stays_one_and_no_other_becomes_one():
    by_token = held("acme", ByToken())
    assert isinstance(by_token, TokenLogins)
    assert answered(by_token.code2session_by(APP, SECRET, "abc"), {}) == GOOD
    assert not isinstance(held("acme", Acme()), TokenLogins)


async def _asynchronous(app, code):
    return GOOD


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        {"plugin_type": "Acme Login"},
        {"plugin_type": None},
        {"default_base_url": "http://open.acme.example"},
        {"default_base_url": "https://"},
        {"settings_page": ""},
        {"settings_page": "a\nb"},
        {"code_pattern": "[a-z]+"},
        {"code_pattern": re.compile(b"[a-z]+")},
        {"phone_codes": 1},
        {"words": ("Acme", "login")},
        {"refused_for": {101: "weather"}},
        {"refused_for": {"101": "secret"}},
        {"refused_for": None},
        {"app_keys": {"password": AppKey(lambda _: None)}},
        {"app_keys": {"data_key": "x"}},
        {"decrypt": None},
        {"code2session": _asynchronous},
    ],
    ids=str,
)
def test_an_adapter_that_is_none_is_broken(change):
    with pytest.raises(Broken):
        held("acme", type("Changed", (Acme,), change)())


def test_an_object_that_has_nothing_is_broken_too():
    with pytest.raises((Broken, AttributeError)):
        held("acme", object())


@pytest.mark.parametrize("name", PLATFORMS)
def test_every_platform_of_menshens_own_would_hold(name):
    # WeChat's keys of api_security are no third party's to have.
    adapter = held(name, type("Own", (type(PLATFORMS[name]),), {"app_keys": {}})())
    assert isinstance(adapter, TokenLogins) == isinstance(PLATFORMS[name], TokenLogins)


def test_its_own_check_of_a_key_may_break_and_says_so():
    def wrong(text):
        raise ValueError(text.reveal())

    acme = type("Keyed", (Acme,), {"app_keys": {"data_key": AppKey(wrong)}})()
    english, chinese = held("acme", acme).app_keys["data_key"].wrong(Secret(LEAK))
    assert "ValueError" in english
    assert "ValueError" in chinese
    assert LEAK not in english + chinese
