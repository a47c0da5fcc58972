"""The user pool as an operator looks at it: who is there, what is bound, what was tried and what was done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from menshen.errors import CallMalformed, UserInvalid, UserUnknown
from menshen.storage.audit import Audited, list_audit, page_audit
from menshen.storage.bindings import Bound, find_bound
from menshen.storage.database import Database
from menshen.storage.login_log import LoggedLogin, LoginFilter, list_logins, page_logins
from menshen.storage.paging import Page
from menshen.storage.user_rows import Standing, UserRow, find_user
from menshen.storage.user_search import UserSearch, page_users, search_users
from menshen.users.phone_number import PhoneNumber, parse_phone

__all__ = ["Found", "Listed", "UserDirectory", "page_after", "page_of", "word_of"]

Listed = tuple[UserRow, Standing]
"""A user, and the status that counts now."""


@dataclass(frozen=True, slots=True)
class Found:
    """A user, and everything that finds him. ``standing`` is the status that counts now."""

    user: UserRow
    standing: Standing
    bound: Bound


class UserDirectory:
    """``clock`` gives Unix seconds; ``digest`` is that of ``PhoneNumbers``, which finds a whole number."""

    def __init__(self, database: Database, clock: Callable[[], float], digest: Callable[[PhoneNumber], str]) -> None:
        self._database = database
        self._clock = clock
        self._digest = digest

    async def get(self, uid: str) -> Found:
        """Raises ``UserUnknown``."""
        async with self._database.reading() as connection:
            user = await find_user(connection, uid)
            if user is None:
                raise UserUnknown(f"there is no user {uid[:40]}")
            return Found(user, user.standing(self._clock()), await find_bound(connection, uid))

    async def search(
        self,
        *,
        uid: str = "",
        openid: str = "",
        account: str = "",
        phone: str = "",
        status: Standing | None = None,
        below: tuple[int, str] | None = None,
        limit: int = 50,
    ) -> list[tuple[UserRow, Standing]]:
        """Users with the status that counts, the newest first; all conditions together, see ``UserSearch``.

        However far back they are: :meth:`page` answers in time.

        ``phone`` is a number or its last four digits. Raises ``UserInvalid`` for any other text.
        """
        now = self._clock()
        search = UserSearch(now, uid, openid, account, status=status, below=below, limit=limit)
        search = self._with_phone(search, phone)
        async with self._database.reading() as connection:
            return [(user, user.standing(now)) for user in await search_users(connection, search)]

    async def page(
        self,
        *,
        uid: str = "",
        openid: str = "",
        account: str = "",
        phone: str = "",
        anything: str = "",
        status: Standing | None = None,
        below: tuple[int, str] | None = None,
        limit: int = 50,
    ) -> Page[Listed, tuple[int, str]]:
        """As :meth:`search`, page by page. ``anything`` is whatever the operator has of the user."""
        now = self._clock()
        search = UserSearch(now, uid, openid, account, status=status, below=below, limit=limit)
        search = self._with_phone(replace(search, anything=anything), phone or _whole_number(anything))
        async with self._database.reading() as connection:
            found = await page_users(connection, search)
        return Page([(user, user.standing(now)) for user in found.rows], found.below, found.stopped)

    async def owner(self, text: str) -> str | None:
        """The uid of who has the phone number that ``text`` is; "" for a number of nobody, None for no number."""
        number = _whole_number(text)
        if not number:
            return None
        search = self._with_phone(UserSearch(self._clock(), limit=1), number)
        async with self._database.reading() as connection:
            found = await search_users(connection, search)
        return found[0].uid if found else ""

    async def page_logins(self, which: LoginFilter) -> Page[LoggedLogin, int]:
        async with self._database.reading() as connection:
            return await page_logins(connection, which)

    async def page_audit(
        self, *, uid: str = "", action: str = "", actor: str = "", limit: int = 50, below: int | None = None
    ) -> Page[Audited, int]:
        async with self._database.reading() as connection:
            return await page_audit(connection, uid=uid, action=action, actor=actor, limit=limit, below=below)

    async def logins(self, which: LoginFilter) -> Sequence[LoggedLogin]:
        async with self._database.reading() as connection:
            return await list_logins(connection, which)

    async def audit(
        self, *, uid: str = "", action: str = "", actor: str = "", limit: int = 50, below: int | None = None
    ) -> Sequence[Audited]:
        async with self._database.reading() as connection:
            return await list_audit(connection, uid=uid, action=action, actor=actor, limit=limit, below=below)

    def _with_phone(self, search: UserSearch, phone: str) -> UserSearch:
        if not phone:
            return search
        if len(phone) == 4 and phone.isascii() and phone.isdigit():
            return replace(search, phone_tail=phone)
        try:
            return replace(search, phone_digest=self._digest(parse_phone(phone)))
        except CallMalformed:
            raise UserInvalid("a phone number, or the last four digits of one") from None


def _whole_number(text: str) -> str:
    """``text`` without blanks and dashes, where it is a whole phone number; else ""."""
    number = text.translate(_WRITTEN_BETWEEN)
    try:
        parse_phone(number)
    except CallMalformed:
        return ""
    return number


_WRITTEN_BETWEEN = {ord(each): None for each in " -()."}


def page_after(user: UserRow) -> str:
    """What the next page begins below, as one word."""
    return word_of((user.created_at, user.uid))


def word_of(below: tuple[int, str]) -> str:
    return f"{below[0]}.{below[1]}"


def page_of(word: str) -> tuple[int, str]:
    """The reverse of :func:`page_after`. Raises ``UserInvalid``."""
    created_at, dot, uid = word.partition(".")
    if not dot or not uid or not (created_at.isascii() and created_at.isdigit()) or len(created_at) > 10:
        raise UserInvalid("a page goes on below what the one before ended with")
    return int(created_at), uid
