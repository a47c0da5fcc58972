"""``menshen users ban``, ``unban``, ``close`` and ``merge``: true everywhere within a second where a node runs."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from menshen.cli.listing import moment
from menshen.cli.on_users import ActorName, Pool, Uid, on_users
from menshen.cli.options import DATA_DIR, DataDir
from menshen.storage.merging import Moved

__all__ = ["ban", "close", "merge", "unban"]

_DAY = 86_400

Reason = Annotated[
    str, typer.Option(help="Why, for colleagues and webhooks: one line, nothing personal.", show_default=False)
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def ban(
    uid: Uid,
    reason: Reason = "",
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="ISO 8601 or Unix seconds.", show_default=False)
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, max=36_500, help="For so long.", show_default=False)] = None,
    actor: ActorName = None,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Let a user in no more, for ever, or until a time; end the sessions."""
    if until is not None and days is not None:
        raise typer.BadParameter("give --until or --days")
    end = moment(until, "--until") if until is not None else int(time.time()) + days * _DAY if days else 0

    async def run(pool: Pool) -> int:
        return await pool.life.ban(uid, pool.doer, reason=reason, until=end)

    typer.echo(f"{uid} is banned; {_sessions(on_users(data_dir, run, actor))} ended")


def unban(uid: Uid, actor: ActorName = None, data_dir: DataDir = DATA_DIR) -> None:
    """Let a banned user in again."""

    async def run(pool: Pool) -> None:
        await pool.life.unban(uid, pool.doer)

    on_users(data_dir, run, actor)
    typer.echo(f"{uid} is active")


def close(
    uid: Uid, reason: Reason = "", yes: Yes = False, actor: ActorName = None, data_dir: DataDir = DATA_DIR
) -> None:
    """Erase a user: identities, account, phone, profile, sessions, and what the login log says of the person."""
    if not yes:
        typer.confirm(f"Erase user {uid}? Nothing brings the user back.", abort=True, err=True)

    async def run(pool: Pool) -> int:
        return await pool.life.close(uid, pool.doer, reason=reason)

    typer.echo(f"{uid} is closed; {_sessions(on_users(data_dir, run, actor))} ended")


def merge(
    gone: Annotated[str, typer.Argument(metavar="FROM", help="The user that goes.", show_default=False)],
    into: Annotated[str, typer.Argument(metavar="INTO", help="The user that stays.", show_default=False)],
    yes: Yes = False,
    actor: ActorName = None,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Make one user of two: identities, account, phone and sessions of FROM go to INTO, FROM is closed."""
    if not yes:
        typer.confirm(f"Merge user {gone} into {into}? Nothing parts them again.", abort=True, err=True)

    async def run(pool: Pool) -> Moved:
        return await pool.life.merge(gone, into, pool.doer)

    moved = on_users(data_dir, run, actor)
    typer.echo(
        f"{gone} is merged into {into}: identities {moved.identities}, accounts {moved.accounts}, "
        f"phones {moved.phones}, {_sessions(moved.sessions)} moved, {_sessions(moved.ended)} ended"
    )


def _sessions(count: int) -> str:
    return f"{count} session{'' if count == 1 else 's'}"
