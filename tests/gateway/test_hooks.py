"""Hooks of the installation: what they may say, and what becomes of a login when they break."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from menshen.config.user_rules import HookRules
from menshen.errors import HookFailed, LoginRefused, MenshenError
from menshen.gateway.hooks import GROUP, Hook, Hooks, LoginAttempt, LoginDone, load_hooks

ATTEMPT = LoginAttempt("shop", "wechat", "wx1", "code", "o1", "n1", "", "192.0.2.1", "agent", "r1")
DONE = LoginDone(ATTEMPT, "u1", False, "", {"role": "vip"})
GO_ON = threading.Event()
"""Set once a test is over: lets the threads end that were given up."""

CLOSED, OPEN = HookRules(0.2, "closed"), HookRules(0.2, "open")


def before(hook: Callable[[LoginAttempt], Any], rules: HookRules = CLOSED) -> None:
    asyncio.run(Hooks([Hook("the-hook", before=hook)]).before(rules, ATTEMPT))


def after(hook: Callable[[LoginDone], Any], rules: HookRules = CLOSED) -> dict[str, str]:
    return asyncio.run(Hooks([Hook("the-hook", after=hook)]).after(rules, DONE))


def raises(_: object) -> Any:
    raise RuntimeError("planted-secret in an exception")


async def raises_later(_: object) -> Any:
    await asyncio.sleep(0)
    raise RuntimeError("planted-secret in an exception")


def exits(_: object) -> Any:
    sys.exit(1)


async def exits_later(_: object) -> Any:
    sys.exit(1)


async def cancels_itself(_: object) -> Any:
    raise asyncio.CancelledError


def sleeps(_: object) -> Any:
    GO_ON.wait(120)


async def waits(_: object) -> Any:
    await asyncio.sleep(120)


BROKEN = [raises, raises_later, exits, exits_later, cancels_itself, sleeps, waits]


@pytest.fixture(autouse=True)
def _go_on() -> Iterator[None]:
    GO_ON.clear()
    yield
    GO_ON.set()


def test_a_hook_sees_the_login_and_lets_it_pass() -> None:
    seen: list[object] = []
    before(seen.append)
    assert seen == [ATTEMPT]


async def _no(_: LoginAttempt) -> str:
    return "尚未开放"


@pytest.mark.parametrize(
    ("hook", "text"),
    [
        (lambda _: "Members only.", "Members only."),
        (_no, "尚未开放"),
        (lambda _: "", "refused"),
        (lambda _: "a\r\nx: y\u202e", "ax: y"),
        (lambda _: "x" * 1000, "x" * 200),
    ],
)
def test_a_text_refuses_the_login(hook: Callable[[LoginAttempt], Any], text: str) -> None:
    with pytest.raises(LoginRefused) as refused:
        before(hook, OPEN)
    assert refused.value.detail == text


@pytest.mark.parametrize("hook", BROKEN)
def test_a_broken_hook_refuses_where_it_is_closed_and_is_passed_over_where_it_is_open(
    hook: Callable[[object], Any], caplog: pytest.LogCaptureFixture
) -> None:
    started = time.monotonic()
    with pytest.raises(HookFailed) as failed:
        before(hook)
    before(hook, OPEN)
    with pytest.raises(HookFailed):
        after(hook)
    assert after(hook, OPEN) == DONE.claims
    assert time.monotonic() - started < 60
    assert "the-hook" in failed.value.detail
    records = [record for record in caplog.records if record.message == "hook_failed"]
    assert len(records) == 4
    assert "planted" not in str([vars(record) for record in caplog.records]) + failed.value.detail


@pytest.mark.parametrize("answer", [False, 0, True, b"no", {"a": "b"}])
def test_an_answer_that_is_no_text_is_a_broken_hook(answer: object) -> None:
    with pytest.raises(HookFailed):
        before(lambda _: answer)


def test_the_first_refusal_ends_it_in_the_order_of_the_names() -> None:
    asked: list[str] = []

    def hook(name: str, says: str | None) -> Hook:
        def say(_: LoginAttempt) -> str | None:
            asked.append(name)
            return says

        return Hook(name, before=say)

    hooks = Hooks([hook("a", None), hook("b", "no"), hook("c", None)])
    with pytest.raises(LoginRefused):
        asyncio.run(hooks.before(CLOSED, ATTEMPT))
    assert asked == ["a", "b"]


def test_claims_are_added_to_the_users_own() -> None:
    assert after(lambda done: {"tier": "gold", "of": done.uid}) == {"role": "vip", "tier": "gold", "of": "u1"}
    assert after(lambda _: None) == {"role": "vip"}
    assert after(lambda _: {"role": "guest"}) == {"role": "guest"}


@pytest.mark.parametrize(
    "answer",
    [{"Tier": "x"}, {"tier": "a\r\nb"}, {"tier": 1}, {"tier": None}, {"t": "x" * 129}, ["tier"], "tier"],
)
def test_claims_are_held_to_the_rules_of_claims(answer: object) -> None:
    with pytest.raises(HookFailed):
        after(lambda _: answer)
    assert after(lambda _: answer, OPEN) == DONE.claims


def test_hooks_that_never_end_hold_up_nothing_but_hooks() -> None:
    """They run in threads of their own: the database's turn is taken in one of the loop's."""

    async def main() -> None:
        hooks = Hooks([Hook("stuck", before=lambda _: GO_ON.wait(120))])
        tries = [hooks.before(HookRules(0.1, "closed"), ATTEMPT) for _ in range(40)]
        outcomes = await asyncio.gather(*tries, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {HookFailed}
        assert await asyncio.wait_for(asyncio.to_thread(lambda: "free"), 60) == "free"
        hooks.close()

    asyncio.run(main())


PACKAGE = """
class Both:
    def before_login(self, attempt):
        return None if attempt.app == "shop" else "another app"

    async def after_login(self, done):
        return {"tier": "gold"}

