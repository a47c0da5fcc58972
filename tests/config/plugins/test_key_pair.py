"""Key pairs as operators write them: their rules, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from menshen.config.plugins.key_pair import KeyPairAuth
from menshen.config.reserved import KEY_PAIR_HEADERS, is_reserved
from menshen.config.route_rules import LONGEST_WINDOW
from menshen.config.sealing import map_secrets
from menshen.config.snapshot import Route
from tests.config.samples import load, problems, sound

SECRET = "planted-key-of-erp-0123456789"


def document(*others: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The plugin on the group ``open``, which has no login; ``others`` beside it."""
    own = {"name": "servers", "type": "KeyPair", "keys": [{"id": "erp", "secret": SECRET}], **changes}
    raw = sound()
    for plugin in (own, *others):
        raw["plugins"].append(plugin)
        raw["bindings"].append({"plugin": plugin["name"], "group": "open"})
    return raw


def key(**changes: Any) -> dict[str, Any]:
    return {"id": "erp", "secret": SECRET, **changes}


def route(raw: dict[str, Any]) -> Route:
    return next(route for route in load(raw).snapshot.routes if route.group == "open")


def told(raw: dict[str, Any]) -> dict[str, str]:
    """Path -> what is wrong there."""
    return {problem.path: problem.message for problem in problems(raw)}


def test_the_rules_of_a_route() -> None:
    keys = [key(), key(id="off", enabled=False), key(id="till", expires="2027-01-31 23:59:59")]
    rules = route(document(keys=keys)).key_pair
    assert rules is not None
    assert [(each.id, each.secret.reveal(), each.until) for each in rules.keys] == [
        ("erp", SECRET, 0),
        ("till", SECRET, 1_801_439_999),
    ]
    assert (rules.window, rules.body_limit, rules.caller) == (300, 65_536, "x-menshen-caller")


def test_a_route_without_a_login_is_guarded_and_says_who_calls() -> None:
    guarded = route(document(caller="X-Server"))
    assert (guarded.access, guarded.login, guarded.asks_brain) == ("required", None, True)
    assert guarded.identity_headers[-1] == "x-server"
    raw = document()
    raw["groups"][1]["apis"][0]["access"] = "public"
    public = route(raw)
    assert (public.key_pair, public.asks_brain) == (None, False)
    assert "x-menshen-caller" in public.identity_headers


@pytest.mark.parametrize(
    ("expires", "until"),
    [
        ("2027-01-31 23:59:59+08:00", 1_801_439_999 - 8 * 3600),
        ("2027-02-01", 1_801_440_000),
        ("1970-01-01", 1),
        ("0001-01-01", 1),
    ],
)
def test_a_date_in_the_past_is_past_and_not_never(expires: str, until: int) -> None:
    rules = route(document(keys=[key(expires=expires)])).key_pair
    assert rules is not None
    assert rules.keys[0].until == until


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"keys": []}, "plugins[2].keys", "at least 1"),
        ({"keys": [key(), key()]}, "plugins[2]", "twice"),
        ({"keys": [key(secret="short")]}, "plugins[2]", "at least 16"),
        ({"keys": [key(secret=1234567890123456)]}, "plugins[2].keys[0].secret", "text"),
        ({"keys": [key(id="a-b")]}, "plugins[2].keys[0].id", "letters"),
        ({"keys": [key(id="a" * 51)]}, "plugins[2].keys[0].id", "50"),
        ({"keys": [key(expires="soon")]}, "plugins[2].keys[0].expires", "date"),
        ({"window": LONGEST_WINDOW + 1}, "plugins[2].window", "at most 900"),
        ({"max_body_kib": 4097}, "plugins[2].max_body_kib", "at most 4096"),
        ({"caller": "x-menshen-user"}, "plugins[2].caller", "reserved"),
        ({"caller": "x-mg-secretid"}, "plugins[2].caller", "reserved"),
        ({"caller": "content-type"}, "plugins[2].caller", "reserved"),
    ],
)
def test_problems(changes: dict[str, Any], path: str, words: str) -> None:
    found = told(document(**changes))
    assert path in found, found
    assert words in found[path]
    assert SECRET not in str(found)


def test_no_secret_is_in_what_prints() -> None:
    own = KeyPairAuth.model_validate({"name": "s", "type": "KeyPair", "keys": [key()]})
    assert SECRET not in repr(own) + str(own.rules()) + repr(load(document()).snapshot)


def test_keys_are_sealed_where_a_document_is_stored() -> None:
    raw = document(keys=[key(), key(id="from_env", secret="${ERP}")])
    mapped = map_secrets(raw, lambda secret: f"sealed:{secret}")
    assert [each["secret"] for each in mapped["plugins"][2]["keys"]] == [f"sealed:{SECRET}", "${ERP}"]
    assert raw["plugins"][2]["keys"][0]["secret"] == SECRET


def test_nothing_else_takes_a_header_of_a_signature() -> None:
    assert all(is_reserved(name, use) for name in KEY_PAIR_HEADERS for use in ("code", "session", "identity"))
    raw = document()
    raw["plugins"][0]["session"] = {"name": "X_Mg_Sign"}
    assert "reserved" in told(raw)["plugins[0].session.name"]


def test_two_guards_do_not_write_one_header() -> None:
    checker = {"name": "members", "type": "OAuth", "url": "https://c.example.com", "payload": "x_who"}
    found = told(document(checker, caller="X-Who"))
    assert "already" in found["plugins[3].payload"]
    assert route(document({**checker, "payload": "x-whose"}, caller="X-Who")).oauth is not None
