"""Access tokens as the platform gives and judges them."""

from __future__ import annotations

import pytest

from menshen.emulator.tokens import FORCE_PAUSE, FORCED_A_DAY, LIFETIME, OVERLAP, Tokens
from tests.emulator.conftest import APPID, SECRET, Dice

NOW = 1_700_000_000.0


@pytest.fixture
def tokens():
    return Tokens(Dice())


def test_inside_its_life_there_is_one_stable_token(tokens):
    token, seconds = tokens.stable(NOW, force=False)
    assert seconds == LIFETIME
    assert len(token) >= 100
    assert tokens.stable(NOW + 1000, force=False) == (token, LIFETIME - 1000)
    assert tokens.stable(NOW + LIFETIME - OVERLAP - 1, force=False) == (token, OVERLAP + 1)


def test_in_the_last_five_minutes_there_is_another_and_both_are_good(tokens):
    old, _ = tokens.stable(NOW, force=False)
    later = NOW + LIFETIME - OVERLAP
    new, seconds = tokens.stable(later, force=False)
    assert (new != old, seconds) == (True, LIFETIME)
    assert [tokens.standing(token, later + OVERLAP - 1) for token in (old, new)] == ["good", "good"]
    assert [tokens.standing(token, later + OVERLAP) for token in (old, new)] == ["expired", "good"]


def test_force_kills_the_old_one_at_once(tokens):
    old, _ = tokens.stable(NOW, force=False)
    new, seconds = tokens.stable(NOW + 1, force=True)
    assert (new != old, seconds) == (True, LIFETIME)
    assert tokens.standing(old, NOW + 1) == "superseded"
    assert tokens.standing(new, NOW + 1) == "good"


def test_force_is_rationed(tokens):
    at = NOW - NOW % 86_400
    last, _ = tokens.stable(at, force=True)
    for number in range(FORCED_A_DAY):
        at += FORCE_PAUSE
        token, _ = tokens.stable(at, force=True)
        assert token != last, number
        last = token
        assert tokens.stable(at + FORCE_PAUSE - 1, force=True)[0] == token
    assert tokens.stable(at + FORCE_PAUSE, force=True)[0] == last
    tokens.stable(at + 4000, force=False)
    assert tokens.stable(at + 86_400, force=True)[0] != last


def test_a_plain_token_is_another_every_time_and_the_old_one_lasts_five_minutes(tokens):
    old, _ = tokens.plain(NOW)
    new, seconds = tokens.plain(NOW + 10)
    assert (new != old, seconds) == (True, LIFETIME)
    assert tokens.standing(old, NOW + 10 + OVERLAP - 1) == "good"
    assert tokens.standing(old, NOW + 10 + OVERLAP) == "superseded"
    assert tokens.standing(old, NOW + LIFETIME) == "expired"


def test_what_was_never_given_is_unknown_and_memory_is_bounded(tokens):
    first, _ = tokens.plain(NOW)
    assert tokens.standing("86_nothing", NOW) == "unknown"
    for _ in range(100):
        tokens.plain(NOW)
    assert tokens.standing(first, NOW) == "unknown"


def test_on_the_wire(emulate, clock):
    async def main(http):
        first = await http.token()
        assert list(first) == ["access_token", "expires_in"]
        assert await http.token() == first
        clock.time += 100
        again = await http.token()
        assert (again["access_token"], again["expires_in"]) == (first["access_token"], 7100)
        assert (await http.token(force=True))["access_token"] != first["access_token"]

    emulate(main)


def test_the_two_families_know_nothing_of_each_other(emulate):
    async def main(http):
        stable = (await http.token())["access_token"]
        query = {"appid": APPID, "secret": SECRET, "grant_type": "client_credential"}
        plain = (await http.call("GET", "cgi-bin/token", params=query))["access_token"]
        assert plain != stable
        assert (await http.token())["access_token"] == stable
        for token in (stable, plain):
            answer = await http.call("GET", "wxa/checksession", params={"access_token": token})
            assert answer["errcode"] == 40003

    emulate(main)


@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        ({"appid": ""}, 41002),
        ({"secret": ""}, 41004),
        ({"appid": "wxnone"}, 40013),
        ({"secret": "wrong"}, 40125),
        ({"grant_type": "authorization_code"}, 40002),
        ({"force_refresh": "yes"}, 47001),
    ],
)
def test_wrong_calls_for_a_token(emulate, change, errcode):
    async def main(http):
        answer = await http.token(**change)
        assert answer["errcode"] == errcode
        assert " rid: " in answer["errmsg"]

    emulate(main)


def test_a_stable_token_is_posted_as_json(emulate):
    async def main(http):
        assert (await http.call("GET", "cgi-bin/stable_token"))["errcode"] == 43002
        form = {"appid": APPID, "secret": SECRET, "grant_type": "client_credential"}
        assert (await http.call("POST", "cgi-bin/stable_token", data=form))["errcode"] == 47001
        assert (await http.call("POST", "cgi-bin/stable_token", data=b"x" * 100_000))["errcode"] == 47001

    emulate(main)


def test_qq_gives_plain_ones(emulate):
    async def main(http):
        query = {"appid": APPID, "secret": SECRET, "grant_type": "client_credential"}
        first = await http.call("GET", "api/getToken", "qq", params=query)
        assert (first["errcode"], first["expires_in"]) == (0, 7200)
        assert (await http.call("GET", "api/getToken", "qq", params=query))["access_token"] != first["access_token"]
        wrong = await http.call("GET", "api/getToken", "qq", params=query | {"secret": "wrong"})
        assert wrong["errcode"] == -101222100

    emulate(main)
