"""That these choices are Envoy's is proved in ``tests/envoy/test_dry_run.py``; here is what they say of themselves."""

from __future__ import annotations

from menshen.config.buckets import bucket
from menshen.config.route_rules import CanaryRule, Condition, Share
from menshen.documents.canary_choice import choose

NEVER = CanaryRule("never", "c", (Share("v3", 100),), (("t", Condition("EQUAL", ("no",))),))
HALF = CanaryRule("half", "c", (Share("v2", 50),))


def test_rules_are_told_up_to_the_one_that_fits() -> None:
    choice = choose((NEVER, HALF, NEVER), {"t": "yes"}, "u", "")
    assert [(tried.rule, tried.fits) for tried in choice.tried] == [("never", False), ("half", True)]
    (compared,) = choice.tried[0].conditions
    assert (compared.tag, compared.value, compared.holds) == ("t", "yes", False)


def test_a_user_beats_a_request_where_the_rule_is_sticky() -> None:
    users = [f"u-{number}" for number in range(50)]
    for user in users:
        choice = choose((HALF,), {}, user, "r-1")
        assert (choice.by, choice.bucket) == ("user", bucket("c/half", user))
        assert choice.version == ("v2" if bucket("c/half", user) < 50 else "default")
    loose = CanaryRule("half", "c", (Share("v2", 50),), sticky=False)
    assert {choose((loose,), {}, user, "r-1").bucket for user in users} == {bucket("c/half", "r-1")}


def test_what_depends_on_an_unknown_request_is_left_open() -> None:
    choice = choose((HALF,), {}, "", "")
    assert (choice.version, choice.by, choice.bucket) == ("", "request", None)
    assert choice.spans == (("v2", 0, 50), ("default", 50, 100))


def test_no_rule_is_the_upstreams_own_endpoints() -> None:
    choice = choose((NEVER,), {}, "u", "")
    assert (choice.version, choice.rule, choice.by) == ("default", "", "nobody")


def test_any_of_no_conditions_is_not_none() -> None:
    always = CanaryRule("r", "c", (Share("v2", 100),), relation="OR")
    assert choose((always,), {}, "", "").version == "v2"
