"""``menshen users log`` and ``audit``: who tried to log in, and who did what to whom."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated

import typer

from menshen.cli.listing import moment, row, shown_time
from menshen.cli.on_users import Pool, on_users
from menshen.cli.options import DATA_DIR, DataDir
from menshen.storage.audit import Audited
from menshen.storage.login_log import LoggedLogin, LoginFilter

__all__ = ["audit", "log"]

OfUser = Annotated[str, typer.Option("--user", metavar="UID", help="Of this user.", show_default=False)]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, the newest.")]


def log(
    user: OfUser = "",
    app: Annotated[str, typer.Option(help="At this app, by its name.", show_default=False)] = "",
    ip: Annotated[str, typer.Option(help="From this address.", show_default=False)] = "",
    outcome: Annotated[str, typer.Option(help='"ok", "failed", or the reason of a refusal.', show_default=False)] = "",
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="ISO 8601 or Unix seconds.", show_default=False)
    ] = None,
    limit: Limit = 50,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """The logins that were tried, newest first."""
    begin = moment(since, "--since") if since is not None else 0
    which = LoginFilter(uid=user, app=app, ip=ip, outcome=outcome, since=begin, limit=limit)

    async def run(pool: Pool) -> Sequence[LoggedLogin]:
        return await pool.directory.logins(which)

    found = on_users(data_dir, run)
    for each in found:
        login = each.login
        words = [shown_time(login.at), login.outcome, login.how, login.uid, login.app, login.ip, login.request_id]
        typer.echo(row(*words, "new" if login.new_user else "", login.detail, login.user_agent))
    if not found:
        typer.echo("no login", err=True)


def audit(
    user: OfUser = "",
    action: Annotated[str, typer.Option(help="Such as user.ban.", show_default=False)] = "",
    limit: Limit = 50,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """What was done to users, newest first."""

    async def run(pool: Pool) -> Sequence[Audited]:
        return await pool.directory.audit(uid=user, action=action, limit=limit)

    found = on_users(data_dir, run)
    for each in found:
        done = each.row
        detail = json.dumps(done.detail, ensure_ascii=False)
        typer.echo(row(shown_time(done.at), done.actor, done.action, done.uid, detail))
    if not found:
        typer.echo("nothing", err=True)
