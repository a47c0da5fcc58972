"""``menshen sessions list`` and ``revoke``: who is logged in, and ending it.

They work on the data directory's database. A node that runs there makes it true at every worker and at Envoy within a
second.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from menshen.cli.listing import moment as moment_of
from menshen.cli.listing import row, shown_time
from menshen.cli.options import DATA_DIR, DataDir
from menshen.documents.documents import Documents
from menshen.errors import ConfigInvalid, MenshenError
from menshen.node.data_directory import open_documents
from menshen.sessions.records import Record, SessionRecords

__all__ = ["sessions"]

Answer = TypeVar("Answer")
AppName = Annotated[
    str | None, typer.Option("--app", help="An app's name, or platform/appid where it is gone.", show_default=False)
]

sessions = typer.Typer(
    help="List sessions, end them.", no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None
)


@sessions.command("list")
def list_sessions(
    session: Annotated[
        str | None, typer.Option("--session", metavar="ID", help="This one, over or not.", show_default=False)
    ] = None,
    user: Annotated[str | None, typer.Option("--user", metavar="UID", help="Of this user.", show_default=False)] = None,
    app: AppName = None,
    before: Annotated[
        str | None,
        typer.Option(
            "--before", metavar="TIME", help="Logged in before: ISO 8601 or Unix seconds.", show_default=False
        ),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, the newest.")] = 50,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """List sessions, newest first."""

    moment = moment_of(before, "--before") if before is not None else None

    async def run(records: SessionRecords, documents: Documents) -> list[Record]:
        if session is not None:
            record = await records.get(session)
            return [] if record is None else [record]
        key = await _app_key(records, documents, app) if app is not None else None
        return await records.list(uid=user, app=key, live=not all_, limit=limit, before=moment)

    found = _on_sessions(data_dir, run)
    for record in found:
        typer.echo(_line(record))
    if not found:
        typer.echo("no session", err=True)


@sessions.command()
def revoke(
    session: Annotated[
        str | None, typer.Option("--session", metavar="ID", help="One session.", show_default=False)
    ] = None,
    user: Annotated[
        str | None, typer.Option("--user", metavar="UID", help="Every session of a user.", show_default=False)
    ] = None,
    app: AppName = None,
    before: Annotated[
        str | None,
        typer.Option(
            "--before",
            metavar="TIME",
            help="Every session whose login was before: ISO 8601 or Unix seconds. With --app: of that app.",
            show_default=False,
        ),
    ] = None,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """End sessions, of every kind, everywhere. Give --session, --user, --app, --before, or --app with --before."""
    chosen = [name for name, value in (("session", session), ("user", user), ("app", app)) if value is not None]
    if len(chosen) > 1 or not (chosen or before) or (before and chosen not in ([], ["app"])):
        raise typer.BadParameter("give one of --session, --user, --app, --before; --app and --before may go together")
    moment = moment_of(before, "--before") if before is not None else None
    if moment is not None and moment > time.time() + 1:
        # It would end logins that are still to come, and no later command could take it back.
        raise typer.BadParameter("that moment is still to come", param_hint="--before")

    async def run(records: SessionRecords, documents: Documents) -> str:
        if session is not None:
            return _ended(await records.end([session], "revoked"))
        if user is not None:
            return _ended(await records.end_user(user, "revoked"))
        if app is not None:
            await records.end_app(*await _app_key(records, documents, app), moment)
        else:
            await records.end_before(moment)
        when = "now" if moment is None else shown_time(moment)
        return f"{f'every session of {app}' if app else 'every session'} that began before {when} is over"

    typer.echo(_on_sessions(data_dir, run))


def _ended(count: int) -> str:
    return f"{count} session{'' if count == 1 else 's'} ended"


async def _app_key(records: SessionRecords, documents: Documents, name: str) -> tuple[str, str]:
    active = await documents.revisions.active()
    apps = documents.load(active).snapshot.apps if active is not None else ()
    key = await records.known_app(name, {app.name: (app.platform, app.appid) for app in apps})
    if key is None:
        raise MenshenError(f"no app is named {name}; one that is gone is written platform/appid")
    return key


def _on_sessions(data_dir: Path, run: Callable[[SessionRecords, Documents], Awaitable[Answer]]) -> Answer:
    async def opened() -> Answer:
        async with open_documents(data_dir) as documents:
            return await run(SessionRecords(documents.revisions.database, time.time), documents)

    try:
        return asyncio.run(opened())
    except ConfigInvalid:
        typer.echo("the active revision does not hold here; write the app as platform/appid", err=True)
    except MenshenError as error:
        typer.echo(str(error), err=True)
    raise typer.Exit(1)


def _line(record: Record) -> str:
    state = "live" if record.live(time.time()) else (record.ended_why or "expired")
    return row(
        record.sid,
        record.uid,
        f"{record.platform}/{record.appid}",
        record.kind,
        f"login={shown_time(record.auth)}",
        f"seen={shown_time(record.last_seen_at)}",
        record.ip,
        state,
        record.user_agent,
    )
