"""What a gateway should say, from plain dictionaries: no database, no keys, no caches but the one that is promised.

A *session* is a login. A *state* is a text that a client was handed; for kind ``reference`` its times are the
session's. All times are Unix seconds; the rules' are minutes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from menshen.config.login_rules import SessionRules
from menshen.config.snapshot import App, LoginPlugin
from menshen.sessions.keys import Purpose

__all__ = ["BACK", "Model", "Session", "State", "Times", "Token", "due_at"]

KEEP = 86_400
"""Seconds that a record which is over stays."""

BACK = 5.0
"""Seconds that the clock is ever set back."""

NOTED_EVERY = 300
"""Seconds between two notes of a use that renews nothing."""


class Times(NamedTuple):
    """When a state was made, is too old, and cannot be carried past by use alone."""

    iat: int
    exp: int
    end: int


@dataclass(eq=False)
class Session:
    """``times``, ``expires_at`` and below are what the record says, which may be behind the states out there."""

    sid: str
    uid: str
    plugin: LoginPlugin
    auth: int
    times: Times
    life: int
    """The most seconds that a renewal gives; 0 where its plugin renews nothing."""
    expires_at: int
    ended: bool = False
    ended_late: bool = False
    """When all its states were too old, which the record does not take note of."""
    text: str = ""
    """The reference that is good now."""
    generation: int = 0
    refreshed_at: float = 0.0
    refresh_until: int = 0

    @property
    def kind(self) -> str:
        return self.plugin.session.kind

    @property
    def app(self) -> App:
        return self.plugin.app


@dataclass(frozen=True, eq=False)
class State:
    session: Session
    times: Times
    kid: str
    """Of the key it was made with; "" for a reference."""


@dataclass(frozen=True, eq=False)
class Token:
    """A refresh token."""

    session: Session
    generation: int
    exp: int
    kid: str


@dataclass
class Memory:
    """What one worker process has in its head: references, when sessions were noted, what is still to be written."""

    references: dict[str, Times] = field(default_factory=dict)
    noted: dict[Session, float] = field(default_factory=dict)
    due: dict[Session, Times] = field(default_factory=dict)


def due_at(times: Times, life: int, rules: SessionRules) -> int:
    """From when on a use of the state brings a new one; 0 where none does."""
    if not life:
        return 0
    idle = rules.idle * 60
    moments = []
    if idle and times.exp < times.end:
        moments.append(max(times.iat, times.exp - idle) + idle // 10)
    if rules.renew_before:
        moments.append(times.end - window(life, rules))
    return min((moment for moment in moments if moment < times.exp), default=0)


def window(life: int, rules: SessionRules) -> int:
    granted = min(life, rules.expires_in * 60)
    return min(rules.renew_before * 60, granted - granted // 10)


def first_times(rules: SessionRules, now: float) -> Times:
    made, end = int(now), int(now) + rules.expires_in * 60
    return Times(made, min(made + rules.idle * 60, end) if rules.idle else end, end)


def renewed(times: Times, life: int, rules: SessionRules, now: float) -> Times | None:
    due = due_at(times, life, rules)
    if not due or not due <= now < times.exp:
        return None
    made, end = int(now), times.end
    if rules.renew_before and made >= end - window(life, rules):
        end = made + min(life, rules.expires_in * 60)
    exp = min(made + rules.idle * 60, end) if rules.idle else end
    return Times(made, max(times.exp, exp), end)


class Model:
    def __init__(self, kids: dict[Purpose, list[str]]) -> None:
        self.sessions: list[Session] = []
        self.states: dict[str, State] = {}
        self.tokens: dict[str, Token] = {}
        self.rules: list[tuple[str, str, int]] = []
        """(platform, appid, before), "" for every app."""
        self.kids = kids
        self.workers = [Memory(), Memory()]

    # What is so

    def over(self, session: Session) -> bool:
        """Whether somebody ended it."""
        app = session.app
        return session.ended or any(
            session.auth < before and (platform, appid) in (("", ""), (app.platform, app.appid))
            for platform, appid, before in self.rules
        )

    def live(self, session: Session, now: float) -> bool:
        return not self.over(session) and session.expires_at > now

    def listed(self, uid: str, now: float) -> list[str]:
        return [s.sid for s in reversed(self.sessions) if s.uid == uid and self.live(s, now)]

    def verdicts(self, text: str, plugin: LoginPlugin, worker: int, now: float) -> set[str]:
        """What may be said of a state on a route of this plugin: one word, but for references that are long gone."""
        state = self.states[text]
        session = state.session
        if session.kind != plugin.session.kind:
            return {"session_invalid"}
        over = self.over(session)
        if session.kind == "reference":
            return self._reference_verdicts(text, session, plugin, worker, now, over)
        if state.kid not in self.kids["sealed" if session.kind == "sealed" else "signed"]:
            return {"session_invalid"}
        if now >= state.times.exp:
            return {"session_expired"}
        if session.app != plugin.app:
            return {"session_invalid"}
        return {"session_revoked"} if over else {"allowed"}

    def _reference_verdicts(
        self, text: str, session: Session, plugin: LoginPlugin, worker: int, now: float, over: bool
    ) -> set[str]:
        if text != session.text:
            return {"session_invalid"}
        elsewhere = session.app != plugin.app
        times = self.times(text, worker, now)
        if now < times.exp:
            return {"session_revoked", "session_invalid"} if over and elsewhere else self._of(over, elsewhere)
        # Both are so, and which is said depends on what has been tidied up.
        said = {"session_expired", "session_revoked"} if over else {"session_expired"}
        return said | {"session_invalid"} if now + BACK >= session.expires_at + KEEP else said

    @staticmethod
    def _of(over: bool, elsewhere: bool) -> set[str]:
        if elsewhere:
            return {"session_invalid"}
        return {"session_revoked"} if over else {"allowed"}

    def times(self, text: str, worker: int, now: float) -> Times:
        """Of a state as this worker sees it: a reference's times are those that it keeps, till they have passed."""
        state = self.states[text]
        if state.session.kind != "reference":
            return state.times
        kept = self.workers[worker].references.get(text)
        return kept if kept is not None and now < kept.exp else state.session.times

    # What happens

    def log_in(self, session: Session, presented: str | None, limit: int, now: float) -> None:
        """``presented`` is the state that came with the code, ``limit`` the most sessions, 0 for any number."""
        replaced = self._named_by(presented, session.app) if presented is not None else None
        if replaced is not None:
            self.end(replaced, now)
        if limit:
            mine = [s for s in self.sessions if (s.uid, s.app) == (session.uid, session.app) and self.live(s, now)]
            for old in mine[: max(0, len(mine) + 1 - limit)]:
                self.end(old, now)
        self.sessions.append(session)
        self._cover(session, now)

    def _named_by(self, text: str, app: App) -> Session | None:
        """The session of a presented state, of any age."""
        state = self.states[text]
        session = state.session
        if session.app != app:
            return None
        if session.kind == "reference":
            return session if text == session.text else None
        return session if state.kid in self.kids["sealed" if session.kind == "sealed" else "signed"] else None

    def end(self, session: Session, now: float) -> int:
        """1 where it was live. One whose record is over by age may have a state that was renewed unnoticed."""
        if self.over(session):
            return 0
        was = self.live(session, now)
        session.ended = True
        session.ended_late = not was and not session.life
        session.expires_at = min(session.expires_at, int(now))
        return int(was)

    def add_rule(self, platform: str, appid: str, before: int, now: float) -> None:
        self.rules.append((platform, appid, before))
        for session in self.sessions:
            self._cover(session, now)

    def _cover(self, session: Session, now: float) -> None:
        if self.over(session):
            session.expires_at = min(session.expires_at, max(session.auth, int(now)))

    def use(self, text: str, plugin: LoginPlugin, worker: int, now: float) -> Times | None:
        """An allowed request; the times of the state that its client gets back, if it gets one."""
        session, memory = self.states[text].session, self.workers[worker]
        times = self.times(text, worker, now)
        if session.kind == "reference":
            memory.references[text] = times
        new = renewed(times, session.life, plugin.session, now)
        if new is not None:
            if session.kind == "reference":
                memory.references[text] = new
            memory.noted[session] = now
            memory.due[session] = new
            return new
        last = memory.noted.get(session)
        if last is None:
            last = float(times.iat)
        elif now - last < NOTED_EVERY:
            return None
        memory.noted[session] = now
        if now - last >= NOTED_EVERY:
            memory.due[session] = times
        return None

    def write_down(self, worker: int) -> None:
        memory = self.workers[worker]
        for session, times in memory.due.items():
            if not self.over(session):
                session.times = Times(*map(max, session.times, times))
                session.expires_at = max(session.expires_at, times.exp)
        memory.due = {}

    def restart(self, worker: int) -> None:
        self.workers[worker] = Memory()

    def refresh(self, token: Token, received: float, now: float) -> str:
        """``rotated``, ``again`` or the reason of a refusal. ``rotated`` moves the session's times."""
        session = token.session
        if token.kid not in self.kids["refresh"]:
            return "refresh_invalid"
        if now >= token.exp:
            return "session_expired"
        if self.over(session) or session.refresh_until <= now:
            return "session_revoked"
        if token.generation == session.generation:
            rules = session.plugin.session
            assert rules.refresh is not None
            session.generation += 1
            session.refreshed_at = now
            session.times = first_times(rules, now)
            session.refresh_until = int(now) + rules.refresh.expires_in * 60
            session.expires_at = max(session.times.exp, session.refresh_until)
            return "rotated"
        if token.generation == session.generation - 1 and received <= session.refreshed_at:
            return "again"
        self.end(session, now)
        return "refresh_reused"

    def moments(self, session: Session) -> Iterator[int]:
        """When something may change by time alone."""
        for state in self.states.values():
            if state.session is session:
                yield from (due_at(state.times, session.life, session.plugin.session), state.times.exp, state.times.end)
        yield from (session.times.exp, session.expires_at, session.refresh_until, session.expires_at + KEEP)
