"""Whether a username and a password are those of a business account: Menshen's own, or the team's."""

from __future__ import annotations

from menshen.callouts.calling import Callouts
from menshen.callouts.verifier import verified_account
from menshen.config.snapshot import App
from menshen.config.user_rules import AccountRules, Callout
from menshen.secret import Secret
from menshen.storage.accounts import AccountRow
from menshen.users.account_names import presentable
from menshen.users.accounts import OwnAccounts
from menshen.users.entering import ProvenAccount
from menshen.users.lockouts import Lockouts

__all__ = ["AccountCheck"]


class AccountCheck:
    """Asks whom the rules name, under the same lock-out either way."""

    def __init__(self, own: OwnAccounts, lockouts: Lockouts, callouts: Callouts) -> None:
        self._own = own
        self._lockouts = lockouts
        self._callouts = callouts

    async def check(self, rules: AccountRules, username: str, password: Secret, app: App, now: float) -> ProvenAccount:
        """The account. ``now`` in Unix seconds.

        Raises ``AccountRefused`` for a name that is nobody's and for a wrong password alike, ``AccountLocked``,
        ``VerifierUnavailable``, ``Overloaded``.
        """
        verifier = rules.verifier
        if verifier is None:
            return await self.check_own(rules, username, password, now)
        return await self._lockouts.attempt(
            rules, "verifier", username, now, lambda: self._verified(verifier, username, password, app)
        )

    async def check_own(self, rules: AccountRules, username: str, password: Secret, now: float) -> ProvenAccount:
        """The same for an own account, whatever the rules say of new logins: its owner may change its password."""
        return await self._lockouts.attempt(rules, "own", username, now, lambda: self._own.prove(username, password))

    async def new_account(self, rules: AccountRules, username: str, password: Secret) -> AccountRow:
        """The account that somebody registers with his first login. Raises what ``OwnAccounts.asked_for`` does."""
        return await self._own.asked_for(rules, username, password)

    async def unlock_own(self, name: str) -> None:
        """Forget the wrong passwords of an own account, for an owner who has shown otherwise that he is it."""
        await self._lockouts.unlock("own", name)

    async def _verified(self, verifier: Callout, username: str, password: Secret, app: App) -> ProvenAccount | None:
        if not presentable(username):
            return None
        account = await verified_account(self._callouts, verifier, username, password, app)
        return None if account is None else ProvenAccount("verifier", account, account)