class Neither:
    pass

def broken():
    raise OSError("no configuration")
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Mapping[str, str]], None]]:
    """Install a distribution with these entry points, for as long as the test runs."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "hooks_of_a_test.py").write_text(PACKAGE)

    def install(points: Mapping[str, str]) -> None:
        info = tmp_path / "hooks_of_a_test-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hooks-of-a-test\nVersion: 1.0\n")
        lines = [f"[{GROUP}]", *(f"{name} = {value}" for name, value in points.items())]
        (info / "entry_points.txt").write_text("\n".join(lines))

    yield install
    sys.modules.pop("hooks_of_a_test", None)


def test_installed_hooks_are_found_in_the_order_of_their_names(installed: Callable[[Mapping[str, str]], None]) -> None:
    installed({"zz": "hooks_of_a_test:Both", "aa": "hooks_of_a_test:Both"})
    hooks = load_hooks()
    assert [hook.name for hook in hooks] == ["aa", "zz"]
    asyncio.run(Hooks(hooks).before(CLOSED, ATTEMPT))
    assert asyncio.run(Hooks(hooks).after(CLOSED, DONE)) == {"role": "vip", "tier": "gold"}


@pytest.mark.parametrize("value", ["hooks_of_a_test:Neither", "hooks_of_a_test:missing", "no_such_module:Both"])
def test_a_hook_that_cannot_be_used_stops_the_gateway(
    value: str, installed: Callable[[Mapping[str, str]], None]
) -> None:
    installed({"bad": value})
    with pytest.raises((TypeError, AttributeError, ImportError)) as error:
        load_hooks()
    assert not isinstance(error.value, MenshenError)


def test_without_hooks_nobody_is_asked() -> None:
    assert load_hooks() == []
    hooks = Hooks()
    asyncio.run(hooks.before(CLOSED, ATTEMPT))
    assert not hooks.after_login
    assert asyncio.run(hooks.after(CLOSED, DONE)) == DONE.claims
