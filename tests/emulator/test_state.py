"""The state by hand: memory stays bounded, odd queries do no harm."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from menshen.emulator import state
from menshen.emulator.state import AppSettings, Emulator


def exchange(emulator: Emulator, code: str) -> dict[str, object]:
    query = f"appid=wx1&secret=s&js_code={code}&grant_type=authorization_code"
    return json.loads(emulator.code2session("wechat", "GET", query.encode()).body)


def test_expired_codes_are_forgotten(clock):
    emulator = Emulator(now=clock)
    emulator.add_app("wechat", "wx1", AppSettings("s"))
    for _ in range(100):
        emulator.login("wechat", "wx1", "a")
    assert len(emulator._codes) == 100
    clock.time += 300
    emulator.login("wechat", "wx1", "a")
    assert len(emulator._codes) == 1


def test_codes_users_and_counts_are_bounded(clock, monkeypatch):
    for name in ("_MOST_CODES", "_MOST_VISITORS", "_MOST_COUNTED"):
        monkeypatch.setattr(state, name, 10)
    emulator = Emulator(now=clock)
    emulator.add_app("wechat", "wx1", AppSettings("s"))
    codes = [emulator.login("wechat", "wx1", f"u{n}") for n in range(25)]
    assert exchange(emulator, codes[0])["errcode"] == 40029
    assert "openid" in exchange(emulator, codes[-1])
    for n in range(50):
        assert "openid" in exchange(emulator, emulator.login("wechat", "wx1", f"v{n}"))
    assert len(emulator._codes) <= 10
    assert len(emulator._sides["wechat"].visitors) <= 10
    assert len(emulator.calls("wechat").codes) == 10
    assert emulator.calls("wechat").total == 52


@given(st.binary(), st.sampled_from(["GET", "POST", "HEAD", ""]))
def test_any_query_gets_an_answer(query, method):
    emulator = Emulator()
    answer = emulator.code2session("wechat", method, query)
    assert json.loads(answer.body)["errcode"] in {41002, 41004, 41008, 40002, 40013}
