"""``menshen route``: where a request would go, and why. It sends nothing and connects to nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from menshen.cli.listing import row
from menshen.cli.options import DATA_DIR, DataDir, in_chinese, problem_lines
from menshen.cli.revisions import on_documents
from menshen.config.loading import Loaded, read_text
from menshen.documents.documents import Documents, load_document
from menshen.documents.way import Nowhere, Question
from menshen.documents.way_json import said_of
from menshen.documents.way_words import lines_of
from menshen.envoy.dry_run import find_way
from menshen.errors import ConfigInvalid, ConfigUnavailable

__all__ = ["route"]


def route(
    path: Annotated[str, typer.Option(help="As a client sends it, with its query.", show_default=False)],
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="NAME=VALUE", help="A tag that the request does not make.", show_default=False),
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option("--header", metavar="NAME=VALUE", help="A header of the request.", show_default=False),
    ] = None,
    host: Annotated[str, typer.Option(help="The Host header.")] = "localhost",
    method: Annotated[str, typer.Option(help="The HTTP method.")] = "GET",
    user: Annotated[str, typer.Option(metavar="UID", help="Who is logged in; nobody without it.")] = "",
    request_id: Annotated[
        str, typer.Option(metavar="ID", help="Where the request with this x-request-id went, if nobody was logged in.")
    ] = "",
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="This document, not the active revision.", show_default=False),
    ] = None,
    data_dir: DataDir = DATA_DIR,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say where a request would go and why. Exit 0: it goes somewhere; 1: it is refused; 2: the file cannot be read."""
    question = Question(path, host, method, _pairs(tag or [], "--tag"), user, request_id, _headers(header or []))
    loaded = _active(data_dir) if config is None else _read(config)
    said = find_way(loaded, question)
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(said_of(question, said)), ensure_ascii=False, indent=2))
    else:
        for line in lines_of(question, said, chinese=in_chinese()):
            typer.echo(row(line))
    if isinstance(said, Nowhere) and said.refusal is not None:
        raise typer.Exit(1)


def _pairs(texts: list[str], option: str) -> dict[str, str]:
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise typer.BadParameter("must be NAME=VALUE", param_hint=option)
        found[name] = value
    return found


def _headers(texts: list[str]) -> dict[str, str]:
    return {name.lower(): value for name, value in _pairs(texts, "--header").items()}


def _read(file: Path) -> Loaded:
    try:
        return load_document(read_text(file), os.environ)
    except ConfigUnavailable as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    except ConfigInvalid as error:
        for line in problem_lines(error):
            typer.echo(line, err=True)
        raise typer.Exit(1) from None


def _active(data_dir: Path) -> Loaded:
    async def run(documents: Documents) -> Loaded | None:
        active = await documents.revisions.active()
        return documents.load(active) if active else None

    loaded = on_documents(data_dir, run)
    if loaded is None:
        typer.echo("no revision yet: menshen apply FILE", err=True)
        raise typer.Exit(1)
    return loaded
