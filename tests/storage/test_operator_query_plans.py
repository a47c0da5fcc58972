"""No question about operators' sessions, tokens and deeds reads a whole table."""

from __future__ import annotations

import pytest

from menshen.storage.api_tokens import find_api_token, revoke_api_token, touch_api_token
from menshen.storage.audit import list_audit
from menshen.storage.database import Database
from menshen.storage.operator_sessions import (
    delete_session,
    delete_sessions_of,
    find_session,
    list_sessions_of,
    prune_operator_sessions,
    touch_session,
)
from menshen.storage.operators import find_operator, note_login
from tests.storage.conftest import Run
from tests.storage.query_plans import Question, plans_of

QUESTIONS: dict[str, Question] = {
    "operator": lambda c: find_operator(c, "alice"),
    "login": lambda c: note_login(c, "alice", "hash", 5),
    "session": lambda c: find_session(c, "d", 5, 5),
    "touch": lambda c: touch_session(c, "d", 5),
    "sessions": lambda c: list_sessions_of(c, "alice", 5, 5),
    "log out": lambda c: delete_session(c, digest="d"),
    "end": lambda c: delete_session(c, id="s", operator="alice"),
    "end all": lambda c: delete_sessions_of(c, "alice"),
    "prune": lambda c: prune_operator_sessions(c, 5, 5),
    "token": lambda c: find_api_token(c, "d", 5),
    "touch a token": lambda c: touch_api_token(c, "d", 5),
    "revoke": lambda c: revoke_api_token(c, "t", "alice", 5),
    "audit by actor": lambda c: list_audit(c, actor="alice"),
    "audit by action": lambda c: list_audit(c, action="operator.login"),
    "audit by user": lambda c: list_audit(c, uid="u1"),
    "audit": list_audit,
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_question_has_an_index(name: str, run: Run) -> None:
    async def work(database: Database) -> None:
        plans = await plans_of(database, QUESTIONS[name])
        assert plans
        # A page of a log is not sorted: it is read from an index in order, or a million rows would be gone through.
        whole = ("SCAN", "Seq Scan", "TEMP B-TREE", "Sort") if name.startswith("audit") else ("SCAN", "Seq Scan")
        # The newest of all rows are the end of the table itself, which SQLite calls a search by its key.
        assert not [plan for plan in plans if any(each in plan for each in whole)], plans

    run(work)
