"""``menshen operators``: who may work at the console and the admin API, on a data directory.

It is also the way back in for a team that has locked itself out: whoever can read the data directory has the node's own
token anyway.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from menshen.cli.listing import row, shown_time
from menshen.cli.on_users import ActorName, operator
from menshen.cli.options import DATA_DIR, DataDir
from menshen.cli.passwords import asked_password
from menshen.errors import MenshenError
from menshen.node.data_directory import open_documents
from menshen.operators.accounts import Operators, role_of
from menshen.operators.changes import Changes
from menshen.operators.roles import Role
from menshen.operators.throttle import Throttle
from menshen.storage.sealing import load_master_key
from menshen.users.passwords import Passwords

__all__ = ["operators"]

Answer = TypeVar("Answer")
Name = Annotated[str, typer.Argument(metavar="NAME", help="The operator's name.", show_default=False)]
RoleName = Annotated[str, typer.Option("--role", help="viewer, operator or owner.")]

operators = typer.Typer(
    help="Who may work at the console and the admin API.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@operators.command("list")
def list_(data_dir: DataDir = DATA_DIR) -> None:
    """Name, role, disabled or not, last login."""
    found = _on_operators(data_dir, lambda accounts: accounts.all())
    for each in found:
        state = "disabled" if each.disabled else "active"
        typer.echo(row(each.name, each.role, state, shown_time(each.last_login_at)))
    if not found:
        typer.echo("no operator", err=True)


@operators.command()
def add(
    name: Name, role: RoleName = Role.OPERATOR.value, actor: ActorName = None, data_dir: DataDir = DATA_DIR
) -> None:
    """Make an operator. The password is asked for, or is the first line of standard input."""
    by, password = operator(actor), asked_password()

    async def run(accounts: Operators) -> str:
        made = await accounts.add(name, role_of(role), password, by=by)
        return f"{made.name} can log in as {made.role}"

    typer.echo(_on_operators(data_dir, run))


@operators.command()
def password(name: Name, actor: ActorName = None, data_dir: DataDir = DATA_DIR) -> None:
    """Set an operator's password. Sessions end; wrong passwords are forgotten."""
    by, secret = operator(actor), asked_password()

    async def run(accounts: Operators) -> str:
        ended = await accounts.set_password(name, secret, by=by)
        return f"{name} has a new password; {_sessions(ended)} ended"

    typer.echo(_on_operators(data_dir, run))


@operators.command()
def role(
    name: Name,
    role: Annotated[str, typer.Argument(metavar="ROLE", help="viewer, operator or owner.", show_default=False)],
    actor: ActorName = None,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Give an operator another role. Sessions end."""
    by = operator(actor)

    async def run(accounts: Operators) -> str:
        ended = await accounts.set_role(name, role_of(role), by=by)
        return f"{name} is {role}; {_sessions(ended)} ended"

    typer.echo(_on_operators(data_dir, run))


@operators.command()
def disable(name: Name, actor: ActorName = None, data_dir: DataDir = DATA_DIR) -> None:
    """Lock an operator out. Sessions end, API tokens are dead. The last owner cannot be disabled."""
    by = operator(actor)

    async def run(accounts: Operators) -> str:
        return f"{name} is disabled; {_sessions(await accounts.disable(name, by=by))} ended"

    typer.echo(_on_operators(data_dir, run))


@operators.command()
def enable(name: Name, actor: ActorName = None, data_dir: DataDir = DATA_DIR) -> None:
    """Let a disabled operator in again; API tokens that are not revoked or too old are good again."""
    by = operator(actor)

    async def run(accounts: Operators) -> str:
        await accounts.enable(name, by=by)
        return f"{name} can log in"

    typer.echo(_on_operators(data_dir, run))


def _sessions(count: int) -> str:
    return f"{count} session{'' if count == 1 else 's'}"


def _on_operators(data_dir: Path, run: Callable[[Operators], Awaitable[Answer]]) -> Answer:
    async def opened() -> Answer:
        async with open_documents(data_dir) as documents:
            database = documents.revisions.database
            throttle = Throttle(database, load_master_key(data_dir, os.environ))
            return await run(Operators(database, Passwords(secrets.token_bytes), throttle, Changes(), time.time))

    try:
        return asyncio.run(opened())
    except MenshenError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
