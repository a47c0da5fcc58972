"""The phone in Node refuses what a phone would refuse: a page that only works here would be worth nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.examples.miniprogram.phone import DEVICE

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")

SHOWN = '<view><text>{{shown}}</text><button bindtap="go">go</button></view>'


def ran(
    root: Path, wxml: str, script: str, *commands: dict[str, Any], data: str = "{ shown: 'a', list: [1, 2] }"
) -> Any:
    """The last answer of a program with two tabs and a page above them; ``script`` is what its button does."""
    app = {
        "pages": ["first", "second", "above"],
        "window": {},
        "tabBar": {"list": [{"pagePath": "first", "text": "1"}, {"pagePath": "second", "text": "2"}]},
    }
    (root / "app.json").write_text(json.dumps(app))
    (root / "app.js").write_text("App({ launched: 0, onLaunch() { this.launched += 1; } });")
    for page in app["pages"]:
        (root / f"{page}.json").write_text("{}")
        (root / f"{page}.wxml").write_text(wxml if page == "first" else f"<view>{page} {{{{seen}}}}</view>")
        others = "Page({ data: { seen: 0 }, onShow() { this.setData({ seen: this.data.seen + 1 }); } });"
        (root / f"{page}.js").write_text(
            f"Page({{ data: {data}, go(e) {{ {script} }} }});" if page == "first" else others
        )
    settings = {"root": str(root), "emulator": "http://127.0.0.1:9", "appid": "wx", "user": "nobody"}
    asked = "".join(json.dumps(command) + "\n" for command in ({"do": "launch"}, *commands))
    run = subprocess.run(
        ["node", str(DEVICE), json.dumps(settings)], input=asked, capture_output=True, text=True, timeout=90
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


GO = {"do": "press", "text": "go"}


def test_set_data_changes_what_is_read(tmp_path: Path) -> None:
    script = "this.setData({ shown: e.type, 'deep.list[1].x': 3 });"
    assert ran(tmp_path, SHOWN, script, GO)["texts"] == ["tap", "go"]


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("this.setData({ shown: undefined });", "setData: shown is undefined"),
        ("nobody.knows();", "nobody is not defined"),
        ("fetch('http://127.0.0.1');", "fetch is not defined"),
        ("process.exit();", "process is not defined"),
        ("require('node:fs');", "module 'node:fs' is not defined"),
        ("require('../outside.js');", "module '../outside.js' is not defined"),
        ("Promise.reject(new Error('left alone'));", "left alone"),
        ("wx.navigateTo({ url: '/second' });", "can not navigateTo a tabbar page"),
        ("wx.switchTab({ url: '/above' });", "can not switch to no-tabBar page"),
        ("wx.navigateTo({ url: '/nowhere' });", "is not found"),
        ("wx.navigateBack();", "cannot navigate back at first page"),
    ],
)
def test_what_a_phone_does_not_know_is_an_error(tmp_path: Path, script: str, said: str) -> None:
    (tmp_path / "outside.js").write_text("")
    inside = tmp_path / "program"
    inside.mkdir()
    assert said in ran(inside, SHOWN, script, GO)["error"]


@pytest.mark.parametrize(
    ("wxml", "said"),
    [
        ('<button bindtap="go" disabled="{{true}}">go</button>', "go is disabled"),
        ('<button bindtap="go" wx:if="{{!shown}}">go</button>', "shows no go"),
        ('<button bindtap="go" hidden>go</button>', "shows no go"),
        ("<button>go</button>", "nothing hears"),
    ],
)
def test_a_button_that_cannot_be_pressed_is_not(tmp_path: Path, wxml: str, said: str) -> None:
    assert said in ran(tmp_path, wxml, "", GO)["error"]


@pytest.mark.parametrize(
    ("wxml", "texts"),
    [
        ('<view wx:for="{{list}}" wx:key="*this">{{index}}:{{item}}</view>', ["0:1", "1:2"]),
        ('<text wx:if="{{!shown}}">a</text><text wx:elif="{{list.length > 1}}">b</text><text wx:else>c</text>', ["b"]),
        ('<text wx:if="{{!shown}}">a</text><text wx:elif="{{!list}}">b</text><text wx:else>c</text>', ["c"]),
        ("<view>{{shown}} and {{shown === 'a' ? 'so' : 'not'}}</view>", ["a and so"]),
        ('<input value="{{shown}}" /><input placeholder="empty" value="" />', ["a", "empty"]),
        ("<!-- <view>none</view> --><block><view>one</view></block>", ["one"]),
    ],
)
def test_wxml_is_drawn_as_documented(tmp_path: Path, wxml: str, texts: list[str]) -> None:
    assert ran(tmp_path, wxml, "")["texts"] == texts


@pytest.mark.parametrize(
    ("wxml", "said"),
    [
        ("<view>", "<view> is not closed"),
        ("<view></text>", "</text> closes <view>"),
        ("<view a=b></view>", "not WXML"),
        ("<view>{{shown.trim()}}</view>", "WXML knows no such thing"),
        ("<view>{{shown ?? 'b'}}</view>", "WXML knows no such thing"),
        ('<view wx:for="{{shown}}">{{item}}</view>', "wx:for over string"),
    ],
)
def test_what_is_no_wxml_is_an_error(tmp_path: Path, wxml: str, said: str) -> None:
    assert said in ran(tmp_path, wxml, "")["error"]


def test_a_tab_stays_as_it_is_and_a_page_above_it_begins_anew(tmp_path: Path) -> None:
    to_second, to_first = {"do": "tab", "text": "2"}, {"do": "tab", "text": "1"}
    assert ran(tmp_path, SHOWN, "", to_second, to_first, to_second)["texts"] == ["second 2"]
    go, back = "wx.navigateTo({ url: '/above?a=b' });", {"do": "back"}
    seen = ran(tmp_path, SHOWN, go, GO, back, GO)
    assert (seen["page"], seen["texts"]) == ("above", ["above 1"])
