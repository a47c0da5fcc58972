"""What an adapter does not say, its platform does not have."""

from __future__ import annotations

import re

import pytest

from menshen.config.snapshot import App
from menshen.errors import CodeMalformed, InternalFault, NotOffered
from menshen.platforms.bare import BarePlatform, BareTokenPlatform
from menshen.platforms.base import EncryptedData
from menshen.platforms.registry import PLATFORMS
from menshen.secret import Secret

APP, SECRET = App("shop", "bare", "app-1", Secret("s")), Secret("t")
CALLS = {
    "access_token": lambda adapter: adapter.access_token(APP, False),
    "phone_number": lambda adapter: adapter.phone_number(APP, SECRET, "code", "openid"),
    "check_session": lambda adapter: adapter.check_session(APP, SECRET, "openid", SECRET),
    "reset_session_key": lambda adapter: adapter.reset_session_key(APP, SECRET, "openid", SECRET),
    "encrypted_data": lambda adapter: adapter.encrypted_data("AA==", "AA=="),
    "decrypt": lambda adapter: adapter.decrypt(APP, EncryptedData(b"", b""), SECRET, openid="o", now=0),
}


class Bare(BarePlatform):
    __slots__ = ()
    name = "bare"
    code_pattern = re.compile("[a-z]+")


class BareToken(BareTokenPlatform):
    __slots__ = ()
    name = "bare"


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_it_is_refused_before_anything_is_sent(call):
    with pytest.raises(NotOffered, match="bare"):
        call(Bare())


def test_it_is_not_announced():
    bare = Bare()
    announced = (bare.open_data, bare.session_keys, bare.phone_codes, bare.session_checks, bare.stable_tokens)
    assert announced == (False,) * 5
    assert bare.refused_for == {}


@pytest.mark.parametrize("name", PLATFORMS)
def test_what_an_adapter_announces_and_what_it_refuses_agree(name):
    adapter = PLATFORMS[name]
    for announced, calls in (
        (adapter.phone_codes, ["phone_number"]),
        (adapter.session_checks, ["check_session", "reset_session_key"]),
    ):
        for call in () if announced else calls:
            with pytest.raises(NotOffered):
                CALLS[call](adapter)


@pytest.mark.parametrize("code", ["", "a b", "a&appid=other", "é"])
def test_a_code_that_is_none_is_no_code(code):
    with pytest.raises(CodeMalformed):
        Bare().possible(code)


def test_a_code_that_can_be_one_is_kept_out_of_logs():
    possible = Bare().possible("abc")
    assert (possible.reveal(), repr(possible)) == ("abc", repr(Secret("x")))


def test_a_login_by_access_token_has_no_other_road():
    with pytest.raises(InternalFault):
        BareToken().code2session(APP, "abc")
