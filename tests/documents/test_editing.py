"""One part changes and everything else stays; references follow a name."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from menshen.documents.editing import (
    Edit,
    bind,
    create,
    delete,
    delete_section,
    rebind,
    replace,
    replace_document,
    replace_section,
    unbind,
)
from menshen.documents.parts import KINDS, Way, apis_of, items_at, part_at, way_text
from menshen.errors import NameTaken, PartUnknown

from .samples import full

LISTS: list[Way] = [*((kind,) for kind in KINDS), apis_of("mall")]


def edited(edit: Edit, raw: dict[str, Any] | None = None) -> dict[str, Any]:
    """The document after an edit that has left the one it was given as it was."""
    before = full() if raw is None else raw
    untouched = copy.deepcopy(before)
    after = edit(before).raw
    assert before == untouched
    return after


def others(raw: dict[str, Any], where: Way) -> dict[str, Any]:
    return {key: value for key, value in raw.items() if key != where[0]}


@pytest.mark.parametrize("where", LISTS, ids=way_text)
def test_a_new_part_comes_last_and_nothing_else_changes(where: Way) -> None:
    after = edited(create(where, {"name": "new", "description": "x"}))
    assert items_at(after, where) == [*items_at(full(), where), {"name": "new", "description": "x"}]
    assert others(after, where) == others(full(), where)
    assert create(where, {"name": "new"})(full()).places[0][0][-1] == len(items_at(full(), where))


@pytest.mark.parametrize("where", LISTS, ids=way_text)
def test_a_replaced_part_stays_where_it_was(where: Way) -> None:
    first = items_at(full(), where)[0]
    after = edited(replace(where, first["name"], {"description": "x"}))
    kept = {"apis": first["apis"]} if "apis" in first else {}
    assert items_at(after, where) == [{"name": first["name"], "description": "x", **kept}, *items_at(full(), where)[1:]]
    assert others(after, where) == others(full(), where)


@pytest.mark.parametrize("where", LISTS, ids=way_text)
def test_a_deleted_part_is_gone_and_the_order_is_kept(where: Way) -> None:
    first = items_at(full(), where)[0]["name"]
    assert items_at(edited(delete(where, first)), where) == items_at(full(), where)[1:]


@pytest.mark.parametrize("where", LISTS, ids=way_text)
def test_a_name_that_is_not_there_or_is_taken_is_refused(where: Way) -> None:
    first = items_at(full(), where)[0]["name"]
    for edit in (replace(where, "nobody", {}), delete(where, "nobody")):
        with pytest.raises(PartUnknown, match=f"there is no {way_text(where)}/nobody"):
            edit(full())
    with pytest.raises(NameTaken, match=f"there is a {way_text(where)}/{first} already"):
        create(where, {"name": first})(full())
    two = edited(create(where, {"name": "second"}))
    with pytest.raises(NameTaken):
        replace(where, "second", {"name": first})(two)


@pytest.mark.parametrize("edit", [create, replace, delete], ids=lambda edit: edit.__name__)
def test_a_group_that_is_not_there_has_no_apis(edit: Any) -> None:
    arguments = {"create": ({"name": "x"},), "replace": ("x", {}), "delete": ("x",)}[edit.__name__]
    with pytest.raises(PartUnknown, match="there is no groups/nobody"):
        edit(apis_of("nobody"), *arguments)(full())


def renamed(where: Way, name: str) -> dict[str, Any]:
    return edited(replace(where, name, {**part_at(full(), (*where, name)), "name": "other"}))


def test_plugins_follow_the_name_of_an_app() -> None:
    after = renamed(("apps",), "shop")
    assert [plugin.get("app") for plugin in after["plugins"]] == ["other", None]


def test_groups_follow_the_name_of_an_upstream() -> None:
    assert [group["upstream"] for group in renamed(("upstreams",), "orders")["groups"]] == ["other", "other"]


def test_bindings_follow_the_name_of_a_plugin() -> None:
    after = renamed(("plugins",), "shop-login")
    assert [binding["plugin"] for binding in after["bindings"]] == ["other", "partner-keys"]


def test_bindings_follow_the_name_of_a_group_and_of_an_api() -> None:
    assert renamed(("groups",), "mall")["bindings"][0] == {"plugin": "shop-login", "group": "other"}
    assert renamed(("groups",), "partners")["bindings"][1] == {"plugin": "partner-keys", "api": "other/all"}
    assert renamed(apis_of("partners"), "all")["bindings"][1] == {"plugin": "partner-keys", "api": "partners/other"}
    assert renamed(apis_of("mall"), "order")["bindings"] == full()["bindings"], "a binding of another group's API"


def test_what_was_bound_to_a_group_or_api_that_is_deleted_is_bound_no_more_and_a_plugin_stays_bound() -> None:
    assert edited(delete(("groups",), "mall"))["bindings"] == full()["bindings"][1:]
    assert edited(delete(apis_of("partners"), "all"))["bindings"] == full()["bindings"][:1]
    assert edited(delete(("groups",), "partners"))["bindings"] == full()["bindings"][:1]
    assert edited(delete(("plugins",), "shop-login"))["bindings"] == full()["bindings"]


def test_a_group_without_apis_keeps_them_and_an_empty_list_has_none() -> None:
    assert (
        edited(replace(("groups",), "mall", {"upstream": "orders"}))["groups"][0]["apis"] == full()["groups"][0]["apis"]
    )
    assert edited(replace(("groups",), "mall", {"upstream": "orders", "apis": []}))["groups"][0]["apis"] == []


def test_one_plugin_is_bound_to_many_targets_at_once_and_to_each_once() -> None:
    many = [
        {"plugin": "shop-login", "api": "mall/order"},
        full()["bindings"][0],
        {"plugin": "shop-login", "group": "x"},
    ]
    after = bind(many)(full())
    assert after.raw["bindings"] == [*full()["bindings"], many[0], many[2]]
    assert after.places == ((("bindings", 2), (0,)), (("bindings", 0), (1,)), (("bindings", 3), (2,)))
    assert edited(bind(many), {"version": 1})["bindings"] == many


def test_bindings_are_taken_away() -> None:
    assert edited(unbind(full()["bindings"][:1]))["bindings"] == full()["bindings"][1:]
    with pytest.raises(PartUnknown):
        unbind([{"plugin": "shop-login", "api": "mall/order"}])(full())


def test_all_bindings_of_a_plugin_are_replaced_and_those_that_stay_keep_their_place() -> None:
    before = edited(
        bind([{"plugin": "shop-login", "api": "mall/order"}, {"plugin": "shop-login", "api": "mall/login"}])
    )
    after = edited(rebind("shop-login", [{"group": "partners"}, {"api": "mall/login"}]), before)
    assert after["bindings"] == [
        {"plugin": "partner-keys", "api": "partners/all"},
        {"plugin": "shop-login", "api": "mall/login"},
        {"plugin": "shop-login", "group": "partners"},
    ]
    assert edited(rebind("shop-login", []))["bindings"] == full()["bindings"][1:]
    with pytest.raises(PartUnknown, match="plugins/nobody"):
        rebind("nobody", [])(full())


def test_a_section_and_the_whole_are_replaced() -> None:
    assert edited(replace_section("tracing", {"sample": 1.0})) == {**full(), "tracing": {"sample": 1.0}}
    without = full()
    del without["users"]
    assert edited(delete_section("users")) == without
    assert edited(delete_section("tracing")) == full()
    assert edited(replace_document({"version": 1})) == {"version": 1}
