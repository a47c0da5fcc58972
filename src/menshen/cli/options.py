"""What several commands share: options, and the way problems are printed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from menshen.cli.address import parse_address
from menshen.config.snapshot import Endpoint
from menshen.errors import ConfigInvalid

__all__ = ["DATA_DIR", "DataDir", "endpoint", "in_chinese", "problem_lines"]

DATA_DIR = Path("menshen-data")

DataDir = Annotated[
    Path,
    typer.Option("--data-dir", envvar="MENSHEN_DATA_DIR", help="Database, keys and run-time files; kept private."),
]


def endpoint(text: str, option: str) -> Endpoint:
    """``HOST:PORT`` of an option; a usage error (exit 2) where it is not."""
    try:
        return Endpoint(*parse_address(text))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def in_chinese() -> bool:
    """Whether the operator's locale is Chinese."""
    return os.environ.get("LANG", "").startswith("zh")


def problem_lines(error: ConfigInvalid) -> Iterator[str]:
    """One line a problem, with the Chinese sentence behind it where the locale is Chinese."""
    chinese = in_chinese()
    for problem in error.problems:
        suffix = f" {problem.message_zh}" if chinese and problem.message_zh else ""
        yield f"{problem}{suffix}"
