"""What an operator does to a user at the console. Each is a form that was confirmed, and stands in the audit log."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from starlette.responses import Response

from menshen.config.user_rules import WebhookRules
from menshen.errors import ClaimInvalid, KeyRingInvalid, UserInvalid
from menshen.operators.roles import Scope
from menshen.users.ending import SessionEndings
from menshen.users.life import MOST_REASON, Doer, UserLife
from menshen.users.personal import PersonalData
from menshen.web.console.language import sentence
from menshen.web.console.people.asked import clean
from menshen.web.console.people.users import USERS, Problem, UserPage, user_path
from menshen.web.console.view import View, Visit

__all__ = ["user_change_views"]

_SPANS: Final[Mapping[str, int]] = {"hour": 3600, "day": 86_400, "week": 7 * 86_400, "month": 30 * 86_400}
_NOT_DONE: Final = sentence("That cannot be done.")


class _Refused(Exception):
    """What was sent is not right."""

    def __init__(self, problem: Problem, given: Mapping[str, str] | None = None) -> None:
        super().__init__(problem.sentence)
        self.problem = problem
        self.given = given or {}


def user_change_views(
    page: UserPage,
    life: UserLife,
    endings: SessionEndings,
    personal: PersonalData,
    webhooks: Callable[[], Sequence[WebhookRules]],
    clock: Callable[[], float] = time.time,
) -> list[View]:
    """``webhooks`` gives those of the running revision, which are told of bans and closed accounts."""

    def by(visit: Visit) -> Doer:
        return Doer(visit.who.name, webhooks())

    async def banned(visit: Visit, uid: str) -> str:
        reason, until = str(visit.form.get("reason", "")).strip(), str(visit.form.get("until", ""))
        if len(reason) > MOST_REASON:
            raise _Refused(Problem(sentence("The reason is too long: 200 characters at most.")))
        await life.ban(uid, by(visit), reason=reason, until=_until(visit.form.get("span"), until, clock()))
        return sentence("The user is banned, and the sessions are ended.")

    async def unbanned(visit: Visit, uid: str) -> str:
        await life.unban(uid, by(visit))
        return sentence("The ban is lifted.")

    async def kicked(visit: Visit, uid: str) -> str:
        await endings.end_user(uid, visit.who.name)
        return sentence("All sessions of the user are ended.")

    async def closed(visit: Visit, uid: str) -> str:
        if clean(visit.form.get("confirm")) != uid:
            raise _Refused(Problem(sentence("Write the user's id to confirm.")))
        await life.close(uid, by(visit), reason=str(visit.form.get("closing-reason", "")).strip())
        return sentence("The account is closed.")

    async def merged(visit: Visit, uid: str) -> str:
        into = clean(visit.form.get("into"))
        if not into:
            raise _Refused(Problem(sentence("Write the id of the user that stays.")))
        await life.merge(uid, into, by(visit))
        return sentence("The users are merged.")

    async def claims(visit: Visit, uid: str) -> str:
        text = str(visit.form.get("claims", ""))
        wanted: dict[str, str] = {}
        for line in filter(None, map(str.strip, text.splitlines())):
            name, equals, value = line.partition("=")
            if not equals:
                raise _Refused(Problem(sentence("Write one claim a line: name=value."), line[:80]), {"claims": text})
            wanted[name.strip()] = value.strip()
        try:
            await life.set_claims(uid, _with_gone(visit, wanted), by(visit))
        except ClaimInvalid as error:
            raise _Refused(Problem(_NOT_DONE, str(error)), {"claims": text}) from None
        return sentence("Saved.")

    async def metadata(visit: Visit, uid: str) -> str:
        text = str(visit.form.get("metadata", ""))
        try:
            wanted: dict[str, Any] = msgspec.json.decode(text or "{}", type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            raise _Refused(Problem(sentence("This must be a JSON object.")), {"metadata": text}) from None
        try:
            await life.set_metadata(uid, _with_gone(visit, wanted), by(visit))
        except UserInvalid as error:
            raise _Refused(Problem(_NOT_DONE, str(error)), {"metadata": text}) from None
        return sentence("Saved.")

    async def phone(visit: Visit) -> Response:
        uid = clean(visit.words["uid"])
        try:
            number = await personal.phone(uid, visit.who.name)
        except KeyRingInvalid as error:
            return await page.show(visit, uid, problem=Problem(_NOT_DONE, str(error)))
        if visit.htmx:
            return visit.page("people/phone.html", phone=number or "")
        return await page.show(visit, uid, phone=number or "")

    def change(path: str, work: Callable[[Visit, str], Awaitable[str]]) -> View:
        async def changed(visit: Visit) -> Response:
            uid = clean(visit.words["uid"])
            try:
                said = await work(visit, uid)
            except _Refused as refused:
                return await page.show(visit, uid, problem=refused.problem, given=refused.given)
            except UserInvalid as error:
                return await page.show(visit, uid, problem=Problem(_NOT_DONE, str(error)))
            return visit.go(user_path(uid), said)

        return View("POST", f"{USERS}/{{uid}}/{path}", Scope.USERS_WRITE, changed)

    return [
        change("ban", banned),
        change("unban", unbanned),
        change("kick", kicked),
        change("close", closed),
        change("merge", merged),
        change("claims", claims),
        change("metadata", metadata),
        View("POST", f"{USERS}/{{uid}}/phone", Scope.PERSONAL_READ, phone),
    ]


def _with_gone(visit: Visit, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Take away what the form showed and has no more; what somebody else has added since stays."""
    shown = {str(name) for name in visit.form.getlist("had")}
    return {**{name: None for name in shown if name not in wanted}, **wanted}


def _until(span: object, until: str, now: float) -> int:
    """When a ban ends (Unix seconds), 0 for never. Raises ``_Refused``."""
    if span != "date":
        return int(now) + _SPANS[str(span)] if str(span) in _SPANS else 0
    try:
        return int(datetime.fromisoformat(until).replace(tzinfo=UTC).timestamp())
    except (ValueError, OverflowError):
        raise _Refused(Problem(sentence("That is not a date."))) from None
