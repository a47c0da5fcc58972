"""No question about sessions reads the whole table: the database is asked how it would answer each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import event

from menshen.sessions.records import Seen
from tests.storage.session_samples import APP, NOW, Sessions, on_sessions

Question = Callable[[Sessions], Awaitable[Any]]

QUESTIONS: dict[str, tuple[Question, str]] = {
    "list by user": (lambda s: s.records.list(uid="u1"), "ix_sessions_uid"),
    "list by user, a later page": (lambda s: s.records.list(uid="u1", below=50), "ix_sessions_uid"),
    "list by app": (lambda s: s.records.list(app=APP), "ix_sessions_platform_appid_id"),
    "list by app, ended too": (lambda s: s.records.list(app=APP, live=False), "ix_sessions_platform_appid_id"),
    "list by user and app": (lambda s: s.records.list(uid="u1", app=APP), "ix_sessions_uid"),
    "list": (lambda s: s.records.list(), "INTEGER PRIMARY KEY"),
    "list, ended too, a later page": (lambda s: s.records.list(live=False, below=50), "INTEGER PRIMARY KEY"),
    "find by digest": (lambda s: s.records.find("d" * 64), "ix_sessions_digest"),
    "get": (lambda s: s.records.get("s1"), "sqlite_autoindex_sessions_1"),
    "open": (lambda s: s.log_in(max_sessions=2, replaces="s5"), "ix_sessions_uid"),
    "rotate": (lambda s: s.refresh("s9", 1), "sqlite_autoindex_sessions_1"),
    "end": (lambda s: s.records.end(["s1", "s2"], "logout"), "sqlite_autoindex_sessions_1"),
    "end a user": (lambda s: s.records.end_user("u1", "revoked"), "ix_sessions_uid"),
    "note uses": (lambda s: s.records.seen([Seen("s1", NOW, NOW, NOW, NOW)]), "sqlite_autoindex_sessions_1"),
    "end an app": (lambda s: s.records.end_app(*APP), "ix_revocations_sid_before"),
    "revocations": (lambda s: s.records.revocations(5), "INTEGER PRIMARY KEY"),
    "tidy": (lambda s: s.records.tidy(NOW), "ix_sessions_expires_at"),
}


POSTGRESQL_NAMES = {"INTEGER PRIMARY KEY": "using pk_", "sqlite_autoindex_sessions_1": "uq_sessions_sid"}


async def plans(sessions: Sessions, question: Question) -> list[str]:
    """How the database would run each statement that a question sends, with the values it sends."""
    sent: list[tuple[str, Any]] = []

    def keep(_c: Any, _cursor: Any, statement: str, values: Any, _context: Any, many: bool) -> None:
        sent.append((statement, values[0] if many else values))

    engine = sessions.database.engine
    event.listen(engine.sync_engine, "before_cursor_execute", keep)
    await question(sessions)
    event.remove(engine.sync_engine, "before_cursor_execute", keep)
    found: list[str] = []
    sqlite = engine.dialect.name == "sqlite"
    async with sessions.database.reading() as connection:
        if not sqlite:  # tables so small are best walked whole: that must not be what it says here
            await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        for statement, values in sent:
            if statement.startswith(("SELECT", "UPDATE", "DELETE")):
                explain = "EXPLAIN QUERY PLAN" if sqlite else "EXPLAIN"
                rows = await connection.exec_driver_sql(f"{explain} {statement}", values)
                found += [row[3 if sqlite else 0] for row in rows]
    return found


async def filled(sessions: Sessions) -> None:
    logins = [sessions.log_in(f"u{n % 20}", refresh=500, digest=f"{n:064}") for n in range(200)]
    await asyncio.gather(*logins)
    await sessions.records.end_app("wechat", "wx9")


@pytest.mark.parametrize("name", QUESTIONS)
def test_an_index_answers(database_url: str, name: str) -> None:
    question, index = QUESTIONS[name]

    async def work(sessions: Sessions) -> None:
        await filled(sessions)
        found = await plans(sessions, question)
        if sessions.database.engine.dialect.name == "postgresql":
            assert [line for line in found if "Seq Scan" in line] == []
            assert [
                line for line in found if POSTGRESQL_NAMES.get(index, index) in line.replace(" on pk_", " using pk_")
            ]
            return
        assert [line for line in found if line.startswith("SCAN")] == []
        assert [line for line in found if index in line]
        if name.startswith("list"):
            assert [line for line in found if "TEMP B-TREE" in line] == []

    on_sessions(database_url, work)


def test_a_sweep_walks_one_app(database_url: str) -> None:
    async def work(sessions: Sessions) -> None:
        await filled(sessions)
        await sessions.records.end_app(*APP)
        sessions.now += 100
        found = await plans(sessions, lambda s: s.records.tidy(s.now))
        assert [line for line in found if line.startswith("SCAN") or "Seq Scan" in line] == []
        assert [line for line in found if "TEMP B-TREE" in line] == []
        assert [line for line in found if "ix_sessions_platform_appid_id" in line]

    on_sessions(database_url, work)
