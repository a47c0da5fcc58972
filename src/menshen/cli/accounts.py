"""``menshen users add``, ``password``, ``unlock``: Menshen's own accounts, for operators."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from menshen.cli.on_users import ActorName, operator
from menshen.cli.options import DATA_DIR, DataDir
from menshen.cli.passwords import asked_password
from menshen.config.user_rules import AccountRules
from menshen.documents.documents import Documents
from menshen.errors import ConfigInvalid, MenshenError, UserInvalid
from menshen.node.data_directory import open_documents
from menshen.storage.digests import KeyedDigest
from menshen.storage.sealing import load_master_key
from menshen.users.accounts import OwnAccounts
from menshen.users.lockouts import Lockouts
from menshen.users.passwords import Passwords

__all__ = ["accounts_commands"]

Answer = TypeVar("Answer")
Name = Annotated[str, typer.Argument(metavar="USERNAME", help="The account's name.", show_default=False)]


def accounts_commands(users: typer.Typer) -> None:
    """Add the commands to ``menshen users``."""
    users.command()(add)
    users.command()(password)
    users.command()(unlock)


@dataclass(frozen=True, slots=True)
class _Accounts:
    """What the commands work on. ``rules`` are those of the active revision."""

    own: OwnAccounts
    lockouts: Lockouts
    rules: AccountRules


def add(username: Name, actor: ActorName = None, data_dir: DataDir = DATA_DIR) -> None:
    """Make an account. Whoever logs in with it first, beside a code, is its user from then on."""
    by, secret = operator(actor), asked_password()

    async def run(accounts: _Accounts) -> str:
        if accounts.rules.verifier is not None:
            raise UserInvalid("accounts are those of users.accounts.verifier: nobody could log in with this one")
        return (await accounts.own.add(accounts.rules, username, secret, by=by)).name

    typer.echo(f"{_on_accounts(data_dir, run)} can log in")


def password(username: Name, actor: ActorName = None, data_dir: DataDir = DATA_DIR) -> None:
    """Set an account's password. Sessions of its user end; wrong passwords are forgotten."""
    by, secret = operator(actor), asked_password()

    async def run(accounts: _Accounts) -> str:
        account = await accounts.own.find(username)
        ended = await accounts.own.set_password(accounts.rules, account, secret, by=by)
        await accounts.lockouts.unlock("own", account.name)
        return f"{account.name} has a new password; {ended} session{'' if ended == 1 else 's'} ended"

    typer.echo(_on_accounts(data_dir, run))


def unlock(username: Name, data_dir: DataDir = DATA_DIR) -> None:
    """Forget the wrong passwords of a name, of Menshen's own accounts and of the verifier's."""

    async def run(accounts: _Accounts) -> None:
        await accounts.lockouts.unlock("own", username)
        await accounts.lockouts.unlock("verifier", username)

    _on_accounts(data_dir, run)
    typer.echo(f"{username} is not locked")


def _on_accounts(data_dir: Path, run: Callable[[_Accounts], Awaitable[Answer]]) -> Answer:
    async def opened() -> Answer:
        async with open_documents(data_dir) as documents:
            database = documents.revisions.database
            own = OwnAccounts(database, Passwords(), time.time)
            digests = KeyedDigest(load_master_key(data_dir, os.environ), "account-failures")
            return await run(_Accounts(own, Lockouts(database, digests), await _rules(documents)))

    try:
        return asyncio.run(opened())
    except MenshenError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


async def _rules(documents: Documents) -> AccountRules:
    """Those of the active revision; the usual ones where there is none, or its secrets are not at hand here."""
    active = await documents.revisions.active()
    if active is None:
        return AccountRules()
    try:
        return documents.load(active).snapshot.users.accounts
    except ConfigInvalid:
        typer.echo("the active revision does not hold here: the usual rules for passwords apply", err=True)
        return AccountRules()
