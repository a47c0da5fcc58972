"""No question about accounts, tries and codes reads a whole table, however many names a guesser invents."""

from __future__ import annotations

import pytest

from menshen.storage.account_failures import (
    Attempt,
    count_attempts,
    forgive_attempts,
    prune_failures,
    take_back_attempts,
)
from menshen.storage.accounts import NewPassword, find_account, find_account_of, set_password
from menshen.storage.counters import Tick, count_ticks, forget_counts, prune_counters, sum_counts
from menshen.storage.database import Database
from menshen.storage.sms_codes import CodeTry, drop_sms_code, find_sent_at, prune_sms_codes, try_codes
from tests.storage.conftest import Run
from tests.storage.query_plans import Question, plans_of

QUESTIONS: dict[str, Question] = {
    "count": lambda c: count_ticks(c, [Tick("a", 10, 120, 1), Tick("a", 10, 120, 1)]),
    "sum": lambda c: sum_counts(c, "a", 5),
    "forget": lambda c: forget_counts(c, ["a", "b"]),
    "prune counters": lambda c: prune_counters(c, 5),
    "attempt": lambda c: count_attempts(c, [Attempt("d", 5, 1, 5)] * 2),
    "forgive": lambda c: forgive_attempts(c, ["d", "e"]),
    "take back": lambda c: take_back_attempts(c, ["d"]),
    "prune failures": lambda c: prune_failures(c, 5),
    "find": lambda c: find_account(c, "own", "alice"),
    "find by user": lambda c: find_account_of(c, "u1"),
    "set password": lambda c: set_password(c, NewPassword("alice", "hash", 5, "old")),
    "try a code": lambda c: try_codes(c, [CodeTry("p", "c", 5, 5)]),
    "when sent": lambda c: find_sent_at(c, "p"),
    "drop a code": lambda c: drop_sms_code(c, "p", "c"),
    "prune codes": lambda c: prune_sms_codes(c, 5),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_question_has_an_index(name: str, run: Run) -> None:
    async def work(database: Database) -> None:
        plans = await plans_of(database, QUESTIONS[name])
        # An upsert finds its row by the key itself, which SQLite does not mention.
        assert plans or name in ("count", "attempt")
        assert not [plan for plan in plans if "SCAN" in plan or "Seq Scan" in plan], plans

    run(work)
