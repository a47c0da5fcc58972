"""From a person who has proven who he is to an open session: many logins at once, each whole or not at all.

User, session, spent code, login log and the messages of webhooks are one transaction. Only a hook that wants to know
who logs in divides it: the team's code must not hold the database while it thinks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.config.snapshot import LoginPlugin, Snapshot
from menshen.errors import Refusal
from menshen.gateway.codes import LoggedIn, Spend
from menshen.gateway.issue import Caller, Issuer
from menshen.gateway.login_reports import changes_of, event, success_row
from menshen.gateway.proofs import How
from menshen.secret import Secret
from menshen.sessions.records import NewSession
from menshen.storage.codes import finish_codes
from menshen.storage.login_log import LoginRow, write_logins
from menshen.storage.revocations import in_order
from menshen.users.entering import Entered, Entry
from menshen.users.outbox import UserEvent, emit
from menshen.users.pool import UserPool

__all__ = ["Opener", "Proven"]

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Proven:
    """A login that has proven who it is. ``openid`` and ``unionid`` are "" where the platform had no part in it.

    ``replaces`` is the session that the client held until now, or ""; ``spend`` makes the login its code's outcome.
    """

    plugin: LoginPlugin
    rules: Snapshot
    caller: Caller
    how: How
    entry: Entry
    openid: str = ""
    unionid: str = ""
    session_key: Secret = field(default_factory=lambda: Secret(""))
    replaces: str = ""
    spend: Spend | None = None

    @property
    def may_end_sessions(self) -> bool:
        return bool(self.replaces or self.plugin.session.max_sessions)


@dataclass(frozen=True, slots=True)
class _Admitted:
    """A proven person with his user, and the claims for the session."""

    proven: Proven
    user: Entered
    claims: Mapping[str, str]


class Opener:
    """Opens sessions by :class:`Issuer` for the users of ``pool``."""

    def __init__(self, pool: UserPool, issuer: Issuer) -> None:
        self._pool = pool
        self._issuer = issuer

    async def open(self, proven: Proven) -> LoggedIn:
        """User and session of a login. Raises the refusals of ``UserPool.enter_all``."""
        return _raised(await self._pool.database.write(self._open_all, proven))

    async def enter(self, proven: Proven) -> Entered:
        """The user alone, for who asks hooks before there is a session. Raises as :meth:`open` does."""
        return _raised(await self._pool.database.write(self._enter_all, proven))

    async def open_for(self, proven: Proven, user: Entered, claims: Mapping[str, str]) -> LoggedIn:
        """The session for a user who has entered, with claims that hooks may have added to.

        Raises ``UserBanned`` where he may not stay since.
        """
        return _raised(await self._pool.database.write(self._admit_all, _Admitted(proven, user, claims)))

    async def _open_all(self, connection: AsyncConnection, logins: Sequence[Proven]) -> list[LoggedIn | Refusal]:
        entered = await self._enter_all(connection, logins)
        admitted = {
            number: _Admitted(proven, user, user.claims)
            for number, (proven, user) in enumerate(zip(logins, entered, strict=True))
            if isinstance(user, Entered)
        }
        opened = dict(zip(admitted, await self._opened(connection, list(admitted.values())), strict=True))
        return [user if isinstance(user, Refusal) else opened[number] for number, user in enumerate(entered)]

    async def _enter_all(self, connection: AsyncConnection, logins: Sequence[Proven]) -> list[Entered | Refusal]:
        if any(proven.may_end_sessions for proven in logins):
            # First of all locks, as in every transaction that may end a session: else two would wait for each other.
            await in_order(connection)
        answers: dict[int, Entered | Refusal] = {}
        for numbers in _by_revision(logins):
            rules = logins[numbers[0]].rules
            entries = [logins[number].entry for number in numbers]
            found = await self._pool.enter_all(connection, entries, rules.users.match_unionid)
            answers |= zip(numbers, found, strict=True)
            if rules.webhooks:
                users = zip((logins[number] for number in numbers), found, strict=True)
                await emit(connection, list(_changes(users)), rules.webhooks)
        return [answers[number] for number in range(len(logins))]

    async def _admit_all(self, connection: AsyncConnection, logins: Sequence[_Admitted]) -> list[LoggedIn | Refusal]:
        if any(login.proven.may_end_sessions for login in logins):
            await in_order(connection)
        users = [(login.user.uid, login.proven.entry.at) for login in logins]
        standing = await self._pool.stand_all(connection, users)
        staying = [login for login, refusal in zip(logins, standing, strict=True) if refusal is None]
        opened = iter(await self._opened(connection, staying))
        return [next(opened) if refusal is None else refusal for refusal in standing]

    async def _opened(self, connection: AsyncConnection, logins: Sequence[_Admitted]) -> list[LoggedIn]:
        """What there is to write of logins that are let in, in as few statements as one takes."""
        if not logins:
            return []
        openings = [self._opening(login) for login in logins]
        await self._issuer.open_all(connection, [new for _, new in openings])
        done = [logged_in for logged_in, _ in openings]
        spent = [
            login.proven.spend(logged_in)
            for login, logged_in in zip(logins, done, strict=True)
            if login.proven.spend is not None
        ]
        if spent:
            await finish_codes(connection, spent)
        await write_logins(connection, [_row(login) for login in logins])
        for numbers in _by_revision([login.proven for login in logins]):
            if webhooks := logins[numbers[0]].proven.rules.webhooks:
                await emit(connection, [_event(logins[number]) for number in numbers], webhooks)
        return done

    def _opening(self, login: _Admitted) -> tuple[LoggedIn, NewSession]:
        proven, user = login.proven, login.user
        return self._issuer.opening(
            proven.plugin,
            uid=user.uid,
            claims=login.claims,
            account=user.account,
            openid=proven.openid,
            unionid=proven.unionid,
            caller=proven.caller,
            replaces=proven.replaces,
            at=proven.entry.at,
            session_key=proven.session_key,
            new_user=user.new_user,
            tags={**user.vouched, "new_user": "true" if user.new_user else "false"},
        )


def _raised(answer: Answer | Refusal) -> Answer:
    if isinstance(answer, Refusal):
        raise answer
    return answer


def _by_revision(logins: Sequence[Proven]) -> list[list[int]]:
    """The numbers of the logins that are under the same rules. Nearly always one list: revisions change by hand."""
    numbers: dict[str, list[int]] = {}
    for number, proven in enumerate(logins):
        numbers.setdefault(proven.rules.checksum, []).append(number)
    return list(numbers.values())


def _changes(users: Iterable[tuple[Proven, Entered | Refusal]]) -> Iterator[UserEvent]:
    for proven, user in users:
        if isinstance(user, Entered):
            yield from changes_of(proven.plugin.app, proven.caller, user, proven.entry.at)


def _row(login: _Admitted) -> LoginRow:
    proven = login.proven
    return success_row(proven.plugin.app, proven.caller, proven.how, proven.entry.at, login.user)


def _event(login: _Admitted) -> UserEvent:
    proven = login.proven
    return event("login", proven.plugin.app, proven.caller, login.user.uid, proven.entry.at)
