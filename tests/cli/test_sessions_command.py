"""``menshen sessions`` on a data directory without a node, as an operator types it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from menshen.cli.app import app
from menshen.sessions.claims import SessionClaims
from menshen.sessions.records import NewSession, SessionRecords
from tests.storage.conftest import opened

NOW = int(time.time())
LATER = NOW + 86_400
"""Than any of these tests, however long the others before them take."""


def menshen(directory: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--data-dir", str(directory)])


def claims(number: int, uid: str, appid: str, auth: int) -> SessionClaims:
    sid = f"{'a' * 25}{'bcdefg'[number]}"
    return SessionClaims(uid, sid, "wechat", appid, "openid", "", auth, LATER, auth, LATER, 86_400)


SESSIONS = [
    claims(0, "u1", "wx1", NOW - 500),
    claims(1, "u1", "wx1", NOW - 400),
    claims(2, "u2", "wx1", NOW - 300),
    claims(3, "u2", "wx2", NOW - 200),
    claims(4, "u3", "wx2", NOW - 100),
]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    async def fill() -> None:
        async with opened(tmp_path) as database:
            records = SessionRecords(database, time.time)
            for each in SESSIONS:
                await records.open(NewSession(each, "sealed", "shop-login", ip="10.0.0.9", user_agent="MicroMessenger"))

    asyncio.run(fill())
    return tmp_path


def listed(directory: Path, *arguments: str) -> list[str]:
    """The letters of the sessions that are listed, in order."""
    run = menshen(directory, "sessions", "list", *arguments)
    assert run.exit_code == 0, run.stderr
    return [line.split()[0][-1] for line in run.stdout.splitlines()]


def test_the_newest_come_first_and_every_filter_filters(data: Path) -> None:
    assert listed(data) == ["f", "e", "d", "c", "b"]
    assert listed(data, "--limit", "2") == ["f", "e"]
    assert listed(data, "--user", "u2") == ["e", "d"]
    assert listed(data, "--app", "wechat/wx2") == ["f", "e"]
    assert listed(data, "--user", "u2", "--app", "wechat/wx1") == ["d"]
    assert listed(data, "--before", str(NOW - 300)) == ["c", "b"]
    assert listed(data, "--session", SESSIONS[2].sid) == ["d"]
    line = menshen(data, "sessions", "list", "--user", "u3").stdout
    for said in (SESSIONS[4].sid, "u3", "wechat/wx2", "sealed", "10.0.0.9", "live", "MicroMessenger"):
        assert said in line


@pytest.mark.parametrize(
    ("arguments", "said", "left"),
    [
        (["--session", SESSIONS[0].sid], "1 session ended", "fedc"),
        (["--session", "nobody"], "0 sessions ended", "fedcb"),
        (["--user", "u1"], "2 sessions ended", "fed"),
        (["--app", "wechat/wx1"], "every session of wechat/wx1", "fe"),
        (["--before", str(NOW - 200)], "every session", "fe"),
        (["--app", "wechat/wx2", "--before", str(NOW - 100)], "every session of wechat/wx2", "fdcb"),
    ],
    ids=["session", "unknown session", "user", "app", "before", "app and before"],
)
def test_what_is_revoked_is_over(arguments: list[str], said: str, left: str, data: Path) -> None:
    run = menshen(data, "sessions", "revoke", *arguments)
    assert (run.exit_code, run.stderr) == (0, "")
    assert said in run.stdout
    assert listed(data) == list(left)
    assert listed(data, "--all") == ["f", "e", "d", "c", "b"]
    over = menshen(data, "sessions", "list", "--all").stdout
    assert over.count("revoked") == 5 - len(left)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--session", "a", "--user", "b"],
        ["--user", "u1", "--before", "5"],
        ["--before", "yesterday"],
        ["--before", str(LATER)],
        ["--before", f"{NOW}000"],
    ],
    ids=["nothing", "two things", "a user before", "no time", "a time to come", "milliseconds"],
)
def test_what_cannot_be_meant_ends_nothing(arguments: list[str], data: Path) -> None:
    assert menshen(data, "sessions", "revoke", *arguments).exit_code == 2
    assert len(listed(data)) == len(SESSIONS)


@pytest.mark.parametrize("name", ["shop", "WECHAT", "wx1"])
def test_an_app_that_nobody_knows_is_told(name: str, data: Path) -> None:
    """Attack class 32: a name in another spelling must not end nothing without a word."""
    run = menshen(data, "sessions", "revoke", "--app", name)
    assert run.exit_code == 1
    assert f"no app is named {name}" in run.stderr
    assert len(listed(data)) == len(SESSIONS)


def test_a_moment_between_two_seconds_counts_as_the_later(data: Path) -> None:
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(NOW - 300)) + ".5+00:00"
    assert menshen(data, "sessions", "revoke", "--before", moment).exit_code == 0
    assert listed(data) == ["f", "e"]
