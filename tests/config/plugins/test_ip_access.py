"""What an operator writes about addresses, and what is refused of it."""

from __future__ import annotations

from typing import Any

import pytest

from menshen.config.route_rules import IpRules
from tests.config.samples import load, sound, the_problem


def document(**keys: Any) -> dict[str, Any]:
    addresses = {"name": "addresses", "type": "IpAccess", **keys}
    return sound(plugins__2=addresses, bindings__1={"plugin": "addresses", "group": "mall"})


def rules(raw: dict[str, Any], api: str = "mall/assets") -> tuple[IpRules, ...]:
    return next(route for route in load(raw).snapshot.routes if route.id == api).ip_access


def test_addresses_and_ranges_are_read_in_one_spelling() -> None:
    raw = document(allow=["192.0.2.7", "2001:DB8:0::/48"], deny=["::ffff:192.0.2.0/120", "0.0.0.0/0"])
    assert rules(raw) == (
        IpRules("addresses", ("192.0.2.7/32", "2001:db8::/48"), ("::ffff:c000:200/120", "0.0.0.0/0")),
    )


@pytest.mark.parametrize(
    "text",
    [
        "192.0.2.1/24",
        "192.0.2",
        "192.0.2.256",
        "0300.0.2.1",
        "192.0.2.0/33",
        "2001:db8::/129",
        "host",
        "",
        "::1%eth0",
        7,
    ],
)
def test_what_is_no_address_or_range_is_refused(text: object) -> None:
    assert the_problem(document(deny=[text])).path == "plugins[2].deny[0]"


def test_it_says_something_and_not_too_much() -> None:
    assert the_problem(document()).path == "plugins[2]"
    assert the_problem(document(allow=[], deny=[])).path == "plugins[2]"
    many = [f"10.{number >> 8}.{number & 255}.0/24" for number in range(1001)]
    load(document(deny=many[:1000]))
    assert the_problem(document(deny=many)).path == "plugins[2].deny"


def test_several_are_effective_and_a_public_api_has_them_too() -> None:
    raw = document(deny=["192.0.2.0/24"])
    raw["plugins"].append({"name": "more", "type": "IpAccess", "allow": ["198.51.100.0/24"]})
    raw["bindings"].append({"plugin": "more", "api": "mall/assets"})
    raw["bindings"].append({"plugin": "addresses", "api": "mall/assets"})
    assert sorted(each.plugin for each in rules(raw)) == ["addresses", "more"]
    assert [each.plugin for each in rules(raw, "mall/order")] == ["addresses"]
