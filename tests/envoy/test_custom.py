"""Filters of plugin types, as Envoy is told of them."""

from __future__ import annotations

from dataclasses import replace

from menshen.config.route_rules import CustomRules, EnvoyPart
from menshen.config.snapshot import Snapshot
from menshen.envoy.custom import custom_filters, customised
from menshen.envoy.http_connection_manager import http_connection_manager
from menshen.envoy.typed import Json
from tests.envoy.samples import ADDRESSES, BY_HEADER, route, sample

FILTER = {"@type": "type.googleapis.com/a.Filter"}


def rules(kind: str, name: str, limit: int | None) -> CustomRules:
    part = None if limit is None else EnvoyPart({**FILTER, "of": kind}, {"@type": "b", "limit": limit})
    return CustomRules(name, kind, envoy=part)


def snapshot(*custom: tuple[CustomRules, ...]) -> Snapshot:
    routes = (route("g", f"r{n}", f"/r{n}", BY_HEADER, custom=each) for n, each in enumerate(custom))
    return sample(routes=tuple(routes))


def filters(of: Snapshot) -> list[Json]:
    found: list[Json] = http_connection_manager(of, ADDRESSES)["typed_config"]["http_filters"]
    return found


def test_a_type_has_one_filter_that_is_off_where_no_route_turns_it_on() -> None:
    of = snapshot((rules("B", "b1", 1),), (rules("A", "a1", 2), rules("B", "b2", 3)), (rules("C", "c", None),), ())
    assert custom_filters(of) == [
        {"name": f"plugin.{kind}", "disabled": True, "typed_config": {**FILTER, "of": kind}} for kind in "AB"
    ]
    assert [customised(each) for each in of.routes] == [
        {"plugin.B": {"@type": "b", "limit": 1}},
        {"plugin.A": {"@type": "b", "limit": 2}, "plugin.B": {"@type": "b", "limit": 3}},
        {},
        {},
    ]


def test_two_plugins_of_a_type_on_a_route_have_a_filter_each() -> None:
    of = snapshot((rules("A", "first", 1), rules("A", "second", 2)), (rules("A", "second", 2),))
    assert [each["name"] for each in custom_filters(of)] == ["plugin.A", "plugin.A.2"]
    assert customised(of.routes[0]) == {
        "plugin.A": {"@type": "b", "limit": 1},
        "plugin.A.2": {"@type": "b", "limit": 2},
    }
    assert customised(of.routes[1]) == {"plugin.A": {"@type": "b", "limit": 2}}


def test_they_stand_behind_everybody_who_judges_and_take_no_name_of_ours() -> None:
    tagged = replace(rules("A", "a", 1), tags=("level",))
    names = [each["name"] for each in filters(snapshot((tagged,)))]
    assert names.index("plugin.A") > max(names.index("menshen.authorization"), names.index("menshen.tags"))
    assert names[-1] == "menshen.router"
    assert all(name.startswith("menshen.") for name in names if name != "plugin.A")


def test_without_them_there_is_no_filter() -> None:
    assert not [each for each in filters(sample()) if each["name"].startswith("plugin.")]
    assert not [each for each in filters(snapshot((rules("A", "a", None),))) if each["name"].startswith("plugin.")]
