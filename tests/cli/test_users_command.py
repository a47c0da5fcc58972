"""``menshen users`` on a data directory without a node, as an operator types it."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import pwd
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from menshen.cli.app import app
from menshen.documents.documents import Documents
from menshen.storage.log_tables import audit, login_log, webhook_deliveries
from menshen.storage.login_log import LoginRow, write_logins
from menshen.storage.revisions import Revisions
from menshen.storage.sealing import Sealer
from menshen.storage.tables import sessions
from menshen.users.phone_number import parse_phone
from menshen.users.phones import PhoneNumbers
from tests.storage.conftest import opened
from tests.users.people import People

NOW = int(time.time())
KEY = b"k" * 32
ME = f"cli:{pwd.getpwuid(os.getuid()).pw_name}"

WEBHOOKS = """\
version: 1
webhooks:
  - {name: crm, url: "http://127.0.0.1:9/crm", secret: "${CRM_SECRET}"}
  - {name: bans, url: "http://127.0.0.1:9/bans", secret: literal-secret-0123456789, events: [ban]}
  - {name: logins, url: "http://127.0.0.1:9/logins", secret: literal-secret-0123456789, events: [login]}
"""


def menshen(directory: Path, *arguments: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(app, ["users", *arguments, "--data-dir", str(directory)], input=typed)


def on_data(directory: Path, work: Callable[[People], Awaitable[None]]) -> None:
    async def main() -> None:
        async with opened(directory) as database:
            await work(People(database, int(time.time())))

    asyncio.run(main())


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MENSHEN_MASTER_KEY", base64.b64encode(KEY).decode())

    async def fill(people: People) -> None:
        digest = PhoneNumbers(KEY).digest(parse_phone("13580006666"))
        await people.add("u1", openids=("o1",), account="anna", phone=digest, nickname="Anna\x1b[2J")
        people.now += 1
        await people.add("u2", openids=("o2",), metadata='{"note":"called"}', claims='{"role":"vip"}')
        await people.log_in("u1")
        await people.log_in("u1", kind="reference", digest="d")
        rows = [
            LoginRow(NOW, "ok", "code", "u1", True, "wechat", "shop", "10.0.0.1", "Micro\nMessenger\x1b[31m", "r1"),
            LoginRow(NOW + 1, "account_refused", "password", "", False, "wechat", "shop", "10.0.0.2", "curl", "r2"),
        ]
        async with people.database.writing() as connection:
            await write_logins(connection, rows)

    on_data(tmp_path, fill)
    return tmp_path


def uids(directory: Path, *arguments: str) -> list[str]:
    run = menshen(directory, "list", *arguments)
    assert run.exit_code == 0, run.stderr
    return [line.split()[0] for line in run.stdout.splitlines()]


def test_users_are_listed_and_found(data: Path) -> None:
    assert uids(data) == ["u2", "u1"]
    assert uids(data, "--openid", "o2") == ["u2"]
    assert uids(data, "--account", "ANNA") == ["u1"]
    assert uids(data, "--phone", "+8613580006666") == ["u1"]
    assert uids(data, "--status", "active") == ["u2", "u1"]
    assert uids(data, "--status", "banned") == []
    first = menshen(data, "list", "--limit", "1")
    below = first.stderr.strip().removeprefix("more: --below ")
    assert uids(data, "--below", below) == ["u1"]
    assert menshen(data, "list", "--status", "dead").exit_code == 2
    assert menshen(data, "list", "--phone", "66").exit_code == 1
    assert menshen(data, "list", "--below", "x").exit_code == 1


def test_a_user_is_shown_with_what_is_bound_and_without_what_is_secret(data: Path) -> None:
    shown = menshen(data, "show", "u1").stdout
    for said in ("u1", "active", "identity", "wechat/wx1", "o1", "account  own  Anna", "phone  *"):
        assert said in shown, said
    for hidden in ("sealed", "13580006666", "\x1b"):
        assert hidden not in shown, hidden
    other = menshen(data, "show", "u2").stdout
    assert "claim  role=vip" in other
    assert 'metadata  note="called"' in other
    nobody = menshen(data, "show", "u9")
    assert (nobody.exit_code, nobody.stderr) == (1, "there is no user u9\n")


def test_a_ban_is_told_and_undone(data: Path) -> None:
    before = time.time()
    run = menshen(data, "ban", "u1", "--reason", "spam", "--days", "3")
    after = time.time()
    assert (run.exit_code, run.stdout) == (0, "u1 is banned; 2 sessions ended\n")
    assert uids(data, "--status", "banned") == ["u1"]
    shown = menshen(data, "show", "u1").stdout
    assert "spam" in shown
    ends = {time.strftime("%Y-%m-%d", time.localtime(moment + 3 * 86_400)) for moment in (before, after)}
    assert any(day in shown for day in ends)
    assert menshen(data, "unban", "u1").stdout == "u1 is active\n"
    assert menshen(data, "unban", "u1").exit_code == 1

    async def look(people: People) -> None:
        rows = await people.rows(audit)
        assert [(row["actor"], row["action"]) for row in rows] == [(ME, "user.ban"), (ME, "user.unban")]
        assert {row["ended_why"] for row in await people.rows(sessions)} == {"banned"}

    on_data(data, look)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--until", "yesterday"], 2),
        (["--until", "2001-01-01"], 1),
        (["--until", f"{NOW + 86_400}", "--days", "2"], 2),
        (["--until", f"{NOW + 86_400}000"], 1),
        (["--days", "0"], 2),
        (["--reason", "two\nlines"], 1),
        (["--actor", "two\nlines"], 2),
        (["--actor", " "], 2),
    ],
)
def test_a_ban_that_cannot_be_meant_bans_nobody(data: Path, arguments: list[str], code: int) -> None:
    assert menshen(data, "ban", "u1", *arguments).exit_code == code
    assert uids(data, "--status", "banned") == []


def test_closing_is_asked_about_and_erases(data: Path) -> None:
    for refused in ("n\n", ""):
        assert menshen(data, "close", "u1", typed=refused).exit_code == 1
    assert uids(data, "--status", "closed") == []
    run = menshen(data, "close", "u1", typed="y\n")
    assert "u1 is closed; 2 sessions ended" in run.stdout
    assert uids(data, "--status", "closed") == ["u1"]
    assert uids(data, "--openid", "o1") == []
    assert menshen(data, "ban", "u1").exit_code == 1

    async def look(people: People) -> None:
        assert [row["ip"] for row in await people.rows(login_log)] == ["", "10.0.0.2"]

    on_data(data, look)


def test_a_merge_is_asked_about_and_written_down_with_who_did_it(data: Path) -> None:
    assert menshen(data, "merge", "u1", "u2", typed="n\n").exit_code == 1
    run = menshen(data, "merge", "u1", "u2", "--yes", "--actor", "ticket 7")
    assert run.exit_code == 0, run.stderr
    assert "identities 1, accounts 1, phones 1, 1 session moved, 1 session ended" in run.stdout
    assert uids(data, "--openid", "o1") == ["u2"]
    assert "merged into  u2" in menshen(data, "show", "u1").stdout
    written = menshen(data, "audit", "--user", "u1").stdout
    assert f"{ME}:ticket 7  user.merge  u1" in written
    assert '"into": "u2"' in written
    assert menshen(data, "merge", "u1", "u2", "--yes").exit_code == 1


def test_claims_and_metadata_are_shown_and_changed(data: Path) -> None:
    assert menshen(data, "claims", "u2").stdout == "role=vip\n"
    assert menshen(data, "claims", "u2", "role=", "level=3").stdout == "level=3\n"
    assert menshen(data, "claims", "u2", "Level=3").exit_code == 1
    assert menshen(data, "claims", "u2", "level").exit_code == 2
    changed = menshen(data, "metadata", "u2", "vip=true", 'tags=["a"]', "note=", "text=not json")
    assert changed.stdout == 'tags=["a"]\ntext="not json"\nvip=true\n'
    assert menshen(data, "metadata", "u2").stdout == changed.stdout
    assert [line.split()[2] for line in menshen(data, "audit").stdout.splitlines()] == ["user.metadata", "user.claims"]


def test_the_log_tells_who_tried_and_moves_no_cursor(data: Path) -> None:
    everything = menshen(data, "log").stdout
    assert len(everything.splitlines()) == 2
    assert "Micro?Messenger?[31m" in everything
    assert "\x1b" not in everything
    [ok] = menshen(data, "log", "--outcome", "ok").stdout.splitlines()
    assert "new" in ok.split()
    [failed] = menshen(data, "log", "--outcome", "failed").stdout.splitlines()
    assert "account_refused" in failed
    assert menshen(data, "log", "--user", "u1").stdout.splitlines() == [ok]
    assert menshen(data, "log", "--ip", "10.0.0.2", "--app", "shop").stdout.splitlines() == [failed]
    assert menshen(data, "log", "--since", str(NOW + 1)).stdout.splitlines() == [failed]
    assert menshen(data, "log", "--app", "game").stderr == "no login\n"


def test_webhooks_hear_of_a_ban_that_is_typed_where_their_secrets_are_not(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CRM_SECRET", raising=False)

    async def apply(people: People) -> None:
        env = {"CRM_SECRET": "secret-of-the-node-0123456789"}
        documents = Documents(Revisions(people.database), Sealer(KEY, "app-secret"), env, time.time)
        await documents.apply(WEBHOOKS, author="test")

    on_data(data, apply)
    assert menshen(data, "ban", "u1").exit_code == 0

    async def look(people: People) -> None:
        rows = await people.rows(webhook_deliveries)
        assert {(row["webhook"], row["event"], row["status"]) for row in rows} == {
            ("crm", "ban", "waiting"),
            ("bans", "ban", "waiting"),
        }
        assert {json.loads(row["body"])["data"]["uid"] for row in rows} == {"u1"}

    on_data(data, look)
