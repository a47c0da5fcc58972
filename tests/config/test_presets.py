"""Presets: what stands under a login plugin, and what stays the operator's own."""

from __future__ import annotations

from typing import Any

import pytest

from menshen.config.document import Plugin
from menshen.config.presets import presets, with_presets
from menshen.platforms.registry import PLATFORM_OF_PLUGIN
from menshen.web.user_api.authing.wire import NUMBERS
from tests.config.samples import load, plugin, problems, sound


def under(preset: str, **keys: Any) -> Plugin:
    return load(plugin(preset=preset, **keys)).document.login_plugins()[0]


@pytest.mark.parametrize("name", list(presets()))
@pytest.mark.parametrize("type_", PLATFORM_OF_PLUGIN)
def test_a_preset_alone_is_a_sound_plugin_on_every_platform(name: str, type_: str) -> None:
    app = {"name": "another", "platform": PLATFORM_OF_PLUGIN[type_], "appid": "app-1", "secret": "secret-of-another"}
    load(sound(apps__2=app, plugins__0={"name": "shop-login", "type": type_, "app": "another", "preset": name}))


@pytest.mark.parametrize("name", list(presets()))
def test_a_preset_does_what_the_same_keys_do(name: str) -> None:
    written = load(plugin(**presets()[name])).snapshot
    assert load(plugin(preset=name)).snapshot == written


def test_what_the_plugin_says_stands_before_the_preset_key_by_key() -> None:
    made = under("book", session={"expires_in": 30}, reply={"uid": "$openid", "more": 1})
    assert (made.session.name, made.session.return_in, made.session.expires_in) == ("sessionId", "body", 30)
    assert made.reply == {"sessionId": "$session", "expires_in": "$expires_in", "uid": "$openid", "more": 1}


def test_null_takes_away_what_the_preset_has() -> None:
    assert under("book").account is not None
    assert under("book", account=None).account is None


def test_a_list_is_not_merged() -> None:
    assert under("jwt", session={"claims": ["unionid"]}).session.claims == ("unionid",)


def test_the_document_keeps_what_was_written() -> None:
    raw = plugin(preset="book", session={"expires_in": 30})
    assert load(raw).raw["plugins"][0] == {
        "name": "shop-login",
        "type": "WeChatMpLogin",
        "app": "shop",
        "preset": "book",
        "session": {"expires_in": 30},
    }


def test_an_unknown_preset_is_refused_at_its_place() -> None:
    (problem,) = problems(plugin(preset="wafer3"))
    assert problem.path == "plugins[0].preset"
    assert "book" in problem.message
    assert "book" in problem.message_zh


@pytest.mark.parametrize("preset", [7, ["book"], {"book": 1}])
def test_a_preset_that_is_no_name_is_refused_at_its_place(preset: Any) -> None:
    assert [problem.path for problem in problems(plugin(preset=preset))] == ["plugins[0].preset"]


def test_what_disagrees_with_the_preset_is_told_at_the_plugins_keys() -> None:
    assert {problem.path for problem in problems(plugin(preset="book", respond="upstream"))} == {
        "plugins[0].reply",
        "plugins[0].session.return_in",
    }


def test_other_kinds_of_plugins_have_no_presets() -> None:
    raw = {"plugins": [{"name": "c", "type": "Cors", "preset": "book"}, "no plugin"]}
    assert with_presets(raw) == raw


def test_authings_numbers_are_those_of_its_wire() -> None:
    """A page compares with them, whichever of the two has refused it."""
    templates = dict(presets()["authing"]["refusals"])
    assert templates.pop("any")["code"] == "$code"
    assert {reason: template["code"] for reason, template in templates.items()} == {
        reason: number for reason, number in NUMBERS.items() if reason in templates
    }


def test_only_where_a_login_helps_does_wafers_client_log_in() -> None:
    refusals = presets()["wafer2"]["refusals"]
    assert refusals["login"]["code"] == -1
    assert refusals["any"]["code"] == "$code"
    assert set(refusals) == {"login", "any"}


def test_a_preset_with_refusals_is_not_for_signed_states() -> None:
    """What Envoy refuses alone could not have the client's shape."""
    signed = problems(plugin(preset="wafer2", session={"kind": "signed"}))
    assert [problem.path for problem in signed] == ["plugins[0].refusals"]
    assert under("wafer2", session={"kind": "signed"}, refusals=None).session.kind == "signed"
