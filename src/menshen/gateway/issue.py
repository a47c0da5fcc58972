"""Issuing login states: the claims of a new session, its record, and what the client is given of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.config.snapshot import LoginPlugin
from menshen.gateway.codes import LoggedIn
from menshen.secret import Secret
from menshen.sessions.claims import RandomBytes, new_id
from menshen.sessions.lifetimes import first_claims
from menshen.sessions.records import NewSession, SessionRecords
from menshen.sessions.reference import digest_of, new_reference
from menshen.sessions.states import States

__all__ = ["Caller", "Issuer"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a call came from, for lists and logs. ``ip`` is what Envoy saw, not what a client said."""

    ip: str = ""
    user_agent: str = ""
    request_id: str = ""


class Issuer:
    """``random`` is OS randomness."""

    def __init__(self, records: SessionRecords, random: RandomBytes) -> None:
        self._records = records
        self._random = random

    def opening(
        self,
        plugin: LoginPlugin,
        *,
        uid: str,
        claims: Mapping[str, str],
        account: str,
        openid: str,
        unionid: str,
        caller: Caller,
        replaces: str,
        at: int,
        session_key: Secret | None = None,
        new_user: bool = False,
        tags: Mapping[str, str] | None = None,
    ) -> tuple[LoggedIn, NewSession]:
        """A new session by the plugin's rules, and the record that :meth:`open_all` stores.

        ``claims`` are the user's own; the state carries those that the plugin names. ``replaces`` is the session that
        the client held until now, or "". ``at`` in Unix seconds. ``tags`` are what there is of identity tags, of which
        the state carries those that the plugin ticks.
        """
        app, rules, known = plugin.app, plugin.session, tags or {}
        made = first_claims(
            rules,
            sub=uid,
            sid=new_id(self._random),
            platform=app.platform,
            appid=app.appid,
            openid=openid,
            unionid=unionid,
            claims={name: claims[name] for name in rules.claims if name in claims},
            now=at,
            account=account,
            tags={name: known[name] for name in plugin.identity_tags if name in known},
        )
        by_reference = rules.kind == "reference"
        reference = new_reference(self._random) if by_reference else ""
        seed = new_reference(self._random) if by_reference and rules.refresh else ""
        new = NewSession(
            claims=made,
            kind=rules.kind,
            plugin=plugin.name,
            digest=digest_of(reference) if reference else "",
            refresh_expires_at=made.iat + rules.refresh.expires_in * 60 if rules.refresh else 0,
            max_sessions=rules.max_sessions,
            replaces=replaces,
            ip=caller.ip,
            user_agent=caller.user_agent,
        )
        return LoggedIn(made, session_key or Secret(""), new_user, Secret(reference), Secret(seed)), new

    async def open_all(self, connection: AsyncConnection, sessions: Sequence[NewSession]) -> None:
        """Store them within the caller's transaction, and end what they replace."""
        if sessions:
            await self._records.open_all(connection, sessions)

    @staticmethod
    def known(states: States, logged_in: LoggedIn) -> LoggedIn:
        """Once it is committed: a reference made here need not be read from the database at its first use."""
        if logged_in.reference:
            states.references.put(digest_of(logged_in.reference.reveal()), logged_in.claims)
        return logged_in
