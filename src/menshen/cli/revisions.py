"""``menshen apply``, ``export``, ``revisions``, ``rollback``: the document and its history, with or without a node.

They work on the data directory's database. A node that runs there follows within a second.
"""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from menshen.cli.options import DATA_DIR, DataDir, problem_lines
from menshen.config.loading import read_text
from menshen.config.yamltext import dump_document
from menshen.documents.documents import Documents, as_written
from menshen.errors import ConfigInvalid, ConfigUnavailable, MenshenError
from menshen.node.data_directory import open_documents

__all__ = ["apply", "export", "on_documents", "revisions", "rollback"]

Answer = TypeVar("Answer")

_MOST = 1_000_000


def apply(
    file: Annotated[Path, typer.Argument(help="The YAML document.", show_default=False)],
    comment: Annotated[str, typer.Option("--comment", "-m", help="Why; kept with the revision.")] = "",
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Make a document the active revision. Exit 1 with every problem where it does not hold."""
    try:
        text = read_text(file)
    except ConfigUnavailable as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None

    async def run(documents: Documents) -> tuple[int, str]:
        number, loaded = await documents.apply(text, author=getpass.getuser(), comment=comment or file.name)
        return number, loaded.snapshot.checksum

    number, checksum = on_documents(data_dir, run)
    typer.echo(f"revision {number} is active, checksum {checksum}")


def export(data_dir: DataDir = DATA_DIR) -> None:
    """Print the active revision as YAML, its AppSecrets sealed: only this data directory can open them."""

    async def run(documents: Documents) -> str | None:
        active = await documents.revisions.active()
        return dump_document(as_written(active)) if active else None

    document = on_documents(data_dir, run)
    if document is None:
        typer.echo("no revision yet: menshen apply FILE", err=True)
        raise typer.Exit(1)
    typer.echo(document, nl=False)


def revisions(
    number: Annotated[int | None, typer.Argument(help="Show what this revision changed.", show_default=False)] = None,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """List the revisions, newest first, the active one marked; or show one's diff."""

    async def run(documents: Documents) -> list[str]:
        if number is not None:
            return [await documents.diff(number)]
        active = await documents.revisions.active_id()
        return [
            f"{'*' if r.id == active else ' '} {r.id:>4}  {_time(r.created_at)}  {r.author:<12}  {r.comment}"
            for r in await documents.revisions.page(limit=_MOST)
        ]

    for line in on_documents(data_dir, run):
        typer.echo(line)


def rollback(
    number: Annotated[int, typer.Argument(help="The revision to activate again.", show_default=False)],
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Activate an older revision."""

    async def run(documents: Documents) -> str:
        return (await documents.rollback(number, author=getpass.getuser())).snapshot.checksum

    typer.echo(f"revision {number} is active, checksum {on_documents(data_dir, run)}")


def on_documents(data_dir: Path, run: Callable[[Documents], Awaitable[Answer]]) -> Answer:
    """Run something on the revisions of a data directory; problems are printed and end the command with exit 1."""

    async def opened() -> Answer:
        async with open_documents(data_dir) as documents:
            return await run(documents)

    try:
        return asyncio.run(opened())
    except ConfigInvalid as error:
        for line in problem_lines(error):
            typer.echo(line)
        raise typer.Exit(1) from None
    except MenshenError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
