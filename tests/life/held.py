"""The gateway and its model side by side: what a step may do to both, and what must hold after each."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import shutil
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from hypothesis.stateful import RuleBasedStateMachine, invariant

from menshen.config.login_rules import SessionRules
from menshen.config.snapshot import LoginPlugin
from menshen.sessions.keys import FILES, Purpose
from menshen.sessions.rotation import listed
from tests.life.envoy import CLOCK_SKEW, verified
from tests.life.gateway import Clock, Gateway, Reply
from tests.life.model import Model, Session, State, Times, Token, due_at
from tests.life.samples import NOW, snapshot_of

__all__ = ["HeldGateway"]

T = TypeVar("T")


class HeldGateway(RuleBasedStateMachine):
    """``template`` is a directory with a migrated database: migrations are slow, and not what is tested."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.stack = contextlib.ExitStack()
        self.stack.callback(self.loop.close)
        self.directory = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        shutil.copytree(self.template, self.directory, dirs_exist_ok=True)
        self.clock = Clock(NOW)
        self.latest = NOW
        self.codes = itertools.count()

    def teardown(self) -> None:
        with self.stack:
            if hasattr(self, "gateway"):
                self.run(self.gateway.stop())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run(work)

    def open_gateway(self, rules: list[tuple[int, SessionRules]]) -> None:
        snapshot = snapshot_of(rules)
        self.plugins = [route.login for route in snapshot.routes if route.login is not None]
        self.gateway = Gateway(self.directory, self.clock, snapshot)
        self.run(self.gateway.start())
        self.model = Model(self._kids())
        self.uids: dict[tuple[str, str], str] = {}

    # What the background does

    def _move(self, target: float, *, tidy: bool = False, heard: bool = True) -> None:
        """What the background does by the way: notes are written, every revocation is heard of, records tidied."""
        if target - self.now >= 0.25:
            self._write_down(0)
            self._write_down(1)
        self.clock.now = target
        self.latest = max(self.latest, target)
        if heard:
            self._spread()
        if tidy:
            self.run(self.gateway.tidy())

    def _write_down(self, worker: int) -> None:
        self.run(self.gateway.workers[worker].note())
        self.model.write_down(worker)

    # What must hold

    @invariant()
    def every_state_gets_its_answer(self) -> None:
        self.run(self._put_every_state())

    async def _put_every_state(self, *, unheard: bool = False) -> None:
        """``unheard``: only those that a worker must be right about without having heard anything."""
        states = [item for item in self.model.states.items() if not unheard or item[1].session.kind == "reference"]
        for number, worker in enumerate(self.gateway.workers):
            asked = (worker.would_say(f"g/{state.session.plugin.name}", text) for text, state in states)
            for (text, state), said in zip(states, await asyncio.gather(*asked), strict=True):
                meant = self.model.verdicts(text, state.session.plugin, number, self.now)
                assert said in meant, self._about(state, f"worker {number} says {said}, not {sorted(meant)}")
                if state.session.kind == "signed":
                    self._hold_envoy_to(text, state, said)

    def _hold_envoy_to(self, text: str, state: State, brain: str) -> None:
        app = state.session.app
        said = self.gateway.envoy.says(text, app.platform, app.appid)
        assert said == brain, self._about(state, f"Envoy says {said}, not {brain}")
        if state.session.ended_late:
            return
        if state.times.exp <= self.now < state.times.exp + 1 + CLOCK_SKEW and brain == "session_expired":
            lenient = self.gateway.envoy.says(text, app.platform, app.appid, CLOCK_SKEW)
            meant = "session_revoked" if self.model.over(state.session) else "allowed"
            assert lenient == meant, self._about(state, f"Envoy says {lenient}, not {meant}")

    @invariant()
    def every_user_has_these_sessions(self) -> None:
        found = self.run(self.gateway.records.list(limit=500))
        for uid in self.uids.values():
            assert [record.sid for record in found if record.uid == uid] == self.model.listed(uid, self.now)

    # Means

    @property
    def now(self) -> float:
        return self.clock.now

    def _kids(self) -> dict[Purpose, list[str]]:
        kids: dict[Purpose, list[str]] = {purpose: [] for purpose in FILES}
        for key in listed(self.gateway.keys_directory):
            kids[key.purpose].append(key.kid)
        return kids

    def _spread(self) -> None:
        self.run(self.gateway.spread())

    def _text(self, which: int) -> str:
        """Of a state, the ones that are good first, the newest first."""
        states = self.model.states
        good = {text for text, s in states.items() if not self.model.over(s.session) and self.now < s.times.exp}
        return _nth([t for t in states if t not in good] + [t for t in states if t in good], which)

    def _token(self, which: int, *, spent: bool = False) -> str:
        """In the same order; ``spent``: those first that a good session had before its newest."""
        tokens = self.model.tokens
        good = [text for text, t in tokens.items() if self.model.live(t.session, self.now) and self.now < t.exp]
        if spent:
            good = [text for text in good if tokens[text].generation < tokens[text].session.generation]
        return _nth([t for t in tokens if t not in good] + good, which)

    def _session(self, which: int) -> Session:
        return _nth(sorted(self.model.sessions, key=lambda session: self.model.live(session, self.now)), which)

    async def _ask(self, worker: int, *question: Any) -> Reply:
        reply = await self.gateway.workers[worker].ask(*question)
        assert reply.status < 500, reply
        return reply

    @staticmethod
    async def _all(*work: Coroutine[Any, Any, T]) -> list[T]:
        return list(await asyncio.gather(*work))

    def _hand_out(self, session: Session, text: str, times: Times, plugin: LoginPlugin | None = None) -> None:
        """A client got a state: it must say what the model means, and be made with the newest key."""
        if session.kind == "reference":
            session.text = text
            self.model.states.setdefault(text, State(session, times, ""))
            return
        purpose: Purpose = "sealed" if session.kind == "sealed" else "signed"
        opened = getattr(self.gateway.workers[0].states, purpose).open(text.encode(), 0.0)
        assert (opened.sid, opened.sub, opened.auth) == (session.sid, session.uid, session.auth)
        assert (Times(opened.iat, opened.exp, opened.end), opened.life) == (times, session.life)
        if purpose == "signed":
            payload = verified(text, msgspec.json.encode(self.gateway.envoy.keys)) or {}
            rules = (plugin or session.plugin).session
            assert payload.get("rnw", 0) == due_at(times, session.life, rules)
        kid = _kid(text)
        assert kid == self.model.kids[purpose][0]
        self.model.states.setdefault(text, State(session, times, kid))

    def _hand_out_token(self, session: Session, text: str, generation: int) -> None:
        kid = _kid(text)
        assert kid == self.model.kids["refresh"][0]
        self.model.tokens[text] = Token(session, generation, session.refresh_until, kid)

    def _hold_identity(self, reply: Reply, session: Session) -> None:
        """What the backend is told, and told with a signature."""
        assert reply.headers["x-menshen-session"] == session.sid
        assert reply.headers["x-menshen-user"] == session.uid
        assertion = verified(reply.headers["x-menshen-assertion"], msgspec.json.encode(self.gateway.assertion_jwks))
        assert assertion is not None
        assert (assertion["sub"], assertion["sid"], assertion["aud"]) == (session.uid, session.sid, "backend")
        assert assertion["exp"] > self.now

    def _hold_that_it_is_over(self, session: Session | None, worker: int) -> None:
        """At the worker that ended it, before anybody could be told."""
        for text, state in self.model.states.items():
            if session is not None and state.session is session:
                said = self.run(self.gateway.workers[worker].would_say(f"g/{session.plugin.name}", text))
                assert said != "allowed", self._about(state, "good where it was ended")

    def _keep_reference(self, session: Session, worker: int) -> None:
        """A worker keeps what a login made, or what its record said."""
        if session.kind == "reference" and not self.model.over(session):
            self.model.workers[worker].references.setdefault(session.text, session.times)

    def _about(self, state: State, what: str) -> str:
        session = state.session
        return f"{what}: {session.kind} {session.plugin.session} {state.times} login {session.auth}, now {self.now}"


def _nth(items: list[T], which: int) -> T:
    """From the end, and over again."""
    return items[-1 - which % len(items)]


def _kid(text: str) -> str:
    header = text.split(".")[0]
    return str(json.loads(base64.urlsafe_b64decode(header + "=="))["kid"])
