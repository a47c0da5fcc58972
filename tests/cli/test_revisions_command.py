"""``menshen apply``, ``rollback`` and ``export`` on a data directory without a node: who did it is written down."""

from __future__ import annotations

import asyncio
import getpass
import json
from pathlib import Path

from click.testing import Result
from sqlalchemy import select
from typer.testing import CliRunner

from menshen.cli.app import app
from menshen.storage.log_tables import audit
from tests.storage.conftest import opened

SECRET = "planted-appsecret-0123456789abcdef"
DOCUMENT = """\
version: 1
apps:
  - {{name: {name}, platform: wechat, appid: wx4f4bc4dec97d474b, secret: {secret}}}
"""


def menshen(directory: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--data-dir", str(directory)])


def audited(directory: Path) -> list[tuple[str, str, dict[str, object]]]:
    """Actor, action and detail of each row, the oldest first."""

    async def rows() -> list[tuple[str, str, dict[str, object]]]:
        async with opened(directory) as database, database.reading() as connection:
            found = await connection.execute(select(audit).order_by(audit.c.id))
            return [(row.actor, row.action, json.loads(row.detail)) for row in found]

    return asyncio.run(rows())


def test_a_change_and_the_way_back_are_in_the_audit_log(tmp_path: Path) -> None:
    file, data = tmp_path / "menshen.yaml", tmp_path / "data"
    for name in ("shop", "store"):
        file.write_text(DOCUMENT.format(name=name, secret=SECRET))
        assert menshen(data, "apply", str(file), "--comment", f"to {name}").exit_code == 0
    assert menshen(data, "rollback", "1").exit_code == 0
    me = getpass.getuser()
    assert audited(data) == [
        (me, "config.change", {"revision": 1, "parts": ["apps/shop"], "more": 0}),
        (me, "config.change", {"revision": 2, "parts": ["apps/store", "apps/shop"], "more": 0}),
        (me, "config.rollback", {"revision": 1, "instead_of": 2}),
    ]


def test_what_is_exported_can_be_applied_and_a_mark_keeps_the_secret(tmp_path: Path) -> None:
    file, data = tmp_path / "menshen.yaml", tmp_path / "data"
    file.write_text(DOCUMENT.format(name="shop", secret=SECRET))
    assert menshen(data, "apply", str(file)).exit_code == 0
    exported = menshen(data, "export")
    assert SECRET not in exported.output
    file.write_text(exported.output)
    assert "revision 1 is active" in menshen(data, "apply", str(file)).output
    file.write_text(DOCUMENT.format(name="shop", secret="'***'") + "    # kept\n")
    assert "revision 1 is active" in menshen(data, "apply", str(file)).output


def test_a_document_that_does_not_hold_changes_and_writes_nothing(tmp_path: Path) -> None:
    file, data = tmp_path / "menshen.yaml", tmp_path / "data"
    file.write_text(DOCUMENT.format(name="'a b'", secret=SECRET))
    refused = menshen(data, "apply", str(file))
    assert refused.exit_code == 1
    assert "apps[0].name" in refused.output
    assert SECRET not in refused.output
    assert audited(data) == []
