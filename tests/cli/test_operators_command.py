"""``menshen operators`` on a data directory without a node: also the way back in for who is locked out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from menshen.cli.app import app
from menshen.errors import AccountLocked, AccountRefused
from menshen.secret import Secret
from menshen.storage.sealing import load_master_key
from tests.operators.desk import Desk, desk_at

GOOD, OTHER = "correct horse battery", "another horse entirely"


def menshen(directory: Path, *arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(app, ["operators", *arguments, "--data-dir", str(directory)], input=typed)


def at_desk(directory: Path, work: Callable[[Desk], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        async with desk_at(directory) as desk:
            return await work(desk)

    return asyncio.run(main())


def test_an_owner_is_made_listed_and_can_log_in(tmp_path: Path) -> None:
    assert menshen(tmp_path, "list").stderr == "no operator\n"
    made = menshen(tmp_path, "add", "Alice", "--role", "owner", "--actor", "bob", typed=f"{GOOD}\n")
    assert (made.exit_code, made.stdout) == (0, "alice can log in as owner\n")
    assert menshen(tmp_path, "list").stdout == "alice  owner  active  -\n"

    async def work(desk: Desk) -> None:
        assert await desk.log_in("alice", Secret(GOOD))
        assert not await desk.service.setup.open()
        [done, _] = await desk.audit()
        assert done.action == "operator.add"
        assert done.actor.startswith("cli:")
        assert done.actor.endswith(":bob")

    at_desk(tmp_path, work)


@pytest.mark.parametrize(
    ("arguments", "typed", "why"),
    [
        (("add", "alice"), "short\n", "12 to 256 characters"),
        (("add", "alice"), "", "12 to 256 characters"),
        (("add", "admin"), f"{GOOD}\n", "another name"),
        (("add", "alice", "--role", "root"), f"{GOOD}\n", "viewer, operator, owner"),
        (("password", "nobody"), f"{GOOD}\n", "no such operator"),
        (("role", "nobody", "owner"), "", "no such operator"),
        (("disable", "nobody"), "", "no such operator"),
        (("enable", "nobody"), "", "no such operator"),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_1(
    tmp_path: Path, arguments: tuple[str, ...], typed: str, why: str
) -> None:
    answer = menshen(tmp_path, *arguments, typed=typed)
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert why in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_the_last_owner_stays_and_another_may_go(tmp_path: Path) -> None:
    menshen(tmp_path, "add", "alice", "--role", "owner", typed=f"{GOOD}\n")
    assert menshen(tmp_path, "disable", "alice").exit_code == 1
    assert "last owner" in menshen(tmp_path, "role", "alice", "viewer").stderr
    menshen(tmp_path, "add", "bob", typed=f"{GOOD}\n")
    assert menshen(tmp_path, "role", "bob", "owner").stdout == "bob is owner; 0 sessions ended\n"
    assert menshen(tmp_path, "disable", "alice").stdout == "alice is disabled; 0 sessions ended\n"
    assert menshen(tmp_path, "list").stdout.splitlines()[0].startswith("alice  owner  disabled")
    assert menshen(tmp_path, "enable", "alice").stdout == "alice can log in\n"


def test_who_is_locked_out_gets_in_with_a_new_password(tmp_path: Path) -> None:
    menshen(tmp_path, "add", "alice", "--role", "owner", typed=f"{GOOD}\n")
    key = load_master_key(tmp_path, {})

    async def locked(desk: Desk) -> str:
        desk.service = desk.another(key)
        cookie = await desk.log_in("alice", Secret(GOOD))
        for _ in range(5):
            with pytest.raises(AccountRefused):
                await desk.log_in("alice", Secret("wrong horse battery"))
        with pytest.raises(AccountLocked):
            await desk.log_in("alice", Secret(GOOD))
        return cookie

    async def open_again(desk: Desk) -> None:
        desk.service = desk.another(key)
        assert await desk.log_in("alice", Secret(OTHER))
        assert await desk.service.access.visit(cookie) is None

    cookie = at_desk(tmp_path, locked)
    answer = menshen(tmp_path, "password", "alice", typed=f"{OTHER}\n")
    assert answer.stdout == "alice has a new password; 1 session ended\n"
    at_desk(tmp_path, open_again)
