"""What stands beside a code, and around a login state: read where the code is, only beside a code, and never twice."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from menshen.config.login_rules import CodeAt, OpenDataAt
from menshen.config.snapshot import LoginPlugin
from menshen.config.user_rules import AccountFields
from menshen.errors import AmbiguousCredential, BodyMalformed, ClientSentSecret, OpenDataInvalid, SessionMissing
from menshen.gateway.credentials import NO_OPEN_DATA, Credentials, SentOpenData, find_any_state, find_credentials
from menshen.gateway.decide import decide, route_table
from menshen.gateway.decision import Exchange
from menshen.gateway.request import AuthRequest
from menshen.secret import Secret
from tests.gateway.samples import NOW, SNAPSHOT, nobody, plugin, session
from tests.sessions.rings import new_states

IN_QUERY = plugin(code=CodeAt("query", "code"), account=AccountFields())
IN_BODY = plugin(code=CodeAt("body", "js_code"), account=AccountFields("user", "pass"))


def by_query(query: str, login: LoginPlugin = IN_QUERY) -> Credentials:
    return find_credentials(AuthRequest("r", {}, query.encode()), login)


def by_body(body: Any, login: LoginPlugin = IN_BODY) -> Credentials:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return find_credentials(AuthRequest("r", {b"content-type": b"application/json"}, body=raw), login)


def test_in_the_query_where_the_code_is() -> None:
    """Seed 002: ``?username=…&password=…&code=…``."""
    found = by_query("username=zhang&password=p%26w%2B1&code=c0de")
    assert found == Credentials("c0de", None, "zhang", Secret("p&w+1"))


def test_in_the_body_under_the_names_that_the_plugin_gives() -> None:
    found = by_body({"js_code": "c0de", "user": "zhang", "pass": "秘密 1"})
    assert found == Credentials("c0de", None, "zhang", Secret("秘密 1"))
    form = AuthRequest("r", {b"content-type": b"application/x-www-form-urlencoded"}, body=b"js_code=c&user=u&pass=p")
    assert find_credentials(form, IN_BODY) == Credentials("c", None, "u", Secret("p"))


def test_letters_of_other_scripts_arrive_as_they_are() -> None:
    found = by_query("username=%E5%BC%A0&password=%E5%AF%86%E7%A0%81&code=c")
    assert (found.username, found.password) == ("张", Secret("密码"))


@pytest.mark.parametrize("query", ["code=c", "code=c&username=&password="])
def test_an_empty_form_is_a_code_alone(query: str) -> None:
    assert by_query(query) == Credentials("c", None, "", Secret(""))


def test_without_a_code_they_are_the_backends_business() -> None:
    assert by_query("username=zhang&password=secret") == Credentials(None, None)


def test_a_plugin_that_takes_no_account_does_not_look() -> None:
    login = replace(IN_QUERY, account=None)
    assert by_query("code=c&username=zhang&username=li&password=x", login) == Credentials("c", None)


@pytest.mark.parametrize(
    "query",
    [
        "code=c&username=a&username=b&password=p",
        "code=c&username=a&password=p&password=q",
        "code=c&username=a&%70assword=p",
        "code=c&user%6Eame=a&password=p",
    ],
)
def test_two_of_one_name_or_a_hidden_one_are_refused(query: str) -> None:
    """Attack class 28: read one way here, another way by what stands behind."""
    with pytest.raises(AmbiguousCredential):
        by_query(query)


def test_a_repeated_key_of_json_and_what_is_no_text_are_refused() -> None:
    with pytest.raises(AmbiguousCredential):
        by_body(b'{"js_code": "c", "user": "a", "user": "b", "pass": "p"}')
    for body in ({"js_code": "c", "user": 7, "pass": "p"}, {"js_code": "c", "user": "a", "pass": ["p"]}):
        with pytest.raises(BodyMalformed):
            by_body(body)


def test_an_appsecret_beside_them_is_still_refused() -> None:
    """Seed 003's client sends its secret: it has leaked, and is told so."""
    with pytest.raises(ClientSentSecret):
        by_body({"js_code": "c", "user": "a", "pass": "p", "secret": "whatever"})
    with pytest.raises(ClientSentSecret):
        by_query(f"code=c&username=a&password={IN_QUERY.app.secret.reveal()}")


def test_they_reach_the_login_and_show_nowhere() -> None:
    route = replace(SNAPSHOT.routes[0], login=IN_QUERY)
    snapshot = replace(SNAPSHOT, routes=(route,)).sealed()
    request = AuthRequest(f"{route.id}@{snapshot.checksum}", {}, b"code=c0de&username=zhang&password=planted-pass")
    decision = decide(request, route_table((snapshot,)), new_states().open, nobody, NOW)
    assert isinstance(decision, Exchange)
    assert (decision.username, decision.password) == ("zhang", Secret("planted-pass"))
    assert "planted" not in repr(decision) + repr(request)


BEARER = plugin(session=replace(session("header"), name="Authorization", prefix="Bearer "))


def authorized(value: bytes) -> AuthRequest:
    return AuthRequest("r", {b"authorization": value})


