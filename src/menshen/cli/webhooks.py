"""``menshen webhooks``: what webhooks were told, and whether one can be reached from here."""

from __future__ import annotations

import secrets
import time
from typing import Annotated

import typer

from menshen.cli.listing import row, shown_time
from menshen.cli.on_users import Pool, on_users
from menshen.cli.options import DATA_DIR, DataDir
from menshen.errors import WebhookUnknown
from menshen.node.webhooks import WebhookSender
from menshen.platforms.client import PlatformClient
from menshen.storage.webhook_deliveries import Attempted, Delivery, Status
from menshen.users.deliveries import Deliveries

__all__ = ["webhooks"]

webhooks = typer.Typer(
    help="What webhooks are told.", no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None
)

Name = Annotated[str, typer.Argument(help="The webhook's name.", show_default=False)]

_STATUSES: tuple[Status, ...] = ("waiting", "delivered", "failed")


@webhooks.command()
def deliveries(
    name: Name,
    status: Annotated[str, typer.Option(help="waiting, delivered or failed.", show_default=False)] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, the newest.")] = 50,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """The messages to a webhook, newest first."""
    if status and status not in _STATUSES:
        raise typer.BadParameter("waiting, delivered or failed", param_hint="--status")
    wanted = next((each for each in _STATUSES if each == status), None)

    async def run(pool: Pool) -> list[Delivery]:
        return await Deliveries(pool.database, time.time).list(name, status=wanted, limit=limit)

    found = on_users(data_dir, run)
    for each in found:
        words = [each.delivery, shown_time(each.created_at), each.event, each.status, f"attempts={each.attempts}"]
        again = f"next={shown_time(int(each.next_at))}" if each.next_at is not None else ""
        typer.echo(row(*words, each.response_status or "", each.error, again))
    if not found:
        typer.echo("nothing", err=True)


@webhooks.command("send-again")
def send_again(
    name: Name,
    delivery: Annotated[str, typer.Argument(help="Its id, as the list has it.", show_default=False)],
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Have a running node send a message once more."""

    async def run(pool: Pool) -> None:
        if not await Deliveries(pool.database, time.time).send_again(name, delivery, pool.doer.actor):
            raise WebhookUnknown("no such delivery, or it is still on its way")

    on_users(data_dir, run)
    typer.echo("it will be sent")


@webhooks.command("test")
def send_test(name: Name, data_dir: DataDir = DATA_DIR) -> None:
    """Send a message of type "test" now, from here, once."""

    async def run(pool: Pool) -> Attempted:
        active = await pool.documents.revisions.active()
        rules = () if active is None else pool.documents.load(active).snapshot.webhooks
        async with PlatformClient() as client:
            return await WebhookSender(pool.database, client, lambda: rules, time.time, secrets.token_bytes).test(name)

    outcome = on_users(data_dir, run)
    if outcome.status != "delivered":
        typer.echo(f"not delivered: {outcome.error}", err=True)
        raise typer.Exit(1)
    typer.echo(f"delivered: HTTP {outcome.response_status}")
