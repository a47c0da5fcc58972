"""``menshen check FILE``: is this document sound? It changes nothing and connects to nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from menshen.cli.options import problem_lines
from menshen.config.loading import Loaded, read_text
from menshen.documents.documents import load_document
from menshen.errors import ConfigInvalid, ConfigUnavailable

__all__ = ["check"]


def check(file: Annotated[Path, typer.Argument(help="The YAML document.", show_default=False)]) -> None:
    """Print every problem of a document, one a line. Exit 0: none; 1: some; 2: the file cannot be read."""
    try:
        text = read_text(file)
    except ConfigUnavailable as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    try:
        loaded = load_document(text, os.environ)
    except ConfigInvalid as error:
        for line in problem_lines(error):
            typer.echo(line)
        raise typer.Exit(1) from None
    typer.echo(_summary(loaded))


def _summary(loaded: Loaded) -> str:
    document, snapshot = loaded.document, loaded.snapshot
    counts = ", ".join(
        f"{count} {noun}"
        for count, noun in (
            (len(document.apps), "apps"),
            (len(document.groups), "groups"),
            (len(snapshot.routes), "APIs"),
            (len(document.plugins), "plugins"),
        )
    )
    return f"ok: {counts}, checksum {snapshot.checksum}"
