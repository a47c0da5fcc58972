"""How commands print rows and take moments."""

from __future__ import annotations

import pytest
import typer

from menshen.cli.listing import moment, row, shown_time


def test_a_row_is_one_line_whatever_is_in_it() -> None:
    assert row("a", 1, "") == "a  1  -"
    assert row("two\nlines", "tab\t", "\x1b[31mred", "\u202egnp", "中文") == "two?lines  tab?  ?[31mred  ?gnp  中文"


def test_a_moment_is_seconds_or_iso_8601() -> None:
    assert moment("1700000000", "--until") == 1_700_000_000
    assert moment("2023-11-14T22:13:20+00:00", "--until") == 1_700_000_000
    assert moment("2023-11-14T22:13:19.5+00:00", "--until") == 1_700_000_000
    for wrong in ("yesterday", "", "1e9", "2023-13-01"):
        with pytest.raises(typer.BadParameter):
            moment(wrong, "--until")


def test_a_time_can_be_read_back_and_never_is_a_dash() -> None:
    assert shown_time(0) == "-"
    assert moment(shown_time(1_700_000_000), "--until") == 1_700_000_000
