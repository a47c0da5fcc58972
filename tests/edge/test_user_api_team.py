"""The user API beside the team's own: verifier, captcha, text messages, hooks, and what becomes of their failures."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.edge import people
from tests.edge.conftest import QQ_APPID, Stack, running_stack
from tests.edge.documented import api
from tests.edge.people import SERVICE_SECRET, Person, entered

HOOK = '''
"""Hooks of this installation: nobody called mallory comes in, and who comes in has a level."""

import time


class Hooks:
    def before_login(self, attempt):
        if attempt.account == "employee-mallory":
            return "planted words: ask the front desk"
        if attempt.account == "employee-breaks":
            raise RuntimeError("planted-secret of a hook")
        if attempt.account == "employee-sleeps":
            time.sleep(5)

    async def after_login(self, done):
        return {"level": "gold"}
'''

VERIFIED = ("zhangsan", "pwd123456", "employee-0042")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    directory = tmp_path_factory.mktemp("team")
    document = people.DOCUMENT.replace("{accounts}", people.VERIFIER).replace("{owned}", "refuse")
    document = document.replace("after: 20}}", "after: 2}}\n  hooks: {{timeout: 2}}")
    document = document.replace("kind: signed, claims: [account]", "kind: signed, claims: [account, level]")
    with (
        installed(directory),
        running_stack(directory, document.replace("{service_secret}", SERVICE_SECRET), "--workers", "2") as running,
    ):
        assert running.emulator.put_json("/emulator/secret", {"secret": SERVICE_SECRET}).status == 200
        username, password, account = VERIFIED
        body = {"username": username, "password": password, "account": account}
        assert running.emulator.put_json("/emulator/accounts", body).status == 200
        yield running


@contextmanager
def installed(directory: Path) -> Iterator[None]:
    """A distribution with an entry point, as pip would have left it."""
    information = directory / "site" / "front_desk-1.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: front-desk\nVersion: 1\n")
    (information / "entry_points.txt").write_text("[menshen.hooks]\nfront-desk = front_desk:Hooks\n")
    (information.parent / "front_desk.py").write_text(HOOK)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(
            "PYTHONPATH", os.pathsep.join(filter(None, [str(information.parent), os.environ.get("PYTHONPATH")]))
        )
        yield


@contextmanager
def nobody_believes_us(stack: Stack) -> Iterator[None]:
    """The team's services have another secret than we do: they refuse every call of ours."""
    stack.emulator.put_json("/emulator/secret", {"secret": "another-secret-than-the-gateways"})
    try:
        yield
    finally:
        stack.emulator.put_json("/emulator/secret", {"secret": SERVICE_SECRET})


def body_of(username: str = VERIFIED[0], password: str = VERIFIED[1], **more: str) -> dict[str, str]:
    return {"username": username, "password": password, "app": "shop", **more}


def test_the_verifiers_account_is_bound_and_from_then_on_the_code_alone(stack: Stack) -> None:
    person = Person(stack, "employee")
    bound = api(stack, "login", body_of(code=person.code()))
    assert bound.status == 200, bound.raw
    for state in (entered(bound), person.log_in()):
        assert stack.gateway("/mall/x", ("user_session", state)).identity["x-menshen-account"] == VERIFIED[2]
    by_password = api(stack, "login", body_of())
    assert by_password.json["uid"] == bound.json["uid"]
    state = entered(by_password)
    assert api(stack, "me", None, state).json["account"] == VERIFIED[2]
    state = entered(api(stack, "me/unbind", {"account": True}, state))
    assert api(stack, "me", None, state).json["account"] == ""
    assert stack.gateway("/mall/x", ("user_session", state)).identity["x-menshen-account"] == ""
    state = entered(api(stack, "me/bind", {"username": VERIFIED[0], "password": VERIFIED[1]}, state))
    assert api(stack, "me/identities", None, state).json["account"] == VERIFIED[2]


