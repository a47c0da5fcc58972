"""Users at the console: found by whatever the operator has of them, and each with all that is his."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import msgspec
from starlette.responses import Response

from menshen.errors import UserInvalid
from menshen.operators.roles import Scope
from menshen.sessions.records import SessionRecords
from menshen.storage.login_log import LoginFilter
from menshen.storage.user_rows import Standing
from menshen.users.directory import UserDirectory, page_of, word_of
from menshen.web.console.audit import detail_of
from menshen.web.console.language import sentence
from menshen.web.console.people.asked import ROWS, address, clean
from menshen.web.console.people.words import ENDINGS, HOWS, STANDINGS, outcome_of
from menshen.web.console.view import View, Visit

__all__ = ["USERS", "Problem", "UserPage", "user_path", "user_views"]

USERS = "/console/users"
_NEWEST = 10
"""Rows of each list on a user's page."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something was not done: a sentence of the catalog, and what the pool says of it, in English."""

    sentence: str
    detail: str = ""


def user_path(uid: str) -> str:
    return f"{USERS}/{quote(uid, safe='')}"


class UserPage:
    """The page of one user. ``clock`` gives Unix seconds."""

    def __init__(self, directory: UserDirectory, records: SessionRecords, clock: Callable[[], float]) -> None:
        self._directory = directory
        self._records = records
        self._clock = clock

    async def show(
        self, visit: Visit, uid: str, *, phone: str = "", problem: Problem | None = None, given: Any = None
    ) -> Response:
        """``phone`` is the number in full, where it was asked for. ``given``: what a form had that was not right.

        Raises ``UserUnknown``.
        """
        found = await self._directory.get(uid)
        now = self._clock()
        sessions = await self._records.page(uid=uid, live=False, limit=_NEWEST)
        logins = await self._directory.page_logins(LoginFilter(uid=uid, limit=_NEWEST))
        audit = None
        if visit.may(Scope.AUDIT_READ):
            audit = await self._directory.page_audit(uid=uid, limit=_NEWEST)
        metadata = msgspec.json.format(msgspec.json.encode(found.user.metadata, order="sorted"), indent=2).decode()
        return visit.page(
            "people/user.html",
            422 if problem else 200,
            user=found.user,
            standing=found.standing,
            standings=STANDINGS,
            bound=found.bound,
            claims="\n".join(f"{name}={value}" for name, value in sorted(found.user.claims.items())),
            metadata=metadata,
            sessions=sessions,
            logins=logins,
            audit=audit,
            detail_of=detail_of,
            now=now,
            outcome=lambda reason: outcome_of(reason, visit.locale),
            hows=HOWS,
            endings=ENDINGS,
            phone=phone,
            problem=problem,
            given=given or {},
            path=user_path(uid),
        )


def user_views(directory: UserDirectory, page: UserPage) -> list[View]:
    """The list, its search field, and the page of each."""

    async def listed(visit: Visit) -> Response:
        text, status = clean(visit.query.get("q")), _standing(visit.query.get("status"))
        found = await directory.page(anything=text, status=status, below=_below(visit), limit=ROWS)
        asked = {"q": text, "status": status or ""}
        return visit.page(
            "people/users.html",
            found=found,
            asked=asked,
            standings=STANDINGS,
            nobody=visit.query.get("nobody") == "1",
            path_of=user_path,
            first=address(USERS, asked),
            next=None if found.below is None else address(USERS, {**asked, "below": word_of(found.below)}),
            later="below" in visit.query,
        )

    async def searched(visit: Visit) -> Response:
        # A phone number that was typed in full must not stand in an address, nor in any history or log.
        text, status = clean(visit.form.get("q")), _standing(visit.form.get("status"))
        owner = await directory.owner(text) if text else None
        if owner is not None:
            return visit.go(user_path(owner) if owner else f"{USERS}?nobody=1")
        if text:
            found = await directory.page(anything=text, status=status, limit=2)
            if len(found.rows) == 1 and not found.stopped:
                return visit.go(user_path(found.rows[0][0].uid))
        return visit.go(address(USERS, {"q": text, "status": status or ""}))

    async def one(visit: Visit) -> Response:
        uid = clean(visit.words["uid"])
        if not uid:
            return visit.trouble(404, sentence("There is no such thing"))
        return await page.show(visit, uid)

    read = Scope.USERS_READ
    return [
        View("GET", USERS, read, listed),
        View("POST", f"{USERS}/search", read, searched),
        View("GET", f"{USERS}/{{uid}}", read, one),
    ]


def _standing(value: object) -> Standing | None:
    standings: tuple[Standing, ...] = ("active", "banned", "closed")
    return next((each for each in standings if each == value), None)


def _below(visit: Visit) -> tuple[int, str] | None:
    try:
        return page_of(clean(visit.query.get("below")))
    except UserInvalid:
        return None
