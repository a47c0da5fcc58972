"""Everything about operators that the admin API, the console and the command line ask for, on one database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from menshen.operators.access import Access
from menshen.operators.accounts import Operators
from menshen.operators.changes import Changes
from menshen.operators.console_sessions import ConsoleSessions
from menshen.operators.setup import SetUp
from menshen.operators.sign_in_links import SignInLinks
from menshen.operators.throttle import Throttle
from menshen.operators.tokens import ApiTokens
from menshen.secret import Secret
from menshen.storage.database import Database
from menshen.users.passwords import Passwords

__all__ = ["OperatorService", "operator_service"]


@dataclass(frozen=True, slots=True)
class OperatorService:
    """``access`` says who calls; the others do what is asked, and ask no more who may. ``clock`` gives Unix seconds."""

    access: Access
    accounts: Operators
    sessions: ConsoleSessions
    tokens: ApiTokens
    setup: SetUp
    links: SignInLinks
    clock: Callable[[], float]


def operator_service(
    database: Database,
    master_key: bytes,
    admin_token: Secret,
    passwords: Passwords,
    clock: Callable[[], float],
    steady: Callable[[], float],
    random: Callable[[int], bytes],
) -> OperatorService:
    """``clock`` gives Unix seconds, ``steady`` seconds that never go back; ``random`` is OS randomness."""
    changes = Changes()
    throttle = Throttle(database, master_key)
    accounts = Operators(database, passwords, throttle, changes, clock)
    sessions = ConsoleSessions(database, passwords, throttle, changes, clock, random)
    tokens = ApiTokens(database, changes, clock, random)
    access = Access(admin_token, tokens, sessions, changes, steady)
    links = SignInLinks(accounts, sessions, clock, random)
    return OperatorService(access, accounts, sessions, tokens, SetUp(accounts, random), links, clock)
