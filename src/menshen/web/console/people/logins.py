"""The login log at the console: filtered, page by page, or as it happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from starlette.responses import Response

from menshen.errors import REFUSALS
from menshen.operators.roles import Scope
from menshen.storage.login_log import LoginFilter
from menshen.users.directory import UserDirectory
from menshen.web.console.language import sentence
from menshen.web.console.people.asked import ROWS, address, clean, number
from menshen.web.console.people.users import user_path
from menshen.web.console.people.words import HOWS, outcome_of, outcomes
from menshen.web.console.view import View, Visit

__all__ = ["LOGINS", "login_views"]

LOGINS = "/console/logins"

_SINCE: Final[Mapping[str, tuple[int, str]]] = {
    "": (0, sentence("Any time")),
    "15m": (900, sentence("The last 15 minutes")),
    "1h": (3600, sentence("The last hour")),
    "1d": (86_400, sentence("The last 24 hours")),
    "7d": (7 * 86_400, sentence("The last 7 days")),
}


def login_views(
    directory: UserDirectory,
    apps: Callable[[], Mapping[str, tuple[str, str]]],
    clock: Callable[[], float] = time.time,
) -> list[View]:
    """``apps`` are those of the running revision."""

    async def listed(visit: Visit) -> Response:
        asked = _asked(visit)
        which = replace(_filter(asked, clock()), below=number(visit.query.get("below")))
        found = await directory.page_logins(which)
        live = visit.query.get("tail") == "on" and which.below is None
        return visit.page(
            "people/logins.html",
            asked=asked,
            since={name: title for name, (_, title) in _SINCE.items()},
            apps=sorted(apps()),
            outcomes=outcomes(visit.locale),
            next=None if found.below is None else address(LOGINS, {**asked, "below": found.below}),
            first=address(LOGINS, asked),
            tail=address(LOGINS, {**asked, "tail": "" if live else "on"}),
            later=which.below is not None,
            **_rows(visit, asked, found, live, 0),
        )

    async def newer(visit: Visit) -> Response:
        """The newest rows, if any is newer than the newest that the page has; else nothing, and the page stays."""
        asked, after = _asked(visit), number(visit.query.get("after")) or 0
        which = _filter(asked, clock())
        if not (await directory.page_logins(replace(which, above=after, limit=1))).rows:
            return Response(status_code=204)
        return visit.page(
            "people/login_rows.html", **_rows(visit, asked, await directory.page_logins(which), True, after)
        )

    read = Scope.USERS_READ
    return [View("GET", LOGINS, read, listed), View("GET", f"{LOGINS}/newer", read, newer)]


def _rows(visit: Visit, asked: Mapping[str, str], found: Any, live: bool, after: int) -> dict[str, Any]:
    newest = found.rows[0].id if found.rows else after
    return {
        "found": found,
        "live": live,
        "newer": address(f"{LOGINS}/newer", {**asked, "after": newest}),
        "hows": HOWS,
        "outcome": lambda reason: outcome_of(reason, visit.locale),
        "path_of": user_path,
    }


def _asked(visit: Visit) -> dict[str, str]:
    asked = {name: clean(visit.query.get(name)) for name in ("user", "app", "ip", "outcome", "how", "since")}
    if asked["outcome"] not in ("ok", "failed", *REFUSALS):
        asked["outcome"] = ""
    if asked["how"] not in HOWS:
        asked["how"] = ""
    if asked["since"] not in _SINCE:
        asked["since"] = ""
    return asked


def _filter(asked: Mapping[str, str], now: float) -> LoginFilter:
    span, _ = _SINCE[asked["since"]]
    return LoginFilter(
        uid=asked["user"],
        app=asked["app"],
        ip=asked["ip"],
        outcome=asked["outcome"],
        how=asked["how"],
        since=int(now) - span if span else 0,
        limit=ROWS,
    )
