"""That Envoy's routes are read as Envoy reads them is proved in ``test_dry_run.py``; here is what no Envoy shows."""

from __future__ import annotations

import pytest

from menshen.envoy.prefixes import Published, prefix_index
from menshen.envoy.route_table import find_entry
from menshen.envoy.routes import route_configuration
from menshen.envoy.typed import Json
from tests.envoy.samples import FULL, PLAIN

HEADERS = {":path": "/a", ":method": "GET", ":authority": "h"}


def configuration(match: Json) -> Json:
    index = prefix_index({"": Published([], [{"match": match, "name": "it"}])}, {})
    return {"virtual_hosts": [{"name": "*", "domains": ["*"], "matcher": index}]}


@pytest.mark.parametrize(
    "match",
    [
        {"connect_matcher": {}},
        {"prefix": "/", "query_parameters": []},
        {"prefix": "/", "headers": [{"name": ":method", "string_match": {"contains": "E"}}]},
    ],
)
def test_what_is_not_understood_is_an_error_and_no_guess(match: Json) -> None:
    with pytest.raises(ValueError, match="unknown way"):
        find_entry(configuration(match), HEADERS)


@pytest.mark.parametrize(
    ("condition", "fits"),
    [
        ({"name": "x", "present_match": True}, False),
        ({"name": "x", "present_match": True, "invert_match": True}, True),
        ({"name": "x", "string_match": {"exact": ""}}, False),
        ({"name": "x", "string_match": {"exact": "1"}, "invert_match": True}, False),
        ({"name": "x", "string_match": {"exact": ""}, "treat_missing_header_as_empty": True}, True),
        ({"name": ":method", "string_match": {"exact": "GET"}}, True),
        ({"name": ":method", "string_match": {"safe_regex": {"regex": "GE"}}}, False),
    ],
)
def test_conditions_on_headers(condition: Json, fits: bool) -> None:
    found = find_entry(configuration({"path": "/a", "headers": [condition]}), HEADERS)
    assert (found is not None) is fits


def test_everything_that_our_builders_write_is_understood() -> None:
    for snapshot in (PLAIN, FULL):
        for path in ("/mall/orders/1", "/mall", "/mini/query?code=x", "/odd/a,b", "/none", "/v1/token"):
            assert find_entry(route_configuration(snapshot), {**HEADERS, ":path": path}) is not None


def test_a_host_that_nobody_serves() -> None:
    found = configuration({"prefix": "/"})
    found["virtual_hosts"][0]["domains"] = ["*.example.org", "example.com"]
    for host in ("example.org", "h", "xexample.com"):
        assert find_entry(found, {**HEADERS, ":authority": host}) is None
    for host in ("a.example.org:1", "a.b.EXAMPLE.org", "example.com."):
        assert find_entry(found, {**HEADERS, ":authority": host}) is not None
