"""``menshen trace find`` on a data directory."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from menshen.cli.app import app
from menshen.storage.trace_links import TraceLink, add_trace_links
from tests.storage.conftest import opened


def find(directory: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["trace", "find", *arguments, "--data-dir", str(directory)])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    async def write() -> None:
        async with opened(tmp_path) as database, database.writing() as connection:
            value = "A%E5%8F%B7-7"
            links = [TraceLink(100 + n, value, "order", f"{n:032x}", "mall/order", 200 + n, f"r{n}") for n in range(3)]
            odd = TraceLink(1, "odd", "order", "f" * 32, "mall/order", 200, "r\x1b[31m")
            await add_trace_links(connection, [*links, odd])

    asyncio.run(write())
    return tmp_path


def test_traces_are_told_newest_first_and_page_by_page(data: Path) -> None:
    first, second = (line.split() for line in find(data, "A号-7", "--limit", "2").stdout.splitlines())
    assert [first[0], *first[2:5]] == [f"{2:032x}", "mall/order", "202", "r2"]
    assert second[4] == "r1"
    (last,) = find(data, "A号-7", "--below", second[5]).stdout.splitlines()
    assert last.split()[4] == "r0"


def test_nothing_is_found_for_another_value(data: Path) -> None:
    run = find(data, "A")
    assert (run.exit_code, run.stdout, run.stderr) == (0, "", "no trace\n")


@pytest.mark.parametrize("value", ["", "x" * 129, "a\nb"])
def test_a_value_that_no_request_can_have_is_a_mistake(data: Path, value: str) -> None:
    assert find(data, value).exit_code == 2


def test_class_48_what_is_printed_cannot_move_a_cursor(data: Path) -> None:
    assert "\x1b" not in find(data, "odd").stdout
