"""The clock against a platform's Date and PostgreSQL's own."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from menshen.doctor.clock import CHECK
from menshen.storage.database_url import DATABASE_URL_VARIABLE
from tests.doctor.installed import document, install, later, looked_at, troubles
from tests.edge.processes import Client
from tests.postgresql import PostgreSQL


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, []), (20, []), (45, ["clock_off"]), (-45, ["clock_off"]), (90, ["clock_wrong"]), (-7200, ["clock_wrong"])],
)
def test_against_a_platform(directory: Path, emulator: Client, seconds: int, expected: list[str]) -> None:
    assert troubles(CHECK, later(install(directory, document(emulator.origin)), seconds)) == expected


@pytest.mark.parametrize(("seconds", "expected"), [(0, []), (-40, ["clock_off"]), (100, ["clock_wrong"])])
def test_against_postgresql(
    directory: Path,
    postgresql: PostgreSQL,
    monkeypatch: pytest.MonkeyPatch,
    seconds: int,
    expected: list[str],
) -> None:
    with postgresql.migrated() as url:
        monkeypatch.setenv(DATABASE_URL_VARIABLE, url)
        where = later(install(directory), seconds)
        assert troubles(CHECK, where) == expected
        assert "PostgreSQL" in looked_at(CHECK, where)[0].found.en


def test_nothing_to_compare_with(directory: Path) -> None:
    (finding,) = looked_at(CHECK, install(directory))
    assert finding.found.en == "nothing to compare the clock with here"


def test_a_clock_that_jumps(directory: Path) -> None:
    def steps() -> Iterator[float]:
        yield time.time()
        for _ in itertools.count():
            yield time.time() + 5

    moments = steps()
    assert troubles(CHECK, replace(install(directory), clock=lambda: next(moments))) == ["clock_jumps"]
