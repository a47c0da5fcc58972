from __future__ import annotations

from typing import Any

import pytest

from menshen.config.user_checks import LEAST_SECRET

from .samples import load, problems, sound, the_problem

SECRET = "a-secret-of-the-team-0123456789"
SERVICE = {"url": "https://accounts.example.com/check", "secret": SECRET}


def at_verifier(**keys: Any) -> dict[str, Any]:
    return sound(users={"accounts": {"verifier": {**SERVICE, **keys}}})


def test_a_pool_with_everything_on_holds() -> None:
    found = load(
        sound(
            users={
                "accounts": {"verifier": SERVICE, "lock_after": 3, "lock_minutes": 30},
                "phone": {"owned": "sign_in"},
                "sms": {**SERVICE, "registration": False},
                "captcha": {**SERVICE, "after": 0},
                "limits": {"ip": {"count": 10, "seconds": 60}, "app": {"count": 1000, "seconds": 1}},
                "hooks": {"timeout": 0.5, "on_failure": "open"},
                "login_log": {"keep_days": 7},
                "avatar_kib": 64,
                "match_unionid": False,
            },
            webhooks=[{"name": "crm", "events": ["register", "close"], **SERVICE}],
        )
    ).snapshot
    users = found.users
    assert users.accounts.verifier is not None
    assert users.sms is not None
    assert users.captcha is not None
    assert (users.accounts.verifier.url, users.accounts.verifier.timeout) == (SERVICE["url"], 3.0)
    assert users.accounts.verifier.secret.reveal() == SECRET
    assert (users.accounts.lock_after, users.accounts.lock_minutes) == (3, 30)
    assert (users.phone_owned, users.sms.registration, users.captcha.after) == ("sign_in", False, 0)
    assert users.limits.ip is not None
    assert (users.limits.ip.count, users.limits.ip.seconds) == (10, 60)
    assert users.limits.user is None
    assert (users.hooks.timeout, users.hooks.on_failure) == (0.5, "open")
    assert (users.login_log_days, users.avatar_kib, users.match_unionid) == (7, 64, False)
    (webhook,) = found.webhooks
    assert (webhook.name, webhook.events) == ("crm", ("register", "close"))


def test_without_the_section_nobody_registers_and_nothing_is_called() -> None:
    users = load(sound()).snapshot.users
    assert not users.accounts.registration
    assert [users.accounts.verifier, users.sms, users.captcha] == [None] * 3


def test_accounts_of_a_verifier_are_not_registered_here() -> None:
    problem = the_problem(sound(users={"accounts": {"verifier": SERVICE, "registration": True}}))
    assert problem.path == "users.accounts.registration"


@pytest.mark.parametrize(
    "url",
    [
        "https://accounts.example.com",
        "http://127.0.0.1:9000/check",
        "http://[::1]:9000",
        "http://10.1.2.3",
        "http://172.16.0.9",
        "http://192.168.1.1:80/a",
        "http://[fd00::1]",
        "http://localhost:8082/emulator/accounts",
        "http://accounts:8080",
        "http://accounts.team.svc.cluster.local",
        "http://accounts.team.svc",
        "http://accounts.corp.internal",
    ],
)
def test_a_password_may_travel_there(url: str) -> None:
    load(at_verifier(url=url))


@pytest.mark.parametrize(
    "url",
    [
        "http://accounts.example.com",
        "http://8.8.8.8",
        "http://[2606:4700::1111]",
        "http://internal.example.com",
        "http://internal.example",
        "http://10.example.com",
        "http://localhost.example.com",
        "http://172.32.0.1",
    ],
)
@pytest.mark.parametrize("section", ["accounts.verifier", "sms", "captcha", "webhooks"])
def test_no_password_and_no_number_travels_in_plain(url: str, section: str) -> None:
    service = {**SERVICE, "url": url}
    if section == "webhooks":
        assert the_problem(sound(webhooks=[{"name": "crm", **service}])).path == "webhooks[0].url"
    else:
        users = {"accounts": {"verifier": service}} if section == "accounts.verifier" else {section: service}
        assert the_problem(sound(users=users)).path == f"users.{section}.url"


@pytest.mark.parametrize(
    ("secret", "holds"),
    [
        ("x" * LEAST_SECRET, True),
        ("x" * (LEAST_SECRET - 1), False),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", True),
        ("whsec_c2hvcnQ=", False),
        ("whsec_not base64 at all, but long", False),
        ("whsec_密钥密钥密钥密钥密钥密钥", False),
    ],
)
def test_a_secret_is_one_that_nobody_guesses(secret: str, holds: bool) -> None:
    if holds:
        load(at_verifier(secret=secret))
    else:
        problem = the_problem(at_verifier(secret=secret))
        assert problem.path == "users.accounts.verifier.secret"
        assert secret not in problem.message + problem.message_zh


def test_what_is_used_at_the_client_api_needs_it() -> None:
    users = {"accounts": {"registration": True}, "sms": SERVICE}
    found = problems(sound(users=users, listener={"client_api": ""}))
    assert [problem.path for problem in found] == ["users.accounts.registration", "users.sms"]
    load(sound(users=users, listener={"client_api": "/gate"}))


def test_webhooks_have_names_of_their_own_and_each_event_once() -> None:
    hook = {"name": "crm", **SERVICE}
    assert the_problem(sound(webhooks=[hook, hook])).path == "webhooks[1].name"
    assert the_problem(sound(webhooks=[{**hook, "events": ["ban", "login", "ban"]}])).path == "webhooks[0].events[2]"


BROKEN: list[tuple[str, dict[str, Any], str]] = [
    ("an unknown key", {"users": {"colour": "red"}}, "users.colour"),
    (
        "an unknown event",
        {"webhooks": [{"name": "crm", **SERVICE, "events": ["ban", "birthday"]}]},
        "webhooks[0].events[1]",
    ),
    ("no events", {"webhooks": [{"name": "crm", **SERVICE, "events": []}]}, "webhooks[0].events"),
    ("no secret", {"users": {"sms": {"url": SERVICE["url"]}}}, "users.sms.secret"),
    ("half a rate", {"users": {"limits": {"ip": {"count": 5}}}}, "users.limits.ip.seconds"),
    ("a patient sender", {"users": {"sms": {**SERVICE, "timeout": 11}}}, "users.sms.timeout"),
    ("a hook for ever", {"users": {"hooks": {"timeout": 6}}}, "users.hooks.timeout"),
    ("a password of three", {"users": {"accounts": {"password_min_length": 3}}}, "users.accounts.password_min_length"),
    ("an avatar of a film", {"users": {"avatar_kib": 100_000}}, "users.avatar_kib"),
    ("a word for a number", {"users": {"phone": {"owned": "merge"}}}, "users.phone.owned"),
]


@pytest.mark.parametrize(("changes", "path"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_each_key_has_its_bounds(changes: dict[str, Any], path: str) -> None:
    assert the_problem(sound(**changes)).path == path


def test_a_section_that_is_broken_has_that_problem_only() -> None:
    raw = sound(users={"sms": SERVICE, "avatar_kib": 1}, listener={"client_api": ""})
    assert the_problem(raw).path == "users.avatar_kib"
