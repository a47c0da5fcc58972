"""What a client is given: a login state and what belongs to it, the same after a login, a refresh and a binding."""

from __future__ import annotations

import msgspec

from menshen.config.snapshot import LoginPlugin
from menshen.gateway.answer import Answer, answer_json, handed
from menshen.gateway.codes import LoggedIn
from menshen.gateway.issue import Issuer
from menshen.gateway.returning import Handed, returned
from menshen.sessions.claims import SessionClaims
from menshen.web.user_api.call import Call

__all__ = ["Given", "given_answer", "logged_in_answer"]


class Given(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A login state, in the field that the plugin's ``session.name`` says. Lifetimes in seconds."""

    expires_in: int
    uid: str
    new_user: bool | None = None
    refresh_token: str = ""
    refresh_expires_in: int = 0


def given_answer(plugin: LoginPlugin, claims: SessionClaims, given: Handed, *, new_user: bool | None = None) -> Answer:
    """In the body, and in header or cookie as the plugin says."""
    rest = Given(
        expires_in=given.expires_in,
        uid=claims.sub,
        new_user=new_user,
        refresh_token=given.refresh_token,
        refresh_expires_in=given.refresh_expires_in,
    )
    return answer_json({plugin.session.name: given.state, **msgspec.to_builtins(rest)}, returned(plugin, given))


def logged_in_answer(call: Call, plugin: LoginPlugin, logged_in: LoggedIn, *, login: bool = True) -> Answer:
    """A new session. ``login`` False: it replaces one of a user who was logged in."""
    claims, secrets = logged_in.claims, (logged_in.reference.reveal(), logged_in.seed.reveal())
    Issuer.known(call.states, logged_in)
    given = handed(plugin, claims, call.states, call.now, *secrets)
    return given_answer(plugin, claims, given, new_user=logged_in.new_user if login else None)
