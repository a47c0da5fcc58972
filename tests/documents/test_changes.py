"""What changed, by part and key, and of a secret only that it did."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from menshen.documents.changes import Change, KeyChange, changes_between
from menshen.documents.editing import bind, create, delete, replace, replace_section, unbind
from menshen.documents.parts import apis_of

from .samples import CANARY, full


def of(edit: Any) -> tuple[Change, ...]:
    return changes_between(full(), edit(full()).raw)


def test_a_part_that_is_new_or_gone_is_told_with_its_keys() -> None:
    added = of(create(("upstreams",), {"name": "stock", "endpoints": ["127.0.0.1:1"], "tls": {"server_name": "x"}}))
    assert added == (
        Change(
            "upstreams/stock",
            "added",
            (
                KeyChange("endpoints", "added", None, ["127.0.0.1:1"]),
                KeyChange("tls", "added", None, {"server_name": "x"}),
            ),
        ),
    )
    removed = of(delete(("apps",), "shop"))
    assert [(change.part, change.what) for change in removed] == [("apps/shop", "removed")]
    assert KeyChange("secret", "removed", "***", None) in removed[0].keys


def test_a_key_is_told_with_its_old_and_new_value() -> None:
    api = {"name": "order", "path": "/orders/*", "methods": ["GET"]}
    assert of(replace(apis_of("mall"), "order", api)) == (
        Change(
            "groups/mall/apis/order",
            "changed",
            (
                KeyChange("path", "changed", "/orders/{id}", "/orders/*"),
                KeyChange("methods", "added", None, ["GET"]),
            ),
        ),
    )


def test_of_a_secret_only_that_it_changed() -> None:
    changed = full()
    changed["plugins"][1]["keys"][1]["secret"] = f"{CANARY}-another"
    changed["apps"][0]["secret"] = "${SECRET}"
    changed["users"]["accounts"]["verifier"]["secret"] = f"{CANARY}-third"
    found = changes_between(full(), changed)
    assert found == (
        Change("apps/shop", "changed", (KeyChange("secret", "changed", "***", "${SECRET}"),)),
        Change("plugins/partner-keys", "changed", (KeyChange("keys[crm].secret", "changed", "***", "***"),)),
        Change("users", "changed", (KeyChange("accounts.verifier.secret", "changed", "***", "***"),)),
    )


def test_bindings_and_sections_are_parts_too() -> None:
    new = {"plugin": "shop-login", "api": "partners/all"}
    assert of(bind([new])) == (Change("bindings/shop-login/partners/all", "added"),)
    assert of(unbind(full()["bindings"][:1])) == (Change("bindings/shop-login/mall", "removed"),)
    assert of(replace_section("tracing", {"sample": 1.0})) == (
        Change("tracing", "added", (KeyChange("sample", "added", None, 1.0),)),
    )


def test_another_order_is_a_change_of_the_list() -> None:
    turned = full()
    turned["groups"][0]["apis"].reverse()
    turned["plugins"].reverse()
    turned["bindings"].reverse()
    turned["plugins"][0]["keys"].reverse()
    assert [(change.part, change.what) for change in changes_between(full(), turned)] == [
        ("plugins/partner-keys", "changed"),
        ("groups/mall/apis", "reordered"),
        ("plugins", "reordered"),
        ("bindings", "reordered"),
    ]
    assert changes_between(full(), turned)[0].keys == (KeyChange("keys", "reordered", ["erp", "crm"], ["crm", "erp"]),)


def leaves(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict | list) and value:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return [leaf for key, item in items for leaf in leaves(item, (*at, key))]
    return [at]


@given(st.data())
def test_no_change_of_one_value_goes_unseen_and_no_secret_is_told(data: st.DataObject) -> None:
    place = data.draw(st.sampled_from(leaves(full())))
    changed = copy.deepcopy(full())
    at: Any = changed
    for step in place[:-1]:
        at = at[step]
    at[place[-1]] = "something-else"
    found = changes_between(full(), changed)
    assert found, place
    assert CANARY not in json.dumps([[key.old, key.new, key.path] for change in found for key in change.keys])
    assert changes_between(changed, copy.deepcopy(changed)) == ()
    back = changes_between(changed, full())
    assert len(back) == len(found)
