from __future__ import annotations

from typing import Any

import pytest

from .samples import load, plugin, the_problem


def test_an_identity_header_carries_one_field() -> None:
    problem = the_problem(plugin(identity={"headers": {"user": "X-User", "openid": "x_user"}}))
    assert problem.path == "plugins[0].identity.headers.openid"


@pytest.mark.parametrize(
    ("headers", "valid"),
    [
        ({"openid": "X-Menshen-Openid"}, True),
        ({"user": "x-menshen-openid"}, False),
        ({"app": "x-menshen-app"}, False),
        ({"session_key": "x-menshen-session-key"}, False),
        ({"session_key": "x-session-key"}, True),
        ({"openid": "x-wx-openid"}, True),
        ({}, True),
    ],
)
def test_a_menshen_header_says_what_it_always_says(headers: dict[str, str], valid: bool) -> None:
    raw = plugin(identity={"headers": headers})
    if valid:
        load(raw)
    else:
        assert the_problem(raw).path == f"plugins[0].identity.headers.{next(iter(headers))}"


@pytest.mark.parametrize("header", ["js_code", "JS-Code", "user_session", "User-Session"])
def test_an_identity_header_is_no_credentials(header: str) -> None:
    problem = the_problem(plugin(identity={"headers": {"user": header}}, session={"name": "user_session"}, code={}))
    assert problem.path == "plugins[0].identity.headers.user"


def test_a_credential_is_not_in_a_header_of_a_preset() -> None:
    assert (
        the_problem(plugin(identity={"headers": "cloudrun"}, code={"name": "X-WX-OpenId"})).path
        == "plugins[0].code.name"
    )
    assert the_problem(plugin(identity={"headers": "cloudrun"}, session={"name": "x-wx-source"})).path == (
        "plugins[0].session.name"
    )


def test_an_identity_header_is_no_credentials_of_another_plugin() -> None:
    raw = plugin(identity={"headers": {"user": "x-token"}})
    raw["plugins"][1]["session"] = {"name": "X-Token"}
    problem = the_problem(raw)
    assert problem.path == "plugins[0].identity.headers.user"
    assert "plugins[1].session.name" in problem.message


def test_an_identity_header_is_no_refresh_token_of_any_plugin() -> None:
    raw = plugin(identity={"headers": {"user": "x-token"}})
    raw["plugins"][1]["session"] = {"return_in": "cookie", "refresh": {"expires_in": 1440, "name": "X_Token"}}
    problem = the_problem(raw)
    assert problem.path == "plugins[0].identity.headers.user"
    assert "plugins[1].session.refresh.name" in problem.message


def test_a_refresh_token_is_not_in_a_header_of_a_preset() -> None:
    raw = plugin(identity={"headers": "cloudrun"}, session={"refresh": {"expires_in": 1440, "name": "x-wx-openid"}})
    assert the_problem(raw).path == "plugins[0].session.refresh.name"


def claims(mapping: dict[str, str], **keys: Any) -> dict[str, Any]:
    """A plugin whose login states have the claims level and vip."""
    return plugin(session={"claims": ["level", "vip"]}, identity={"claims": mapping, **keys})


CLAIM_HEADERS: list[tuple[str, dict[str, Any], str, str]] = [
    ("a claim that no state has", claims({"points": "x-points"}), "points", "add it to session.claims"),
    ("a header of the gateway", claims({"level": "x-menshen-user"}), "level", "reserved"),
    ("another claim's own header", claims({"level": "x-menshen-claim-vip"}), "level", "reserved"),
    ("its own header in another spelling", claims({"level": "x_menshen_claim_level"}), "level", "reserved"),
    ("a header of a mapped field", claims({"vip": "X_User"}, headers={"user": "x-user"}), "vip", "field 'user'"),
    ("a header of a preset", claims({"vip": "X-WX-OpenId"}, headers="cloudrun"), "vip", "field 'openid'"),
    ("a header of another claim", claims({"level": "x-a", "vip": "X_A"}), "vip", "claim 'level'"),
    ("the code's header", claims({"level": "JS-Code"}), "level", "plugins[0].code.name"),
    ("the state's header", claims({"level": "user-session"}), "level", "plugins[0].session.name"),
]


@pytest.mark.parametrize(
    ("raw", "claim", "words"), [row[1:] for row in CLAIM_HEADERS], ids=[row[0] for row in CLAIM_HEADERS]
)
def test_a_rule_of_claims_headers(raw: dict[str, Any], claim: str, words: str) -> None:
    problem = the_problem(raw)
    assert problem.path == f"plugins[0].identity.claims.{claim}"
    assert words in problem.message


def test_a_claims_header_is_no_credentials_of_another_plugin() -> None:
    raw = claims({"level": "x-token"})
    raw["plugins"][1]["session"] = {"name": "X-Token"}
    problem = the_problem(raw)
    assert problem.path == "plugins[0].identity.claims.level"
    assert "plugins[1].session.name" in problem.message


@pytest.mark.parametrize("header", ["x-level", "X-Menshen-Claim-Level"])
def test_a_claim_may_have_its_own_header_or_a_free_one(header: str) -> None:
    load(claims({"level": header}))


def signed(headers: Any, *names: str) -> dict[str, Any]:
    return plugin(session={"kind": "signed", "claims": list(names)}, identity={"headers": headers})


SIGNED: list[tuple[str, dict[str, Any], str, str]] = [
    ("an assertion", signed({"user": "x-user", "assertion": "x-a"}), ".assertion", "sealed or reference"),
    ("a session key", signed({"session_key": "x-key"}), ".session_key", "sealed or reference"),
    ("openid in a mapping", signed({"openid": "x-openid"}), ".openid", "add claims: [openid]"),
    ("unionid in a mapping", signed({"unionid": "x-unionid"}, "openid"), ".unionid", "add claims: [unionid]"),
    ("openid in cloudrun", signed("cloudrun", "unionid"), "", "add claims: [openid]"),
]


@pytest.mark.parametrize(("raw", "key", "words"), [row[1:] for row in SIGNED], ids=[row[0] for row in SIGNED])
def test_a_signed_state_tells_what_it_says_and_nothing_else(raw: dict[str, Any], key: str, words: str) -> None:
    problem = the_problem(raw)
    assert problem.path == f"plugins[0].identity.headers{key}"
    assert words in problem.message


@pytest.mark.parametrize(
    "raw",
    [
        signed("menshen"),
        signed("cloudrun", "openid"),
        signed({"openid": "x-openid", "unionid": "x-unionid"}, "openid", "unionid"),
        signed(
            {"user": "x-user", "platform": "x-p", "app": "x-app", "appid": "x-id", "session": "x-s", "source": "x-o"}
        ),
    ],
)
def test_headers_that_a_signed_state_can_fill(raw: dict[str, Any]) -> None:
    load(raw)


@pytest.mark.parametrize("kind", ["sealed", "signed", "reference"])
def test_an_account_is_a_tag_of_signed_states_where_the_client_may_read_it(kind: str) -> None:
    tags = {"identity": ["nickname", "account"]}
    if kind == "signed":
        problem = the_problem(plugin(session={"kind": kind}, tags=tags))
        assert problem.path == "plugins[0].tags.identity[1]"
        load(plugin(session={"kind": kind, "claims": ["account"]}, tags=tags))
    else:
        load(plugin(session={"kind": kind}, tags=tags))
