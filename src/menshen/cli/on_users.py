"""What commands on users share: the pool of a data directory, who is at the keyboard, and who is to be told."""

from __future__ import annotations

import asyncio
import os
import pwd
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from menshen.cli.options import problem_lines
from menshen.config.user_rules import WebhookRules
from menshen.documents.documents import Documents
from menshen.errors import ConfigInvalid, MenshenError
from menshen.node.data_directory import open_documents
from menshen.node.listening import listening_webhooks
from menshen.sessions.claims import new_id
from menshen.storage.database import Database
from menshen.storage.sealing import load_master_key
from menshen.users.avatars import Avatars
from menshen.users.directory import UserDirectory
from menshen.users.life import Doer, UserLife
from menshen.users.phones import PhoneNumbers
from menshen.users.profiles import Profiles

__all__ = ["ActorName", "Pool", "Uid", "on_users", "operator"]

Answer = TypeVar("Answer")
Uid = Annotated[str, typer.Argument(help="The user's id.", show_default=False)]
ActorName = Annotated[
    str | None,
    typer.Option("--actor", help="Who does it, for the audit log; without it the user of this system."),
]


@dataclass(frozen=True, slots=True)
class Pool:
    """The user pool of a data directory. ``doer`` is whoever typed the command."""

    documents: Documents
    database: Database
    directory: UserDirectory
    life: UserLife
    doer: Doer


def operator(name: str | None) -> str:
    """The actor of the audit log: ``--actor``, or who the system says is at the keyboard."""
    if name is not None and (not name.strip() or len(name) > 100 or not name.isprintable()):
        raise typer.BadParameter("one line of text, 100 characters at most", param_hint="--actor")
    try:
        own = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container with a uid that has no name
        own = str(os.getuid())
    # The system's user is always told: who types another's name is still seen.
    return f"cli:{own}" if name is None else f"cli:{own}:{name}"


def on_users(data_dir: Path, run: Callable[[Pool], Awaitable[Answer]], actor: str | None = None) -> Answer:
    """Run on the pool; what goes wrong is one line on stderr and exit 1."""
    who = operator(actor)

    async def opened() -> Answer:
        async with open_documents(data_dir) as documents:
            database = documents.revisions.database
            master_key = load_master_key(data_dir, os.environ)
            profiles = Profiles(database)
            avatars = Avatars(data_dir / "avatars", profiles, lambda: new_id(secrets.token_bytes))
            webhooks: tuple[WebhookRules, ...] = await listening_webhooks(documents)
            return await run(
                Pool(
                    documents,
                    database,
                    UserDirectory(database, time.time, PhoneNumbers(master_key).digest),
                    UserLife(database, time.time, avatars.erase),
                    Doer(who, webhooks),
                )
            )

    try:
        return asyncio.run(opened())
    except ConfigInvalid as error:
        for line in problem_lines(error):
            typer.echo(line, err=True)
    except MenshenError as error:
        typer.echo(str(error), err=True)
    raise typer.Exit(1)
