"""The database: answers, is at this version's tables, and takes what is written."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from menshen.doctor.finding import Check, Finding, Said, Trouble, well
from menshen.doctor.installation import Installation
from menshen.errors import DatabaseUnavailable
from menshen.storage.database import Database
from menshen.storage.schema import HEAD, schema_version

__all__ = ["CHECK"]

_SLOW: Final = 0.1
"""Seconds for a question without an answer to look for. A login asks several."""

_OLDEST: Final = 15
"""PostgreSQL's version that the tests run on."""

NONE_YET = Trouble(
    "database_missing",
    "warning",
    Said("there is no database in {path} yet", "{path} 中还没有数据库"),
    Said(
        "Start menshen serve, which makes it, or set MENSHEN_DATABASE_URL as it is set for serve.",
        "启动 menshen serve 会创建；若使用 PostgreSQL，请像 serve 一样设置 MENSHEN_DATABASE_URL。",
    ),
)
AWAY = Trouble(
    "database_unavailable",
    "failed",
    Said("the database cannot be used: {why}", "数据库不可用：{why}"),
    Said(
        "Check that it runs and that MENSHEN_DATABASE_URL is right (user, password, host, sslmode), or put back "
        "menshen.db from the backup.",
        "确认数据库正在运行且 MENSHEN_DATABASE_URL 正确（用户、密码、主机、sslmode），或从备份恢复 menshen.db。",
    ),
)
BEHIND = Trouble(
    "database_behind",
    "warning",
    Said(
        "the tables are at {version}, this Menshen needs {wanted}", "表结构版本为 {version}，当前 Menshen 需要 {wanted}"
    ),
    Said(
        "Back up, then start menshen serve, which brings them up to date.",
        "先备份，再启动 menshen serve，它会完成升级。",
    ),
)
AHEAD = Trouble(
    "database_ahead",
    "failed",
    Said(
        "the tables are at {version}, which is newer than this Menshen ({wanted})",
        "表结构版本 {version} 比当前 Menshen（{wanted}）更新",
    ),
    Said("Install the newer Menshen again that made them.", "重新安装升级过该数据库的较新版本 Menshen。"),
)
READ_ONLY = Trouble(
    "database_read_only",
    "failed",
    Said("nothing can be written: {why}", "无法写入：{why}"),
    Said(
        "Connect to the primary with the owner of the tables, or make the SQLite file writable for this user.",
        "以表的属主连接主库；使用 SQLite 时让当前用户可以写入数据库文件。",
    ),
)
SLOW = Trouble(
    "database_slow",
    "warning",
    Said("a question takes {ms} ms", "一次查询需要 {ms} 毫秒"),
    Said(
        "Bring the database nearer to the node, or find what keeps it busy: each login asks it several times.",
        "让数据库离节点更近，或查明其繁忙的原因：每次登录都要查询多次。",
    ),
)
OLD_SERVER = Trouble(
    "postgresql_old",
    "warning",
    Said(
        "PostgreSQL {version} is older than what Menshen is tested on ({oldest})",
        "PostgreSQL {version} 低于 Menshen 测试所用的版本（{oldest}）",
    ),
    Said("Upgrade PostgreSQL to {oldest} or newer.", "把 PostgreSQL 升级到 {oldest} 或更新版本。"),
)


async def _run(installation: Installation, _: str) -> Sequence[Finding]:
    database = installation.database
    if database is None:
        if installation.database_complaint:
            return [AWAY.seen(why=installation.database_complaint)]
        return [NONE_YET.seen(path=str(installation.place.data_dir))]
    try:
        async with database.reading() as connection:
            started = time.perf_counter()
            await connection.execute(text("SELECT 1"))
            seconds = time.perf_counter() - started
            server = (
                "" if installation.sqlite else str((await connection.execute(text("SHOW server_version"))).scalar())
            )
        version = await schema_version(database)
    except (DatabaseUnavailable, DBAPIError) as error:
        return [AWAY.seen(why=_why(error))]
    found = [*_version(version), *_server(server)]
    if version is not None:
        found += await _writable(database)
    if seconds > _SLOW:
        found.append(SLOW.seen(ms=round(seconds * 1000)))
    name = f"PostgreSQL {server}" if server else "SQLite"
    return found or [
        well(
            f"{name}, tables at {HEAD}, answers in {seconds * 1000:.1f} ms",
            f"{name}，表结构版本 {HEAD}，{seconds * 1000:.1f} 毫秒内应答",
        )
    ]


def _version(version: str | None) -> Iterator[Finding]:
    if version is None or version < HEAD:
        yield BEHIND.seen(version=version or "0", wanted=HEAD)
    elif version > HEAD:
        yield AHEAD.seen(version=version, wanted=HEAD)


def _server(version: str) -> Iterator[Finding]:
    number = version.partition(".")[0]
    if number.isdigit() and int(number) < _OLDEST:
        yield OLD_SERVER.seen(version=version, oldest=_OLDEST)


async def _writable(database: Database) -> list[Finding]:
    """Asked to change no row: locks, rights and read-only servers say no all the same."""
    try:
        async with database.writing() as connection:
            await connection.execute(text("UPDATE alembic_version SET version_num = version_num WHERE 1 = 0"))
    except (DatabaseUnavailable, DBAPIError) as error:
        return [READ_ONLY.seen(why=_why(error))]
    return []


def _why(error: Exception) -> str:
    """Of a driver's error the class alone: texts of PostgreSQL name users and hosts."""
    if isinstance(error, DatabaseUnavailable):
        return str(error).removeprefix("the database cannot be used: ")
    return type(error.__cause__ or error).__name__


CHECK = Check(
    "database",
    Said(
        "Whether the database answers and how fast, is at the tables that this version needs, and can be written.",
        "数据库是否应答、速度如何，表结构是否符合当前版本，能否写入。",
    ),
    (NONE_YET, AWAY, BEHIND, AHEAD, READ_ONLY, SLOW, OLD_SERVER),
    _run,
)
