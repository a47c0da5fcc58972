"""``menshen users claims``: what a user's login states and backends are told beyond the identity."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from menshen.cli.options import DATA_DIR, DataDir
from menshen.errors import MenshenError
from menshen.node.node import open_documents
from menshen.sessions.claims import new_id
from menshen.storage.sealing import Sealer, load_master_key
from menshen.users.pool import UserPool

__all__ = ["users"]

users = typer.Typer(help="The user pool.", no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)


@users.callback()
def _root() -> None:
    """The user pool."""


@users.command()
def claims(
    uid: Annotated[str, typer.Argument(help="The user's id.", show_default=False)],
    changes: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME=VALUE]...", help="Set a claim; NAME= takes it away.", show_default=False),
    ] = None,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Show a user's claims, or change them. States get the change at the next login or refresh."""
    wanted: dict[str, str | None] = {}
    for change in changes or ():
        name, equals, value = change.partition("=")
        if not equals:
            raise typer.BadParameter(f"{change}: write NAME=VALUE, or NAME= to take it away")
        wanted[name] = value or None
    try:
        found = asyncio.run(_claims(data_dir, uid, wanted))
    except MenshenError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    for name, value in sorted(found.items()):
        typer.echo(f"{name}={value}")


async def _claims(data_dir: Path, uid: str, wanted: dict[str, str | None]) -> dict[str, str]:
    async with open_documents(data_dir) as documents:
        sealer = Sealer(load_master_key(data_dir, os.environ), "session-key")
        pool = UserPool(documents.revisions.database, sealer, lambda: f"u{new_id(os.urandom)}")
        if wanted:
            await pool.set_claims(uid, wanted)
        return dict(await pool.claims(uid))