@pytest.mark.parametrize("value", [b"Bearer st4te", b"bearer st4te", b"Bearer  st4te", b"st4te"])
def test_a_prefix_is_taken_off_where_it_is_there(value: bytes) -> None:
    assert find_credentials(authorized(value), BEARER).state == b"st4te"
    assert find_any_state(authorized(value), (BEARER,)) == ((BEARER,), b"st4te")


@pytest.mark.parametrize("value", [b"Bearer", b"Bearer ", b""])
def test_a_prefix_with_nothing_behind_it_is_no_state(value: bytes) -> None:
    assert find_credentials(authorized(value), BEARER).state is None
    with pytest.raises(SessionMissing):
        find_any_state(authorized(value), (BEARER,))


def test_two_states_behind_prefixes_are_refused() -> None:
    with pytest.raises(AmbiguousCredential):
        find_credentials(authorized(b"Bearer a,Bearer b"), BEARER)


def test_plugins_that_read_one_header_read_the_same_state_in_it() -> None:
    """One of them with a prefix and one without is no second credential."""
    bare = plugin(session=replace(BEARER.session, prefix=""))
    assert find_any_state(authorized(b"Bearer st4te"), (bare, BEARER)) == ((bare, BEARER), b"st4te")


def test_without_a_prefix_of_its_own_a_plugin_takes_none_off() -> None:
    bare = plugin(session=replace(BEARER.session, prefix=""))
    assert find_credentials(authorized(b"Bearer st4te"), bare).state == b"Bearer st4te"


OPEN = OpenDataAt("X-WX-Encrypted-Data", "X-WX-IV")
WAFER = plugin(code=CodeAt("header", "X-WX-Code"), open_data=OPEN)
ALL = OpenDataAt("encryptedData", "iv", "rawData", "signature")
OPEN_IN_QUERY = plugin(code=CodeAt("query", "code"), open_data=ALL)
OPEN_IN_BODY = plugin(code=CodeAt("body", "code"), open_data=ALL)


def by_header(query: bytes = b"", **headers: str) -> Credentials:
    sent = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return find_credentials(AuthRequest("r", sent, query), WAFER)


def test_open_data_is_read_beside_the_code() -> None:
    assert by_header(x_wx_code="c", x_wx_encrypted_data="ZGF0YQ==", x_wx_iv="aXY=").open_data == SentOpenData(
        "ZGF0YQ==", "aXY="
    )
    sent = "code=c&encryptedData=ZA%3D%3D&iv=aQ%3D%3D&rawData=%7B%22a%22%3A%22%E5%BC%A0%22%7D&signature=ab"
    assert by_query(sent, OPEN_IN_QUERY).open_data == SentOpenData("ZA==", "aQ==", '{"a":"张"}', "ab")
    body = {"code": "c", "encryptedData": "ZA==", "iv": "aQ==", "rawData": '{"a":"张"}', "signature": "ab"}
    assert by_body(body, OPEN_IN_BODY).open_data == SentOpenData("ZA==", "aQ==", '{"a":"张"}', "ab")


def test_a_code_alone_has_none() -> None:
    assert by_header(x_wx_code="c", x_wx_encrypted_data="", x_wx_iv="").open_data == NO_OPEN_DATA
    assert by_query("code=c", OPEN_IN_QUERY).open_data == NO_OPEN_DATA
    assert by_header(x_wx_encrypted_data="ZA==", x_wx_iv="aQ==") == Credentials(None, None)


def test_open_data_twice_or_elsewhere_is_refused() -> None:
    """Attack class 28."""
    for refused in (
        lambda: by_header(x_wx_code="c", x_wx_encrypted_data="a,b", x_wx_iv="i"),
        lambda: by_header(x_wx_code="c", x_wx_iv="i,i"),
        lambda: by_header(b"X-WX-IV=i", x_wx_code="c"),
        lambda: by_header(x_wx_code="c", cookie="a=1; X-WX-IV=i"),
        lambda: by_query("code=c&iv=a&iv=b", OPEN_IN_QUERY),
        lambda: by_query("code=c&%69v=a", OPEN_IN_QUERY),
        lambda: find_credentials(AuthRequest("r", {b"iv": b"a"}, b"code=c"), OPEN_IN_QUERY),
        lambda: by_body(b'{"code": "c", "iv": "a", "iv": "b"}', OPEN_IN_BODY),
    ):
        with pytest.raises(AmbiguousCredential):
            refused()


@pytest.mark.parametrize(("field", "most"), [("x_wx_encrypted_data", 7000), ("x_wx_iv", 700)])
def test_open_data_longer_than_any_platforms_is_refused(field: str, most: int) -> None:
    by_header(x_wx_code="c", **{field: "a" * most})
    with pytest.raises(OpenDataInvalid):
        by_header(x_wx_code="c", **{field: "a" * (most + 1)})


def test_open_data_shows_nowhere() -> None:
    assert "planted" not in repr(by_header(x_wx_code="c", x_wx_encrypted_data="planted", x_wx_iv="planted"))
