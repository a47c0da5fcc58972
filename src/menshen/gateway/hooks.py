"""Hooks of the installation in a login: Python code of the team's, found by the entry point group ``menshen.hooks``.

An entry point names an object, or a class to make one of, with one or both of::

    def before_login(self, attempt: LoginAttempt) -> str | None      # a text refuses the login, and the client reads it
    def after_login(self, done: LoginDone) -> Mapping[str, str] | None      # claims for the new session

Either may be ``async``; one that is not runs in a thread, so that it may block. Each call has the configured time. A
hook that raises, takes longer or answers nonsense has failed: the login is then refused, or goes on as if there were no
such hook, as configured. What a hook raised is never repeated, for nobody knows what is in it.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from menshen.config.user_rules import HookRules
from menshen.errors import ClaimInvalid, HookFailed, LoginRefused
from menshen.foreign import MOST_TEXT, said, where
from menshen.users.claims import changed_claims

__all__ = ["GROUP", "Hook", "Hooks", "LoginAttempt", "LoginDone", "load_hooks"]

GROUP: Final = "menshen.hooks"

_THREADS = 16

log = logging.getLogger("menshen.hooks")


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """A login that has proven who it is. ``how`` is code, password, phone or sms; "" is for what it has not brought.

    ``openid`` and ``unionid`` are the platform's word, ``account`` is the name of an account whose password was right.
    """

    app: str
    platform: str
    appid: str
    how: str
    openid: str = ""
    unionid: str = ""
    account: str = ""
    ip: str = ""
    user_agent: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class LoginDone:
    """The user that the login is of, before there is a session. ``claims`` are what the operator says of the user."""

    attempt: LoginAttempt
    uid: str
    new_user: bool
    account: str
    claims: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hook:
    """One hook, by the name of its entry point; None for what it does not have."""

    name: str
    before: Callable[[LoginAttempt], Any] | None = None
    after: Callable[[LoginDone], Any] | None = None


def load_hooks(found: Sequence[EntryPoint] | None = None) -> list[Hook]:
    """The hooks that are installed, in the order of their names.

    Raises what a hook raises while it is loaded, and ``TypeError`` for one without a method of ours: a gateway whose
    hooks are broken must not run without them.
    """
    points = entry_points(group=GROUP) if found is None else found
    return [_hook(point.name, point.load()) for point in sorted(points, key=lambda point: point.name)]


def _hook(name: str, loaded: Any) -> Hook:
    made = loaded() if inspect.isclass(loaded) else loaded
    before, after = getattr(made, "before_login", None), getattr(made, "after_login", None)
    if not (callable(before) or callable(after)):
        raise TypeError(f"the hook {name} has neither before_login nor after_login")
    return Hook(name, before if callable(before) else None, after if callable(after) else None)


class Hooks:
    """Runs them, one after the other. A hook that never ends keeps its thread, and never one that we need ourselves."""

    def __init__(self, hooks: Sequence[Hook] = ()) -> None:
        self._before = [(hook.name, hook.before) for hook in hooks if hook.before is not None]
        self._after = [(hook.name, hook.after) for hook in hooks if hook.after is not None]
        self._threads = ThreadPoolExecutor(_THREADS, "menshen-hook")

    @property
    def after_login(self) -> bool:
        """Whether any hook wants to know who it was."""
        return bool(self._after)

    def close(self) -> None:
        """Wait for no hook that still runs."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def before(self, rules: HookRules, attempt: LoginAttempt) -> None:
        """Raises ``LoginRefused`` with a hook's text as its detail, ``HookFailed`` where a failure refuses."""
        for name, hook in self._before:
            try:
                text = _text(await self._call(hook, attempt, rules.timeout))
            except _Broken as broken:
                _failed(rules, name, "before_login", broken, attempt)
            else:
                if text is not None:
                    raise LoginRefused(text)

    async def after(self, rules: HookRules, done: LoginDone) -> dict[str, str]:
        """The user's claims with those of the hooks: what a later one says counts. Raises ``HookFailed``."""
        claims = dict(done.claims)
        for name, hook in self._after:
            try:
                claims = _claims(claims, await self._call(hook, done, rules.timeout))
            except _Broken as broken:
                _failed(rules, name, "after_login", broken, done.attempt)
        return claims

    async def _call(self, hook: Callable[[Any], Any], argument: object, seconds: float) -> Any:
        """Raises ``_Broken``. Nothing else that a hook does reaches the worker: not SystemExit, not a cancellation."""
        running: asyncio.Future[Any]
        if inspect.iscoroutinefunction(hook):
            running = asyncio.create_task(_awaited(hook, argument))
        else:
            running = asyncio.get_running_loop().run_in_executor(self._threads, _called, hook, argument)
        try:
            await asyncio.wait({running}, timeout=seconds)
            if not running.done():
                raise _Broken("took too long")
            if running.cancelled():
                raise _Broken("cancelled itself")
            return running.result()
        finally:
            running.cancel()


class _Broken(Exception):
    """Why, without a word of the hook's own."""


async def _awaited(hook: Callable[[Any], Any], argument: object) -> Any:
    try:
        return await hook(argument)
    except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001 - the team's code may raise anything
        why = where(error)
    raise _Broken(why)


def _called(hook: Callable[[Any], Any], argument: object) -> Any:
    try:
        return hook(argument)
    except BaseException as error:  # noqa: BLE001 - in a thread of the hook's own
        why = where(error)
    raise _Broken(why)


def _text(answer: object) -> str | None:
    if answer is None:
        return None
    if not isinstance(answer, str):
        raise _Broken(f"answered {type(answer).__name__}, which is no text")
    return said(answer) or "refused"


def _claims(claims: Mapping[str, str], answer: object) -> dict[str, str]:
    if answer is None:
        return dict(claims)
    if not isinstance(answer, Mapping) or not all(isinstance(part, str) for pair in answer.items() for part in pair):
        raise _Broken(f"answered {type(answer).__name__}, which is no mapping of texts")
    try:
        return changed_claims(claims, answer)
    except ClaimInvalid as error:
        why = str(error)
    raise _Broken(why)


def _failed(rules: HookRules, name: str, step: str, broken: _Broken, attempt: LoginAttempt) -> None:
    why = str(broken)
    log.warning(
        "hook_failed",
        extra={"hook": name, "step": step, "why": why, "app": attempt.app, "request_id": attempt.request_id},
    )
    if rules.on_failure == "closed":
        raise HookFailed(f"{name}: {why}"[:MOST_TEXT])
