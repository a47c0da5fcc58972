from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menshen.config.sealing import map_secrets

from .samples import load, sound


def test_only_literal_secrets_of_apps_are_mapped() -> None:
    raw = sound()
    mapped = map_secrets(raw, lambda secret: f"sealed:{secret}")
    assert mapped == sound(apps__1__secret="sealed:qq-secret")
    assert raw == sound(), "the mapping that was given is not changed"


def test_secrets_of_the_teams_services_are_mapped_too() -> None:
    service = {"url": "https://a.example.com", "secret": "literal-secret-of-the-team"}
    raw = sound(
        users={"accounts": {"verifier": service}, "sms": service, "captcha": {**service, "secret": "${CAPTCHA}"}},
        webhooks=[{"name": "crm", **service}],
    )
    mapped = map_secrets(raw, str.upper)
    users, louder = mapped["users"], "LITERAL-SECRET-OF-THE-TEAM"
    assert users["accounts"]["verifier"]["secret"] == users["sms"]["secret"] == louder
    assert mapped["webhooks"][0]["secret"] == louder
    assert users["captcha"]["secret"] == "${CAPTCHA}"
    assert users["sms"]["url"] == service["url"]


def test_sealing_and_unsealing_gives_the_same_document() -> None:
    sealed = map_secrets(sound(), lambda secret: secret[::-1])
    assert load(map_secrets(sealed, lambda secret: secret[::-1])).snapshot == load(sound()).snapshot


def test_a_secret_that_is_partly_a_reference_is_not_mapped() -> None:
    raw = sound(apps__1__secret="a${B}c")
    assert map_secrets(raw, str.upper) == raw


@pytest.mark.parametrize("apps", [None, "x", {"secret": "x"}, [None, "secret", {"secret": 1}, {"name": "x"}, []]])
def test_another_shape_is_left_as_it_is(apps: Any) -> None:
    assert map_secrets({"apps": apps, "secret": "x"}, str.upper) == {"apps": apps, "secret": "x"}


@given(st.dictionaries(st.sampled_from(["apps", "secret", "x"]), st.recursive(st.text() | st.none(), st.lists)))
def test_anything_can_be_mapped(raw: dict[str, Any]) -> None:
    before = copy.deepcopy(raw)
    assert map_secrets(raw, str.upper) == before
