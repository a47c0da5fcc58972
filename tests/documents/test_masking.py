"""Secrets are shown to nobody, stay when they are not written, and go nowhere else."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menshen.config.sealing import map_at_secrets
from menshen.documents.lending import new_references
from menshen.documents.masking import MASK, SEALED_PREFIX, Kept, keep_secrets, mask, mask_all
from tests.config.samples import put

from .samples import CANARY, full

SECRET_TEXTS = st.text(min_size=1, max_size=20) | st.sampled_from(["***", "${SECRET}", "a${SECRET}c", "sealed:v1:x"])


def with_secrets(secrets: list[str]) -> dict[str, Any]:
    left = iter(secrets)
    return map_at_secrets(full(), lambda _: next(left))


def changed(**places: Any) -> dict[str, Any]:
    raw = mask(full())
    for place, value in places.items():
        put(raw, place.split("__"), value)
    return raw


def found(raw: dict[str, Any], **rules: Any) -> list[tuple[str, str]]:
    return [(problem.path, problem.message) for problem in keep_secrets(raw, full(), **rules).problems]


def test_no_secret_is_shown_and_references_are() -> None:
    shown = json.dumps(mask(full()))
    assert CANARY not in shown
    assert shown.count(MASK) == 10
    assert "${SECRET}" in shown
    assert mask({"apps": [{"secret": "a${SECRET}c"}]}) == {"apps": [{"secret": MASK}]}, "the rest of it is literal"


@pytest.mark.parametrize("masking", [mask, mask_all])
def test_a_key_that_is_null_holds_no_secret_and_says_so(masking: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """A mark in its place would be given back by whoever edits something else, and keep nothing."""
    raw = full()
    raw["apps"][0]["data_key"] = None
    shown = masking(raw)
    assert shown["apps"][0]["data_key"] is None
    assert keep_secrets(mask(raw), raw) == Kept(raw, ())


def test_null_takes_a_secret_away() -> None:
    raw = full()
    raw["apps"][0]["data_key"] = f"{CANARY}-of-numbers"
    kept = keep_secrets(changed(apps__0__data_key=None), raw)
    assert kept.problems == ()
    assert kept.raw["apps"][0]["data_key"] is None


@given(st.lists(SECRET_TEXTS, min_size=11, max_size=11))
def test_what_was_masked_comes_back_as_it_was(secrets: list[str]) -> None:
    raw = with_secrets(secrets)
    kept = keep_secrets(mask(raw), raw)
    assert kept.raw == raw
    assert kept.problems == ()


@given(st.lists(st.text(alphabet="XYZ", min_size=4, max_size=20), min_size=11, max_size=11))
def test_no_literal_secret_is_in_what_is_shown(secrets: list[str]) -> None:
    shown = json.dumps(mask(with_secrets(secrets)))
    assert not any(secret in shown for secret in secrets)


@given(st.permutations(range(2)), st.permutations(range(2)), st.lists(SECRET_TEXTS, min_size=11, max_size=11))
def test_parts_are_told_by_their_names_and_keys_by_their_ids(
    apps: list[int], keys: list[int], secrets: list[str]
) -> None:
    raw = with_secrets(secrets)
    shuffled = copy.deepcopy(raw)
    shuffled["apps"] = [raw["apps"][index] for index in apps]
    shuffled["plugins"][1]["keys"] = [raw["plugins"][1]["keys"][index] for index in keys]
    assert keep_secrets(mask(shuffled), raw).raw == shuffled


def test_a_secret_that_is_left_out_stays_too_where_that_is_meant() -> None:
    without = full()
    for holder in (
        without["apps"][0],
        *without["plugins"][1]["keys"],
        without["users"]["sms"],
        without["users"]["captcha"],
        without["users"]["accounts"]["verifier"],
        without["webhooks"][0],
    ):
        del holder["secret"]
    assert keep_secrets(without, full()).raw == full()
    assert keep_secrets(without, full(), left_out=False).raw == without


def test_a_secret_that_is_written_is_the_new_one() -> None:
    after = keep_secrets(changed(apps__0__secret="another"), full())
    assert after.raw["apps"][0]["secret"] == "another"
    assert after.problems == ()


def test_a_part_that_is_renamed_keeps_its_secret() -> None:
    after = keep_secrets(changed(apps__0__name="other"), full(), {("apps", "other"): ("apps", "shop")})
    assert after.raw["apps"][0]["secret"] == full()["apps"][0]["secret"]
    assert found(changed(apps__0__name="other")) == [
        ("apps[0].secret", "there is no secret here that *** could keep: write it")
    ]


@pytest.mark.parametrize(
    ("place", "path"),
    [
        ("apps__2", "apps[2].secret"),
        ("webhooks__1", "webhooks[1].secret"),
        ("plugins__1__keys__2", "plugins[1].keys[2].secret"),
    ],
)
def test_the_mark_is_no_secret_of_a_part_that_is_new(place: str, path: str) -> None:
    assert [at for at, _ in found(changed(**{place: {"name": "new", "id": "new", "secret": MASK}}))] == [path]


@pytest.mark.parametrize(
    ("place", "value", "path"),
    [
        ("apps__0__base_url", "https://his.example.com", "apps[0].secret"),
        ("apps__0__appid", "wx2", "apps[0].secret"),
        ("apps__0__platform", "qq", "apps[0].secret"),
        ("webhooks__0__url", "https://his.example.com", "webhooks[0].secret"),
        ("users__accounts__verifier__url", "https://his.example.com", "users.accounts.verifier.secret"),
        ("users__sms__url", "https://his.example.com", "users.sms.secret"),
        ("users__captcha__url", "https://his.example.com", "users.captcha.secret"),
    ],
)
def test_a_kept_secret_goes_nowhere_else(place: str, value: str, path: str) -> None:
    (problem,) = found(changed(**{place: value}))
    assert problem[0] == path
    assert "must be written again" in problem[1]
    holder = place.rpartition("__")[0]
    assert found(changed(**{place: value, f"{holder}__secret": "written-again"})) == []
    left_out = changed(**{place: value, f"{holder}__secret": ...})
    assert [at for at, _ in found(left_out)] == [path]


@pytest.mark.parametrize("key", ["base_url", "appid", "platform"])
def test_a_kept_secret_below_a_part_goes_nowhere_else_either(key: str) -> None:
    """Whoever may edit an app and has not its keys would have calls to a server of his own signed with them."""
    old = full()
    old["apps"][0]["api_security"] = {"symmetric_key": f"{CANARY}-1", "private_key": f"{CANARY}-2"}
    assert keep_secrets(mask(old), old).raw == old
    moved = mask(old)
    moved["apps"][0] |= {key: "https://his.example.com", "secret": "written-again"}
    assert [problem.path for problem in keep_secrets(moved, old).problems] == [
        "apps[0].api_security.symmetric_key",
        "apps[0].api_security.private_key",
    ]


def test_a_lent_secret_goes_nowhere_else_unless_its_author_may_lend_it() -> None:
    moved = changed(apps__1__base_url="https://his.example.com")
    assert found(moved) == []
    assert [path for path, _ in found(moved, references=False)] == ["apps[1].secret"]


def test_a_sealed_text_of_somebody_elses_is_not_taken() -> None:
    for secret in (f"{SEALED_PREFIX}AAAA", SEALED_PREFIX):
        assert [path for path, _ in found(changed(apps__0__secret=secret))] == ["apps[0].secret"]


def test_two_apps_that_swap_names_do_not_swap_secrets() -> None:
    swapped = mask(full())
    swapped["apps"][0]["name"], swapped["apps"][1]["name"] = "chat", "shop"
    assert [path for path, _ in found(swapped)] == ["apps[0].secret"]
    assert "apps[1].secret" in [problem.path for problem in new_references(swapped, full(), {})]


@given(
    st.recursive(
        st.text(max_size=3) | st.none() | st.integers(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["apps", "keys", "secret", "name", "plugins", "users", "sms"]), inner)
        ),
        max_leaves=12,
    )
)
def test_a_document_of_any_shape_is_masked_and_kept(value: Any) -> None:
    raw = value if isinstance(value, dict) else {"apps": value}
    before = copy.deepcopy(raw)
    mask(raw)
    keep_secrets(raw, full())
    keep_secrets(full(), raw)
    assert raw == before


@pytest.mark.parametrize(
    "place", ["apps__0__base_url", "apps__0__description", "groups__0__apis__0__path", "listener__client_api"]
)
def test_a_reference_that_was_not_there_is_found(place: str) -> None:
    raw = full()
    put(raw, place.split("__"), "x${MENSHEN_MASTER_KEY}")
    (problem,) = new_references(raw, full(), {})
    assert problem.path == place.replace("__0", "[0]").replace("__", ".")


def test_a_reference_that_was_there_may_stay_where_it_is_and_go_nowhere_else() -> None:
    assert new_references(full(), full(), {}) == []
    moved = full()
    moved["apps"][0]["secret"] = "${SECRET}"
    assert [problem.path for problem in new_references(moved, full(), {})] == ["apps[0].secret"]
    renamed = full()
    renamed["apps"][1]["name"] = "other"
    assert new_references(renamed, full(), {("apps", "other"): ("apps", "chat")}) == []
    assert len(new_references(renamed, full(), {})) == 1
    turned = full()
    turned["apps"].reverse()
    assert new_references(turned, full(), {}) == []
