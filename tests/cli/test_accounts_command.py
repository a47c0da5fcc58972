"""``menshen users add``, ``password`` and ``unlock`` on a data directory without a node, as an operator types them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import insert, update
from typer.testing import CliRunner

from menshen.cli.app import app
from menshen.config.user_rules import AccountRules
from menshen.errors import AccountLocked, AccountRefused
from menshen.secret import Secret
from menshen.sessions.claims import SessionClaims
from menshen.sessions.records import NewSession, SessionRecords
from menshen.storage.audit import list_audit
from menshen.storage.database import Database
from menshen.storage.digests import KeyedDigest
from menshen.storage.sealing import load_master_key
from menshen.storage.tables import accounts, users
from menshen.users.accounts import OwnAccounts
from menshen.users.lockouts import Lockouts
from menshen.users.passwords import Passwords
from tests.storage.conftest import opened

GOOD, OTHER = "correct horse battery", "another horse entirely"

DOCUMENT = """
version: 1
apps: [{name: shop, platform: wechat, appid: wx4f4bc4dec97d474b, secret: "${NOT_SET_HERE}"}]
"""
VERIFIER = """
version: 1
users: {accounts: {password_min_length: 30, verifier: {url: "http://127.0.0.1:9/", secret: "0123456789abcdef"}}}
"""


def menshen(directory: Path, *arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(app, [*arguments, "--data-dir", str(directory)], input=typed)


def on_database(directory: Path, work: Callable[[Database], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        async with opened(directory) as database:
            return await work(database)

    return asyncio.run(main())


def proves(directory: Path, username: str, password: str) -> bool:
    async def work(database: Database) -> bool:
        own = OwnAccounts(database, Passwords(), time.time)
        return await own.prove(username, Secret(password)) is not None

    return on_database(directory, work)


def test_an_account_is_made_with_a_password_from_standard_input(tmp_path: Path) -> None:
    run = menshen(tmp_path, "users", "add", "Alice", "--actor", "ops", typed=f"{GOOD}\nnot the password\n")
    assert (run.exit_code, run.stderr, run.stdout) == (0, "", "alice can log in\n")
    assert proves(tmp_path, "ALICE", GOOD)

    async def audited(database: Database) -> Any:
        async with database.reading() as connection:
            return [(each.row.action, each.row.actor, each.row.detail) for each in await list_audit(connection)]

    ((action, actor, detail),) = on_database(tmp_path, audited)
    assert (action, actor.endswith(":ops"), detail) == ("account.add", True, {})


@pytest.mark.parametrize(
    ("username", "typed", "said"),
    [
        ("alice", GOOD, "taken"),
        ("al ice", GOOD, "username"),
        ("bob", "short", "8 to 256"),
        ("bob", "password1", "common"),
        ("bob", "", "8 to 256"),
    ],
)
def test_what_is_no_account(username: str, typed: str, said: str, tmp_path: Path) -> None:
    menshen(tmp_path, "users", "add", "alice", typed=GOOD)
    run = menshen(tmp_path, "users", "add", username, typed=typed)
    assert (run.exit_code, run.stdout) == (1, "")
    assert said in run.stderr


def test_a_password_is_set_sessions_end_and_the_name_is_unlocked(tmp_path: Path) -> None:
    menshen(tmp_path, "users", "add", "alice", typed=GOOD)

    async def prepare(database: Database) -> None:
        async with database.writing() as connection:
            await connection.execute(insert(users).values(uid="u1", created_at=1))
            await connection.execute(update(accounts).values(uid="u1"))
        now = int(time.time())
        claims = SessionClaims("u1", "s1", "wechat", "wx1", "o", "", now, now + 600, now, now + 600, 600)
        await SessionRecords(database, time.time).open(NewSession(claims, "sealed", "shop-login"))
        await lock(database)

    on_database(tmp_path, prepare)
    run = menshen(tmp_path, "users", "password", "alice", typed=OTHER)
    assert (run.exit_code, run.stderr, run.stdout) == (0, "", "alice has a new password; 1 session ended\n")
    assert proves(tmp_path, "alice", OTHER)
    assert not proves(tmp_path, "alice", GOOD)
    assert not locked(tmp_path, "alice")


async def lock(database: Database) -> None:
    master_key = load_master_key(Path(database.url.partition(":///")[2]).parent, {})
    lockouts = Lockouts(database, KeyedDigest(master_key, "account-failures"))

    async def wrong() -> None:
        return None

    with pytest.raises(AccountRefused):
        await lockouts.attempt(AccountRules(lock_after=1), "own", "alice", time.time(), wrong)


def locked(directory: Path, username: str) -> bool:
    async def work(database: Database) -> bool:
        lockouts = Lockouts(database, KeyedDigest(load_master_key(directory, {}), "account-failures"))

        async def right() -> str:
            return "right"

        try:
            return await lockouts.attempt(AccountRules(), "own", username, time.time(), right) != "right"
        except AccountLocked:
            return True

    return on_database(directory, work)


def test_a_name_is_unlocked(tmp_path: Path) -> None:
    menshen(tmp_path, "users", "add", "alice", typed=GOOD)
    on_database(tmp_path, lock)
    assert locked(tmp_path, "alice")
    run = menshen(tmp_path, "users", "unlock", "ALICE")
    assert (run.exit_code, run.stdout) == (0, "ALICE is not locked\n")
    assert not locked(tmp_path, "alice")


def test_nobody_has_no_password(tmp_path: Path) -> None:
    run = menshen(tmp_path, "users", "password", "nobody", typed=GOOD)
    assert (run.exit_code, run.stderr) == (1, "no such account\n")


def test_the_active_revisions_rules_hold(tmp_path: Path) -> None:
    document = tmp_path / "menshen.yaml"
    document.write_text(VERIFIER)
    assert menshen(tmp_path, "apply", str(document)).exit_code == 0
    run = menshen(tmp_path, "users", "add", "alice", typed="x" * 10 + GOOD)
    assert run.exit_code == 1
    assert "users.accounts.verifier" in run.stderr


def test_without_the_secrets_of_the_revision_the_usual_rules_apply(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = tmp_path / "menshen.yaml"
    document.write_text(DOCUMENT)
    monkeypatch.setenv("NOT_SET_HERE", "0123456789abcdef0123456789abcdef")
    assert menshen(tmp_path, "apply", str(document)).exit_code == 0
    monkeypatch.delenv("NOT_SET_HERE")
    run = menshen(tmp_path, "users", "add", "alice", typed=GOOD)
    assert run.exit_code == 0
    assert "the usual rules" in run.stderr
    assert proves(tmp_path, "alice", GOOD)


def test_no_password_is_printed_or_taken_as_an_argument(tmp_path: Path) -> None:
    run = menshen(tmp_path, "users", "add", "alice", typed=GOOD)
    assert GOOD not in run.output
    for command in ("add", "password"):
        assert menshen(tmp_path, "users", command, "alice", GOOD).exit_code == 2
        assert "--password" not in menshen(tmp_path, "users", command, "--help").output
