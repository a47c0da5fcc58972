"""Which plugins are effective on an API: the group's, then its own, each once, exclusive kinds by the nearest."""

from __future__ import annotations

import pytest

from menshen.config.document import Binding
from menshen.config.effective import Bound, effective_plugins
from menshen.config.plugins.registry import EXCLUSIVE, GUARDS, PARTS, kind_of

KINDS = {
    "wx": "login",
    "wx2": "login",
    "jwt": "Jwt",
    "jwt2": "Jwt",
    "tags": "Tag",
    "more": "Tag",
    "slow": "RateLimit",
    "own": "custom",
}


def on_group(*names: str) -> list[Binding]:
    return [Binding(plugin=name, group="mall") for name in names]


def on_api(*names: str) -> list[Binding]:
    return [Binding(plugin=name, api="mall/order") for name in names]


def names(bindings: list[Binding], api: str = "order") -> list[str]:
    return [bound.plugin for bound in effective_plugins(bindings, KINDS).on("mall", api)]


def test_nothing_is_effective_where_nothing_is_bound() -> None:
    assert names([]) == []
    assert names([Binding(plugin="tags", group="other")]) == []
    assert names(on_api("tags"), api="login") == []


def test_those_of_the_group_come_first_each_once_in_the_order_of_the_bindings() -> None:
    assert names([*on_api("more", "slow"), *on_group("tags", "slow", "own")]) == ["tags", "own", "more", "slow"]


@pytest.mark.parametrize(("group", "api", "effective"), [("wx", "wx2", "wx2"), ("jwt", "jwt2", "jwt2")])
def test_of_an_exclusive_kind_the_apis_own_is_effective(group: str, api: str, effective: str) -> None:
    bindings = [*on_group(group, "tags"), *on_api(api)]
    assert names(bindings) == ["tags", effective]
    assert names(bindings, api="login") == [group, "tags"]


def test_one_exclusive_kind_does_not_replace_another() -> None:
    assert names([*on_group("wx"), *on_api("jwt")]) == ["wx", "jwt"]


def test_of_two_of_an_exclusive_kind_on_one_level_the_first_counts() -> None:
    assert names(on_group("wx", "wx2")) == ["wx"]


def test_a_plugin_knows_what_it_is_bound_to() -> None:
    effective = effective_plugins([*on_group("tags"), *on_api("slow")], KINDS)
    assert effective.on("mall", "order") == (Bound("tags", "mall"), Bound("slow", "mall/order"))


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        ({"type": "Tag"}, "Tag"),
        ({"type": "WeChatMpLogin", "app": "shop"}, "login"),
        ({"type": "WeChatMpLogn", "app": "shop", "parameters": {}}, "login"),
        ({"type": "WeChatMpLogin"}, "login"),
        ({"type": "VipOnly", "parameters": {}}, "custom"),
        ({"type": ["Tag"]}, "login"),
        ({}, "login"),
        ("nonsense", "login"),
    ],
)
def test_the_kind_of_a_plugin_as_it_is_written(raw: object, kind: str) -> None:
    assert kind_of(raw) == kind


def test_every_guard_of_one_kind_only_is_exclusive() -> None:
    assert set(EXCLUSIVE) <= {"login", *PARTS}
    assert sorted(GUARDS - EXCLUSIVE) == ["custom"]
