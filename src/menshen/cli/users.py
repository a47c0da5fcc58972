"""``menshen users``: look at the user pool, and say of a user what backends and colleagues should know.

The commands work on the data directory's database, whether or not a node runs there.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

import msgspec
import typer

from menshen.cli.accounts import accounts_commands
from menshen.cli.listing import row, shown_time
from menshen.cli.on_users import ActorName, Pool, Uid, on_users
from menshen.cli.options import DATA_DIR, DataDir
from menshen.cli.user_life import ban, close, merge, unban
from menshen.cli.user_logs import audit, log
from menshen.storage.user_rows import Standing, UserRow
from menshen.users.directory import Found, page_after, page_of

__all__ = ["users"]

users = typer.Typer(help="The user pool.", no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)

_STANDINGS: tuple[Standing, ...] = ("active", "banned", "closed")


@users.command("list")
def list_users(
    openid: Annotated[str, typer.Option(help="With this openid or unionid.", show_default=False)] = "",
    account: Annotated[str, typer.Option(help="With this business account.", show_default=False)] = "",
    phone: Annotated[str, typer.Option(help="With this number, or these last four digits.", show_default=False)] = "",
    status: Annotated[str, typer.Option(help="active, banned or closed.", show_default=False)] = "",
    below: Annotated[str, typer.Option(metavar="PAGE", help="The next page: what the last said.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, the newest.")] = 50,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """List users, newest first."""
    if status and status not in _STANDINGS:
        raise typer.BadParameter("active, banned or closed", param_hint="--status")
    standing = next((each for each in _STANDINGS if each == status), None)

    async def run(pool: Pool) -> list[tuple[UserRow, Standing]]:
        return await pool.directory.search(
            openid=openid,
            account=account,
            phone=phone,
            status=standing,
            below=page_of(below) if below else None,
            limit=limit,
        )

    found = on_users(data_dir, run)
    for user, now in found:
        typer.echo(_line(user, now))
    if not found:
        typer.echo("no user", err=True)
    if len(found) == limit:
        typer.echo(f"more: --below {page_after(found[-1][0])}", err=True)


@users.command()
def show(uid: Uid, data_dir: DataDir = DATA_DIR) -> None:
    """Everything that is known of a user, but no password, no session_key and no whole phone number."""

    async def run(pool: Pool) -> Found:
        return await pool.directory.get(uid)

    found = on_users(data_dir, run)
    user, bound = found.user, found.bound
    typer.echo(_line(user, found.standing))
    if found.standing != "active":
        until = shown_time(user.banned_until) if found.standing == "banned" else ""
        typer.echo(
            row(found.standing, f"since={shown_time(user.status_at)}", f"until={until or '-'}", user.status_reason)
        )
    if user.merged_into:
        typer.echo(row("merged into", user.merged_into))
    for identity in bound.identities:
        last = f"last_login={shown_time(identity.last_login_at)}"
        app = f"{identity.platform}/{identity.appid}"
        typer.echo(row("identity", identity.id, app, identity.openid, last))
    if bound.account is not None:
        typer.echo(row("account", bound.account.source, bound.account.shown))
    if bound.phone is not None:
        typer.echo(row("phone", f"*{bound.phone.tail}", f"bound={shown_time(bound.phone.bound_at)}"))
    for name, value in sorted(user.profile.items()):
        typer.echo(row("profile", f"{name}={value}"))
    for name, value in sorted(user.claims.items()):
        typer.echo(row("claim", f"{name}={value}"))
    for name, value in sorted(user.metadata.items()):
        typer.echo(row("metadata", f"{name}={json.dumps(value, ensure_ascii=False)}"))


@users.command()
def claims(
    uid: Uid,
    changes: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME=VALUE]...", help="Set a claim; NAME= takes it away.", show_default=False),
    ] = None,
    actor: ActorName = None,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Show a user's claims, or change them. States get the change at the next login or refresh."""
    wanted: dict[str, str | None] = {name: value or None for name, value in _pairs(changes)}

    async def run(pool: Pool) -> dict[str, str]:
        if wanted:
            return await pool.life.set_claims(uid, wanted, pool.doer)
        return dict((await pool.directory.get(uid)).user.claims)

    for name, value in sorted(on_users(data_dir, run, actor).items()):
        typer.echo(f"{name}={value}")


@users.command()
def metadata(
    uid: Uid,
    changes: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME=VALUE]...",
            help="Set a key, to JSON or else to a text; NAME= takes it away.",
            show_default=False,
        ),
    ] = None,
    actor: ActorName = None,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Show what is noted of a user, or change it. No backend and no client is told."""
    wanted: dict[str, Any] = {name: _json(value) if value else None for name, value in _pairs(changes)}

    async def run(pool: Pool) -> dict[str, Any]:
        if wanted:
            return await pool.life.set_metadata(uid, wanted, pool.doer)
        return dict((await pool.directory.get(uid)).user.metadata)

    for name, value in sorted(on_users(data_dir, run, actor).items()):
        typer.echo(row(f"{name}={json.dumps(value, ensure_ascii=False)}"))


for command in (ban, unban, close, merge, log, audit):
    users.command()(command)
accounts_commands(users)


def _pairs(changes: list[str] | None) -> list[tuple[str, str]]:
    pairs = []
    for change in changes or ():
        name, equals, value = change.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"{change}: write NAME=VALUE, or NAME= to take it away")
        pairs.append((name, value))
    return pairs


def _json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return text


def _line(user: UserRow, standing: Standing) -> str:
    return row(
        user.uid,
        standing,
        f"made={shown_time(user.created_at)}",
        f"last_login={shown_time(user.last_login_at)}",
        f"logins={user.logins}",
        user.nickname,
    )
