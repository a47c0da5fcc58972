"""The SQLite file, page by page."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

from menshen.doctor.finding import Check, Finding, Said, Trouble, well
from menshen.doctor.installation import DATABASE_FILE, Installation

__all__ = ["CHECK"]

_SECONDS: Final = 4.0
_STEPS: Final = 10_000
"""Instructions of SQLite's between two looks at the time."""

DAMAGED = Trouble(
    "database_damaged",
    "failed",
    Said("the SQLite file is damaged: {why}", "SQLite 文件已损坏：{why}"),
    Said(
        "Stop serve and put back menshen.db from the last backup (docs/how-to/back-up.md).",
        "停止 serve，从最近的备份恢复 menshen.db（docs/how-to/back-up.zh-CN.md）。",
    ),
)
TOO_LARGE = Trouble(
    "database_not_looked_through",
    "warning",
    Said("the SQLite file is too large to look through in {seconds} s", "SQLite 文件过大，{seconds} 秒内无法检查完"),
    Said(
        "Run sqlite3 menshen.db 'PRAGMA quick_check' when there is time, or move to PostgreSQL.",
        "有空时执行 sqlite3 menshen.db 'PRAGMA quick_check'，或改用 PostgreSQL。",
    ),
)


async def _run(installation: Installation, _: str) -> Sequence[Finding]:
    if not installation.sqlite:
        return [well("no SQLite file in use", "未使用 SQLite 文件")]
    return [await asyncio.to_thread(_checked, installation.place.data_dir / DATABASE_FILE)]


def _checked(path: Path) -> Finding:
    deadline = time.monotonic() + _SECONDS
    try:
        connection = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, timeout=1.0)
        try:
            connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
            (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        finally:
            connection.close()
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
            return TOO_LARGE.seen(seconds=f"{_SECONDS:g}")
        return DAMAGED.seen(why=str(error))
    if said != "ok":
        return DAMAGED.seen(why=str(said).splitlines()[0])
    return well("every page of the SQLite file is whole", "SQLite 文件完好")


CHECK = Check(
    "integrity",
    Said("SQLite's own quick check of its file.", "SQLite 自带的文件快速检查。"),
    (DAMAGED, TOO_LARGE),
    _run,
)
