"""Who binds or unbinds, and what he gets for it: a new session, by the rules of the plugin that gave the old one."""

from __future__ import annotations

from dataclasses import replace

from menshen.gateway.answer import Answer
from menshen.gateway.binding import Asking
from menshen.gateway.codes import LoggedIn
from menshen.gateway.own_sessions import OwnSessions
from menshen.web.user_api.call import Call
from menshen.web.user_api.endpoint import Ended
from menshen.web.user_api.given import logged_in_answer

__all__ = ["Rebinding"]


class Rebinding:
    """``ended`` is told of the session that was replaced."""

    def __init__(self, sessions: OwnSessions, ended: Ended) -> None:
        self._sessions = sessions
        self._ended = ended

    async def asking(self, call: Call) -> Asking:
        """The caller. A login state does not name its plugin, and of two with one name only one is right."""
        bearer = replace(call.bearer, plugin=await self._sessions.plugin_of(call.bearer))
        return Asking(bearer, call.caller, call.snapshot)

    def answer(self, call: Call, asking: Asking, logged_in: LoggedIn) -> Answer:
        self._ended(asking.bearer.claims)
        return logged_in_answer(call, asking.bearer.plugin, logged_in, login=False)
