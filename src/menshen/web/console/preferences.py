"""Language and colours: the visitor's own choice, kept in cookies of the browser."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from menshen.web.console.door import THEMES, local_path
from menshen.web.console.language import LOCALES
from menshen.web.console.view import View, Visit

__all__ = ["preference_views"]

_YEAR: Final = 365 * 24 * 3600


def preference_views() -> list[View]:
    """``POST /console/preferences`` with ``language`` or ``theme``, and ``next``."""

    async def chosen(visit: Visit) -> Response:
        answer = visit.go(local_path(str(visit.form.get("next", ""))))
        for field, cookie, values in (("language", "menshen_lang", LOCALES), ("theme", "menshen_theme", THEMES)):
            value = visit.form.get(field)
            if value in values:
                answer.set_cookie(cookie, str(value), max_age=_YEAR, path="/console", httponly=True, samesite="strict")
        return answer

    return [View("POST", "/console/preferences", None, chosen)]
