"""``menshen keys``, the real command on a data directory of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from menshen.cli.app import app
from menshen.sessions.keys import load_key_rings
from menshen.sessions.rotation import listed

HEADINGS = ["purpose", "kid", "algorithm", "use", "made", "at"]


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MENSHEN_DATA_DIR", str(tmp_path))
    return tmp_path


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["keys", *arguments])


def _rows(result: Result) -> list[list[str]]:
    assert result.exit_code == 0, result.output
    heading, *rows = [line.split() for line in result.output.splitlines()]
    assert heading == HEADINGS
    return [row[:4] for row in rows]


def test_the_list_of_a_new_data_directory_is_empty_and_makes_nothing(data_dir: Path) -> None:
    result = _run("list")
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", "no keys yet: menshen serve makes them\n")
    assert list(data_dir.iterdir()) == []


def test_every_key_is_a_line(data_dir: Path) -> None:
    load_key_rings(data_dir / "keys")
    kids = [key.kid for key in listed(data_dir / "keys")]
    assert _rows(_run("list")) == [
        ["sealed", kids[0], "A256GCM", "signs"],
        ["signed", kids[1], "ES256", "signs"],
        ["refresh", kids[2], "A256GCM", "signs"],
        ["assertion", kids[3], "ES256", "signs"],
    ]


def test_rotation_of_one_ring(data_dir: Path) -> None:
    load_key_rings(data_dir / "keys")
    result = _run("rotate", "sealed")
    assert result.exit_code == 0
    new, old = [row for row in _rows(_run("list")) if row[0] == "sealed"]
    assert result.output == f"sealed: {new[1]} signs from now on\n"
    assert (new[3], old[3]) == ("signs", "verifies")


def test_rotation_of_all_rings(data_dir: Path) -> None:
    result = _run("rotate")
    assert [line.split(":")[0] for line in result.output.splitlines()] == ["sealed", "signed", "refresh", "assertion"]
    assert [row[3] for row in _rows(_run("list"))] == ["signs", "verifies"] * 4


def test_rotation_of_some_rings_each_once(data_dir: Path) -> None:
    result = _run("rotate", "refresh", "sealed", "refresh")
    assert [line.split(":")[0] for line in result.output.splitlines()] == ["sealed", "refresh"]


def test_an_algorithm_is_chosen_once_and_stays(data_dir: Path) -> None:
    assert _run("rotate", "--algorithm", "EdDSA").exit_code == 0
    assert _run("rotate", "signed").exit_code == 0
    rows = [row for row in _rows(_run("list")) if row[0] == "signed"]
    assert [row[2] for row in rows] == ["EdDSA", "EdDSA", "ES256"]
    assert _run("rotate", "signed", "--algorithm", "ES256").exit_code == 0
    assert next(row for row in _rows(_run("list")) if row[0] == "signed")[2] == "ES256"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("rotate", "sealed", "--algorithm", "EdDSA"), "only the signed ring has a choice"),
        (("rotate", "signed", "--algorithm", "HS256"), "HS256"),
        (("rotate", "bogus"), "no ring 'bogus': sealed, signed, refresh, assertion"),
        (("retire",), "KID"),
    ],
)
def test_a_wrong_option_is_a_usage_error(arguments: tuple[str, ...], message: str, data_dir: Path) -> None:
    result = _run(*arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert list(data_dir.iterdir()) == []


def test_an_old_key_is_retired(data_dir: Path) -> None:
    _run("rotate", "signed")
    new, old = [row[1] for row in _rows(_run("list")) if row[0] == "signed"]
    result = _run("retire", old)
    assert (result.exit_code, result.output) == (0, f"signed: {old} is retired\n")
    assert [row[1] for row in _rows(_run("list")) if row[0] == "signed"] == [new]


def test_the_key_in_use_is_not_retired(data_dir: Path) -> None:
    load_key_rings(data_dir / "keys")
    kid = listed(data_dir / "keys")[0].kid
    result = _run("retire", kid)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"key {kid} is in use: menshen keys rotate sealed comes first\n"


def test_an_unknown_key_is_not_retired(data_dir: Path) -> None:
    result = _run("retire", "nope")
    assert (result.exit_code, result.stderr) == (1, "no key nope\n")


@pytest.mark.parametrize("arguments", [("list",), ("rotate",), ("retire", "x")])
def test_keys_that_others_can_read_are_told(arguments: tuple[str, ...], data_dir: Path) -> None:
    load_key_rings(data_dir / "keys")
    (data_dir / "keys" / "session-sealed.json").chmod(0o644)
    result = _run(*arguments)
    assert result.exit_code == 1
    assert "make it 600" in result.stderr


def test_no_command_shows_a_key(data_dir: Path) -> None:
    shown = _run("rotate").output + _run("list").output + _run("retire", "nope").output
    for file in (data_dir / "keys").glob("*.json"):
        for key in json.loads(file.read_text())["keys"]:
            assert (key.get("k") or key["d"]) not in shown
            assert key.get("x", "no public half") not in shown


def test_the_program_runs_it(tmp_path: Path) -> None:
    """By its own option, in its own process, as an operator does; the files are private."""
    program = [sys.executable, "-m", "menshen", "keys"]
    option = ["--data-dir", str(tmp_path / "data")]
    rotated = subprocess.run([*program, "rotate", *option], capture_output=True, text=True, check=True)
    assert rotated.stdout.count("signs from now on") == 4
    table = subprocess.run([*program, "list", *option], capture_output=True, text=True, check=True).stdout
    assert len(table.splitlines()) == 9
    assert all(file.stat().st_mode & 0o077 == 0 for file in (tmp_path / "data" / "keys").iterdir())
