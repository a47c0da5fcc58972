"""Which requests Envoy judges alone, held against the brain's own reading of the same request."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from menshen.config.login_rules import CodeAt, SessionRules
from menshen.config.snapshot import LoginPlugin
from menshen.envoy.fast_path import anonymous_conditions, malformed_conditions, state_conditions
from menshen.envoy.typed import Json
from menshen.errors import Refusal
from menshen.gateway.credentials import find_credentials
from menshen.gateway.request import AuthRequest
from tests.envoy.samples import plugin

PLUGINS = [
    plugin(f"{request_in}-{code}", CodeAt(code, "co.de"), SessionRules("st-8", "signed", 120, "header", request_in))
    for request_in in ("header", "query")
    for code in ("header", "query", "cookie", "body")
]


def holds(condition: Json, headers: dict[str, str]) -> bool:
    """What Envoy does with a header matcher, repeated headers being joined already."""
    value = headers.get(condition["name"])
    inverted = condition.get("invert_match", False)
    if condition.get("present_match"):
        return (value is not None) != inverted
    if value is None:
        if not condition.get("treat_missing_header_as_empty"):
            return False
        value = ""
    pattern = condition["string_match"]["safe_regex"]["regex"].replace(r"\C", r"[\s\S]")
    return (re.fullmatch(pattern, value) is not None) != inverted


def escaped(name: str, positions: set[int], upper: bool) -> str:
    def one(character: str) -> str:
        text = f"%{ord(character):02x}"
        return text.upper() if upper else text

    return "".join(one(c) if i in positions else c for i, c in enumerate(name))


NAMES = st.builds(
    escaped,
    st.sampled_from(["st-8", "st-8", "co.de", "coxde", "other", "st-88", "xst-8", "secret"]),
    st.sets(st.integers(0, 7), max_size=2) | st.just(set()),
    st.booleans(),
)
SHAPED = f"aa.b_b.{'c' * 85}Q"
VALUES = st.sampled_from([SHAPED, SHAPED, "a.b.c", f"{SHAPED}A", "", "x", "a,b", "%61", quote("é"), "a b", "=", "a=b"])
PAIRS = st.lists(st.tuples(NAMES, st.sampled_from(["=", ""]), VALUES), max_size=4)
QUERIES = st.builds(
    lambda pairs, tail: "&".join(n + (e + v.replace(" ", "+") if e else "") for n, e, v in pairs) + tail,
    PAIRS,
    st.sampled_from(["", "&", "?st-8=x", "&&"]),
)
COOKIES = st.none() | st.builds(
    lambda pairs, space: f";{space}".join(f"{space}{n}{space}{e}{v}" for n, e, v in pairs),
    PAIRS,
    st.sampled_from(["", " ", "  ", "\t"]),
)
HEADER = st.none() | VALUES


@pytest.mark.parametrize("login", PLUGINS, ids=lambda login: login.name)
def test_whatever_is_judged_alone_holds_one_state_or_none_for_the_brain_too(login: LoginPlugin) -> None:
    @settings(max_examples=200, deadline=None)
    @given(HEADER, HEADER, HEADER, COOKIES, QUERIES)
    def check(state: Any, code: Any, secret: Any, cookie: Any, query: str) -> None:
        found = {"st-8": state, "co.de": code, "appsecret": secret, "cookie": cookie}
        headers = {name: value for name, value in found.items() if value is not None}
        seen = {**headers, ":path": f"/p?{query}" if query else "/p"}
        request = AuthRequest(
            "r@c", {name.encode(): value.encode() for name, value in headers.items()}, query.encode(), None
        )
        with_state = all(holds(condition, seen) for condition in state_conditions(login))
        anonymous = anonymous_conditions(login)
        without = bool(anonymous) and all(holds(condition, seen) for condition in anonymous)
        malformed = all(holds(condition, seen) for condition in malformed_conditions(login))
        if not with_state and not without and not malformed:
            return
        try:
            credentials = find_credentials(request, login)
        except Refusal as refusal:
            raise AssertionError(f"the brain refuses it: {refusal!r}") from refusal
        assert credentials.code is None
        assert (credentials.state is not None) == (with_state or malformed)
        assert malformed or not with_state
        assert without != malformed

    check()


@pytest.mark.parametrize("login", PLUGINS, ids=lambda login: login.name)
def test_the_usual_request_is_judged_alone(login: LoginPlugin) -> None:
    in_query = login.session.request_in == "query"
    seen = {":path": f"/p?a=1&st-8={SHAPED}&b=2" if in_query else "/p?a=1", "cookie": "theme=dark; st-88=1"}
    if not in_query:
        seen["st-8"] = SHAPED
    assert all(holds(condition, seen) for condition in state_conditions(login))
    bare = {":path": "/p"}
    assert not all(holds(condition, bare) for condition in state_conditions(login))
    assert all(holds(condition, bare) for condition in anonymous_conditions(login))


def test_a_login_in_a_body_is_never_taken_for_anonymous() -> None:
    assert [login.name for login in PLUGINS if not anonymous_conditions(login)] == ["header-body", "query-body"]
