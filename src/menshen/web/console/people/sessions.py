"""Sessions at the console: who is logged in, and ending one, some, or all of an app."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from starlette.responses import Response

from menshen.operators.roles import Scope
from menshen.sessions.records import SessionRecords
from menshen.users.ending import SessionEndings
from menshen.web.console.door import local_path
from menshen.web.console.language import sentence
from menshen.web.console.people.asked import ROWS, address, clean, number
from menshen.web.console.people.users import user_path
from menshen.web.console.people.words import ENDINGS
from menshen.web.console.view import View, Visit

__all__ = ["SESSIONS", "session_views"]

SESSIONS = "/console/sessions"
_MOST_TICKED = 500


def session_views(
    records: SessionRecords,
    endings: SessionEndings,
    apps: Callable[[], Mapping[str, tuple[str, str]]],
    clock: Callable[[], float] = time.time,
) -> list[View]:
    """``apps``: name -> (platform, appid), of the running revision."""

    async def listed(visit: Visit) -> Response:
        user, app = clean(visit.query.get("user")), clean(visit.query.get("app"))
        ended = visit.query.get("live") == "all"
        key = await records.known_app(app, apps()) if app else None
        found = None
        if key is not None or not app:  # a name in another spelling finds nothing, rather than everything
            found = await records.page(
                uid=user or None, app=key, live=not ended, limit=ROWS, below=number(visit.query.get("below"))
            )
        asked = {"user": user, "app": app, "live": "all" if ended else ""}
        below = None if found is None else found.below
        return visit.page(
            "people/sessions.html",
            found=found,
            asked=asked,
            apps=sorted(apps()),
            now=clock(),
            endings=ENDINGS,
            path_of=user_path,
            here=address(SESSIONS, asked),
            next=None if below is None else address(SESSIONS, {**asked, "below": below}),
            later="below" in visit.query,
        )

    async def ended(visit: Visit) -> Response:
        sids = [sid for sid in map(clean, visit.form.getlist("sid")) if sid][:_MOST_TICKED]
        back = local_path(str(visit.form.get("next", "")))
        if not sids:
            return visit.go(back, sentence("Nothing was ticked."))
        await endings.end(sids, visit.who.name)
        return visit.go(back, sentence("The sessions are ended."))

    async def ended_app(visit: Visit) -> Response:
        name = clean(visit.form.get("app"))
        key = await records.known_app(name, apps()) if name else None
        if key is None:
            return visit.trouble(404, sentence("There is no such app"))
        await endings.end_app(*key, visit.who.name)
        return visit.go(address(SESSIONS, {"app": name}), sentence("All sessions of the app are ended."))

    read, write = Scope.USERS_READ, Scope.USERS_WRITE
    return [
        View("GET", SESSIONS, read, listed),
        View("POST", f"{SESSIONS}/end", write, ended),
        View("POST", f"{SESSIONS}/end-app", write, ended_app),
    ]
