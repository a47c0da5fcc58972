"""``menshen trace find``: from an order number to the traces of its requests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from menshen.cli.listing import row, shown_time
from menshen.cli.options import DATA_DIR, DataDir
from menshen.cli.revisions import on_documents
from menshen.config.tag_values import MAX_TAG_VALUE, tag_value
from menshen.documents.documents import Documents
from menshen.storage.trace_links import FoundTrace, find_traces

__all__ = ["trace"]

trace = typer.Typer(
    help="Find the traces of a TraceID.", no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None
)


@trace.callback()
def _root() -> None:
    """Find the traces of a TraceID."""


@trace.command("find")
def find(
    value: Annotated[str, typer.Argument(help="An order number, say: the whole value.", show_default=False)],
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, the newest.")] = 50,
    below: Annotated[
        int | None,
        typer.Option(metavar="CURSOR", min=1, help="Only older ones: the last word of a line.", show_default=False),
    ] = None,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """The traces of a value, newest first: trace id, when, API, status, request id, cursor."""
    sought = tag_value(value)
    if not sought:
        raise typer.BadParameter(f"text of 1 to {MAX_TAG_VALUE} bytes, without control characters", param_hint="VALUE")
    found = _found(data_dir, sought, below, limit)
    for each in found:
        link = each.link
        typer.echo(row(link.trace_id, shown_time(link.at), link.route, link.status, link.request_id, each.id))
    if not found:
        typer.echo("no trace", err=True)


def _found(data_dir: Path, value: str, below: int | None, limit: int) -> Sequence[FoundTrace]:
    async def found(documents: Documents) -> Sequence[FoundTrace]:
        async with documents.revisions.database.reading() as connection:
            return await find_traces(connection, value, below=below, limit=limit)

    return on_documents(data_dir, found)