def test_passwords_that_are_the_teams_are_not_changed_here(stack: Stack) -> None:
    assert api(stack, "register", body_of("newcomer", "planted-Password-1")).refusal == (
        403,
        4003,
        "registration_closed",
    )
    phone = {"phone": "13700000001", "app": "shop"}
    assert api(stack, "sms", {**phone, "purpose": "reset"}).refusal == (404, 4004, "not_offered")
    reset = {**phone, "sms_code": "123456", "password": "planted-Password-1"}
    assert api(stack, "password/reset", reset).refusal == (404, 4004, "not_offered")
    passwords = {"password": VERIFIED[1], "new_password": "planted-Password-1"}
    assert api(stack, "me/password", passwords, Person(stack, "reset").log_in()).refusal == (404, 4004, "not_bound")


def test_without_the_verifier_nobody_is_believed_and_no_code_is_spent(stack: Stack) -> None:
    code = Person(stack, "unverified").code()
    with nobody_believes_us(stack):
        assert api(stack, "login", body_of(code=code)).refusal == (503, 5020, "verifier_unavailable")
        assert api(stack, "login", body_of()).refusal == (503, 5020, "verifier_unavailable")
        sms = {"phone": "13700000002", "purpose": "login", "app": "shop"}
        assert api(stack, "sms", sms).refusal == (503, 5021, "sms_unavailable")
    assert api(stack, "login", {"code": code, "app": "shop"}).status == 200


def test_after_failures_a_captcha_is_asked_for_and_checked_closed(stack: Stack) -> None:
    username = "guessed-at"
    for _ in range(2):
        assert api(stack, "login", body_of(username, "wrong")).refusal == (403, 4003, "account_refused")
    required = (403, 4003, "captcha_required")
    assert api(stack, "login", body_of(username, "wrong")).refusal == required
    assert api(stack, "login", body_of(username, "wrong", captcha="guess")).refusal == required
    with nobody_believes_us(stack):
        unavailable = api(stack, "login", body_of(username, "wrong", captcha="solved-0"))
    assert unavailable.refusal == (503, 5022, "captcha_unavailable")
    solved = body_of(username, "wrong", captcha="solved-1")
    assert api(stack, "login", solved).refusal == (403, 4003, "account_refused")
    assert api(stack, "login", solved).refusal == required, "a captcha is solved once"


def test_a_hook_refuses_in_its_own_words(stack: Stack) -> None:
    wrong = api(stack, "login", body_of("mallory", "whatever", code=Person(stack, "mallory").code()))
    assert wrong.refusal == (403, 4003, "account_refused"), "hooks hear only of who has proven it"
    stack.emulator.put_json(
        "/emulator/accounts", {"username": "mallory", "password": "planted-pw", "account": "employee-mallory"}
    )
    reply = api(stack, "login", body_of("mallory", "planted-pw", code=Person(stack, "mallory").code()))
    assert reply.refusal == (403, 4003, "login_refused")
    assert reply.json["message"] == "planted words: ask the front desk"


@pytest.mark.parametrize("username", ["breaks", "sleeps"])
def test_a_hook_that_fails_lets_nobody_in_and_tells_nothing(stack: Stack, username: str) -> None:
    account = {"username": username, "password": "planted-pw", "account": f"employee-{username}"}
    stack.emulator.put_json("/emulator/accounts", account)
    reply = api(stack, "login", body_of(username, "planted-pw"))
    assert reply.refusal == (503, 5023, "hook_failed")
    assert b"planted" not in reply.raw
    assert "planted-secret" not in stack.serve.log.read_text()


def test_a_hooks_claims_are_in_the_login_state(stack: Stack) -> None:
    login = stack.gateway("/signed/x", ("js_code", Person(stack, "golden").code()))
    assert login.status == 200, login.raw
    state = login.headers["signed_session"]
    seen = stack.gateway("/signed/x", ("signed_session", state)).seen
    assert "gold" in seen.values(), seen


def test_banning_at_the_platform_is_told(stack: Stack) -> None:
    person = Person(stack, "on-qq", QQ_APPID, "qq")
    with stack.faulty(fault="40226", times=1):
        blocked = api(stack, "login", {"code": Person(stack, "blocked").code(), "app": "shop"})
    assert blocked.refusal == (403, 4003, "user_blocked")
    assert person.try_in().status == 200
