"""Binding a business account: the password is checked as at a login, with the same limits and the same answers."""

from __future__ import annotations

from collections.abc import Callable

from menshen.errors import AccountRefused, AlreadyBound, Refusal
from menshen.gateway.binding import Asking, Bindings
from menshen.gateway.codes import LoggedIn
from menshen.gateway.guard import Attempt, LoginGuard
from menshen.gateway.proofs import AccountChecks
from menshen.secret import Secret

__all__ = ["AccountBinding"]


class AccountBinding:
    """``clock`` gives Unix seconds."""

    def __init__(
        self, bindings: Bindings, accounts: AccountChecks, guard: LoginGuard, clock: Callable[[], float]
    ) -> None:
        self._bindings = bindings
        self._accounts = accounts
        self._guard = guard
        self._clock = clock

    async def bind(self, asking: Asking, username: str, password: Secret, captcha: str) -> LoggedIn:
        """Bind the account of this name to the caller, whose new session carries it.

        Who is logged in may guess passwords no faster than who is not. Raises what ``LoginGuard`` and
        ``AccountChecks`` raise, ``AlreadyBound`` and ``AccountTaken``.
        """
        now, app, users = self._clock(), asking.bearer.plugin.app, asking.rules.users
        if not username or not password:
            raise AccountRefused("an empty username or password")
        attempt = Attempt(
            app,
            asking.caller.ip,
            asking.caller.request_id,
            "password",
            now,
            username,
            captcha,
            asking.bearer.claims.openid,
        )
        await self._guard.before(users, attempt)
        _, bound = await self._bindings.user(asking.uid)
        if bound.account is not None:
            raise AlreadyBound("an account")
        try:
            proven = await self._accounts.check(users.accounts, username, password, app, now)
        except Refusal as refusal:
            await self._guard.failed(users, attempt, refusal)
            raise
        await self._guard.succeeded(users, attempt)
        return await self._bindings.bind_account(asking, proven)
