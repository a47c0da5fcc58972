"""Sessions of every kind, through whatever can happen to them in any order, against a model of plain dictionaries.

After every step each state that was ever handed out is put to each worker (and a signed one to Envoy's rules), and each
user's list of sessions is read. MENSHEN_LIFE=<examples> runs longer than the default.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from menshen.config.login_rules import SessionRules
from menshen.sessions.keys import Purpose
from menshen.sessions.rotation import retire, rotate
from menshen.storage.database import Database, sqlite_url
from menshen.storage.schema import migrate
from tests.life.gateway import CODE, STATE, TOKEN, Reply
from tests.life.held import HeldGateway
from tests.life.model import BACK, Session, State, due_at, first_times
from tests.life.samples import USERS, session_rules
from tests.life.steps import RECENT, a_step


@pytest.fixture(scope="module", autouse=True)
def migrated() -> Iterator[None]:
    """A migrated database to copy: migrations are slow, and not what is tested here."""
    with tempfile.TemporaryDirectory() as directory:

        async def make() -> None:
            database = Database(sqlite_url(Path(directory)))
            await migrate(database)
            await database.close()

        asyncio.run(make())
        LifeCycle.template = Path(directory)
        yield


class LifeCycle(HeldGateway):
    """What may happen."""

    @initialize(
        rules=st.lists(st.tuples(st.integers(0, 1), session_rules()), min_size=1, max_size=4),
        logins=st.lists(st.tuples(RECENT, st.sampled_from(USERS)), min_size=2, max_size=4),
    )
    def start(self, rules: list[tuple[int, SessionRules]], logins: list[tuple[int, str]]) -> None:
        self.open_gateway(rules)
        for plugin, who in logins:
            self.log_in(plugin, who, 0, None, False)

    @rule(step=a_step())
    def step(self, step: tuple[str, dict[str, Any]]) -> None:
        name, parts = step
        getattr(self, name)(**parts)

    # Logging in

    def log_in(self, plugin: int, who: str, worker: int, presented: int | None, twice: bool) -> None:
        """``twice``: the request comes at both workers at once."""
        chosen = self.plugins[plugin % len(self.plugins)]
        rules = chosen.session
        shown = self._text(presented) if presented is not None and self.model.states else None
        headers = {CODE: f"{who}-{next(self.codes)}"}
        if shown is not None:
            headers[STATE] = shown
        workers = [worker, 1 - worker] if twice else [worker]
        replies = self.run(self._all(*(self._ask(w, f"g/{chosen.name}", headers) for w in workers)))
        self._spread()
        reply = replies[0]
        assert {r.verdict for r in replies} == {"allowed"}
        uid = self.uids.setdefault((chosen.app.name, who), reply.headers["x-menshen-user"])
        times = first_times(rules, self.now)
        refresh_until = int(self.now) + rules.refresh.expires_in * 60 if rules.refresh else 0
        session = Session(
            sid=reply.headers["x-menshen-session"],
            uid=uid,
            plugin=chosen,
            auth=int(self.now),
            times=times,
            life=rules.expires_in * 60 if rules.idle or rules.renew_before else 0,
            expires_at=max(times.exp, refresh_until),
            generation=1 if rules.refresh else 0,
            refresh_until=refresh_until,
        )
        self.model.log_in(session, shown, rules.max_sessions, self.now)
        for given, asked in zip(replies, workers, strict=True):
            self._hold_identity(given, session)
            self._hand_out(session, given.headers[STATE], times)
            self._keep_reference(session, asked)
            if rules.refresh:
                self._hand_out_token(session, given.headers[TOKEN], 1)

    # Using

    def use(self, state: int, worker: int, plugin: int | None) -> None:
        """On its own plugin's route, or on any."""
        self._use(self._text(state), worker, plugin)

    def use_when_due(self, one: int, worker: int, off: float, killed: bool) -> None:
        """A session that is carried on, perhaps by a worker that dies before it wrote that down.

        Its record is over by age then, and the state that the client was given is not.
        """
        alive = self._carried_on(worker)
        if not alive:
            self.log_in(one, USERS[0], worker, None, False)
            alive = self._carried_on(worker)
        if not alive:
            return
        text, at = alive[-1 - one % len(alive)]
        if at + off > self.now:
            self._move(at + off)
        self._use(text, worker)
        if killed:
            self.restart(worker)
            self._move(max(self.now, self.model.states[text].session.expires_at + 0.25))

    def _carried_on(self, worker: int) -> list[tuple[str, int]]:
        """The states that will be renewed, and from when on."""
        return [(text, at) for text, state in self.model.states.items() if (at := self._due(text, state, worker))]

    def _due(self, text: str, state: State, worker: int) -> int:
        session = state.session
        if self.model.verdicts(text, session.plugin, worker, self.now) != {"allowed"}:
            return 0
        return due_at(self.model.times(text, worker, self.now), session.life, session.plugin.session)

    def _use(self, text: str, worker: int, plugin: int | None = None) -> None:
        session = self.model.states[text].session
        chosen = session.plugin if plugin is None else self.plugins[plugin % len(self.plugins)]
        reply = self.run(self._ask(worker, f"g/{chosen.name}", {STATE: text}))
        assert reply.verdict in self.model.verdicts(text, chosen, worker, self.now)
        if reply.verdict != "allowed":
            return
        self._hold_identity(reply, session)
        times = self.model.use(text, chosen, worker, self.now)
        assert (STATE in reply.headers) == (times is not None)
        if times is not None:
            self._hand_out(session, reply.headers[STATE], times, chosen)

    def look_at_own_sessions(self, state: int, worker: int) -> None:
        text = self._text(state)
        session = self.model.states[text].session
        reply = self.run(self._ask(worker, "~sessions", {STATE: text}))
        assert reply.verdict in self.model.verdicts(text, session.plugin, worker, self.now)
        if reply.status == 200 and text == session.text:
            self._keep_reference(session, worker)
        if reply.verdict == "allowed":
            shown = {item["id"]: item["current"] for item in reply.body["sessions"]}
            assert list(shown) == self.model.listed(session.uid, self.now)
            assert [sid for sid, current in shown.items() if current] == [sid for sid in shown if sid == session.sid]

    # Refreshing

    def refresh(self, token: int, worker: int, later: float, sent: str, spent: bool) -> None:
        """``sent`` before, with or after the session's last refresh: a duplicate that was slow, or a thief's.

        ``spent``: with a token that was traded in before, if there is one.
        """
        if not self.model.tokens:
            return
        text = self._token(token, spent=spent)
        if later:
            self._move(self.now + later)
        rotated = self.model.tokens[text].session.refreshed_at
        received = self.now
        if sent != "now" and self.now - BACK <= rotated <= self.now:
            received = min(self.now, rotated + {"before": -0.5, "with": 0.0, "after": 0.001}[sent])
        self._refresh(text, [worker], received)

    def refresh_twice_at_once(self, token: int) -> None:
        if self.model.tokens:
            self._refresh(self._token(token), [0, 1], self.now)

    def refresh_while_it_is_revoked(self, token: int, worker: int) -> None:
        """Whichever is first: nothing of the session is good afterwards."""
        if not self.model.tokens:
            return
        text = self._token(token)
        session = self.model.tokens[text].session
        if not self.model.live(session, self.now):
            return
        asked = self._ask(worker, "~token", {}, {"refresh_token": text})

        async def both() -> Reply:
            reply, _ = await asyncio.gather(asked, self.gateway.records.end([session.sid], "revoked"))
            return reply

        reply = self.run(both())
        self._spread()
        outcome = self.model.refresh(self.model.tokens[text], self.now, self.now)
        if reply.status == 200:
            assert outcome in ("rotated", "again")
            self._take_refreshed(session, reply, again=outcome == "again")
        self.model.end(session, self.now)

    def _refresh(self, text: str, workers: list[int], received: float) -> None:
        token = self.model.tokens[text]
        session = token.session
        asked = (self._ask(w, "~token", {}, {"refresh_token": text}, received) for w in workers)
        replies = self.run(self._all(*asked))
        outcomes = [self.model.refresh(token, received, self.now) for _ in workers]
        assert sorted(r.verdict for r in replies) == sorted(
            "allowed" if outcome in ("rotated", "again") else outcome for outcome in outcomes
        )
        if replies[0].verdict in ("session_revoked", "refresh_reused"):
            self._hold_that_it_is_over(session, workers[0])
        self._spread()
        for reply in replies:
            if reply.status == 200:
                self._take_refreshed(session, reply, again="rotated" not in outcomes)

    def _take_refreshed(self, session: Session, reply: Reply, *, again: bool = False) -> None:
        body = reply.body
        assert body["uid"] == session.uid
        assert body["expires_in"] == session.times.exp - int(self.now)
        assert body["refresh_expires_in"] == session.refresh_until - int(self.now)
        if session.kind == "reference":
            if not again:
                session.text = body[STATE]
            else:
                assert body[STATE] == session.text
        self._hand_out(session, body[STATE], session.times)
        self._hand_out_token(session, body["refresh_token"], session.generation)

    # Ending

    def log_out(self, state: int, worker: int, which: str, other: int) -> None:
        text = self._text(state)
        session = self.model.states[text].session
        verdicts = self.model.verdicts(text, session.plugin, worker, self.now)
        target = self._session(other) if which == "other" else session
        body = {"own": None, "all": {"all": True}, "other": {"session": target.sid}}[which]
        reply = self.run(self._ask(worker, "~logout", {STATE: text}, body))
        if which == "own":
            # Never refused for its age.
            assert (reply.status == 200) == (verdicts != {"session_invalid"}) or len(verdicts) > 1
        else:
            assert reply.verdict in verdicts
        if reply.status == 200 and text == session.text:
            self._keep_reference(session, worker)
        if reply.status == 200:
            ended = [s for s in self.model.sessions if s.uid == session.uid] if which == "all" else [target]
            live = sum(self.model.end(s, self.now) for s in ended if s.uid == session.uid)
            assert reply.body == {"ended": live}
            self._hold_that_it_is_over(target if target.uid == session.uid else None, worker)
        self._spread()

    def revoke(self, which: str, one: int, before: int | str | None, silent: bool) -> None:
        """``before``: around the login of one of the sessions, now, in half a minute, or not said.

        ``silent``: nobody hears of it for more than a second. References must not be believed then.
        """
        session = self._session(one)
        app = session.app
        records = self.gateway.records
        now = int(self.now)
        moment = {"now": now, "soon": now + 30}[before] if isinstance(before, str) else before
        if isinstance(before, int):
            moment = session.auth + before
        meant = now + 1 if moment is None else moment
        match which:
            case "session":
                assert self.run(records.end([session.sid], "revoked")) == self.model.end(session, self.now)
            case "user":
                mine = [s for s in self.model.sessions if s.uid == session.uid]
                assert self.run(records.end_user(session.uid, "revoked")) == sum(
                    self.model.end(s, self.now) for s in mine
                )
            case "app":
                self.run(records.end_app(app.platform, app.appid, moment))
                self.model.add_rule(app.platform, app.appid, meant, self.now)
            case "all":
                self.run(records.end_before(moment))
                self.model.add_rule("", "", meant, self.now)
        if silent:
            self._move(self.now + 1.25, heard=False)
            self.run(self._put_every_state(unheard=True))
        self._spread()

    # Keys and processes

    def rotate_keys(self, purpose: Purpose, edwards: bool, during: str, worker: int) -> None:
        """``during`` which a worker or the node is killed."""
        rotate(self.gateway.keys_directory, purpose, self.now, "EdDSA" if edwards and purpose == "signed" else "ES256")
        self._keys_changed(during, worker)

    def retire_key(self, old: int, during: str, worker: int) -> None:
        olds = [kid for kids in self.model.kids.values() for kid in kids[1:]]
        if not olds:
            return
        retire(self.gateway.keys_directory, olds[old % len(olds)])
        self._keys_changed(during, worker)

    def _keys_changed(self, during: str, worker: int) -> None:
        if during == "node":
            self.restart(2)
        else:
            self.run(self.gateway.use_keys(worker if during == "worker" else None))
            if during == "worker":
                self.model.restart(worker)
        self.model.kids = self._kids()

    def restart(self, which: int) -> None:
        """A worker, or (2) the whole node. What it had not written down is lost."""
        killed = (0, 1) if which == 2 else (which,)
        self.run(self.gateway.restart() if which == 2 else self.gateway.restart_worker(which))
        for worker in killed:
            self.model.restart(worker)

    # Time

    def wait(self, seconds: float, tidy: bool) -> None:
        self._move(self.now + seconds, tidy=tidy)

    def wait_for(self, one: int, moment: int, off: float, tidy: bool, back: float) -> None:
        """Something to happen by time alone; the clock may then be set ``back``."""
        ahead = sorted({at for at in self.model.moments(self._session(one)) if at + off > self.now})
        if ahead:
            self._move(ahead[moment % len(ahead)] + off, tidy=tidy)
        if ahead and back:
            self.every_state_gets_its_answer()
            self.set_back(back)

    def set_back(self, seconds: float) -> None:
        target = max(self.now - seconds, self.latest - BACK)
        # One that was ended when it was over by age anyway would be good again: that is how it is.
        late = [state.times.exp for state in self.model.states.values() if state.session.ended_late]
        if target < self.now and target >= max(late, default=0):
            self._move(target)


LONG = int(os.environ.get("MENSHEN_LIFE", "0"))

LifeCycle.TestCase.settings = settings(
    max_examples=LONG or 25,
    stateful_step_count=60 if LONG else 40,
    deadline=None,
    derandomize=not LONG,
    print_blob=True,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.timeout(0 if LONG else 2700)
class TestLifeCycle(LifeCycle.TestCase):  # type: ignore[misc, valid-type]
    pass
