"""``menshen keys list``, ``rotate``, ``retire``: the keys of a data directory, with or without a node.

They work on the key files. A node that runs there follows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, TypeVar, get_args

import typer

from menshen.cli.options import DATA_DIR, DataDir
from menshen.errors import KeyRingInvalid
from menshen.sessions import rotation
from menshen.sessions.keys import Purpose, SigningAlgorithm
from menshen.sessions.rotation import KeyInfo

__all__ = ["keys"]

Answer = TypeVar("Answer")

_DIRECTORY = "keys"
_PURPOSES: tuple[Purpose, ...] = get_args(Purpose)

keys = typer.Typer(
    help="List, rotate and retire the keys of login states and assertions.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@keys.command("list")
def list_keys(data_dir: DataDir = DATA_DIR) -> None:
    """List the keys: the one that signs first, then those that only verify. No key itself is shown."""
    found = _on_keys(lambda: rotation.listed(data_dir / _DIRECTORY))
    if not found:
        typer.echo("no keys yet: menshen serve makes them", err=True)
        raise typer.Exit(1)
    for line in _table(found):
        typer.echo(line)


@keys.command()
def rotate(
    purposes: Annotated[
        list[str] | None,
        typer.Argument(metavar="PURPOSE", help=f"{', '.join(_PURPOSES)}; all where none is named."),
    ] = None,
    algorithm: Annotated[
        SigningAlgorithm | None,
        typer.Option("--algorithm", help="Of the new signed key; default as the one that signs now."),
    ] = None,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Put a new key first. Older ones verify until they are retired, so nobody is logged out."""
    chosen = _chosen(purposes or _PURPOSES)
    if algorithm is not None and "signed" not in chosen:
        raise typer.BadParameter("only the signed ring has a choice", param_hint="--algorithm")
    directory = data_dir / _DIRECTORY

    def run(purpose: Purpose) -> str:
        if purpose != "signed":
            return rotation.rotate(directory, purpose, time.time())
        return rotation.rotate(directory, purpose, time.time(), algorithm or _in_use(rotation.listed(directory)))

    for purpose in chosen:
        typer.echo(f"{purpose}: {_on_keys(partial(run, purpose))} signs from now on")


@keys.command()
def retire(
    kid: Annotated[str, typer.Argument(metavar="KID", help="A key that only verifies.", show_default=False)],
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Take a key out: what it made is refused from then on. Exit 1 for a key that signs, or that is not there."""
    purpose = _on_keys(lambda: rotation.retire(data_dir / _DIRECTORY, kid))
    typer.echo(f"{purpose}: {kid} is retired")


def _chosen(names: Sequence[str]) -> list[Purpose]:
    unknown = [name for name in names if name not in _PURPOSES]
    if unknown:
        raise typer.BadParameter(f"no ring {unknown[0]!r}: {', '.join(_PURPOSES)}", param_hint="PURPOSE")
    return [purpose for purpose in _PURPOSES if purpose in names]


def _in_use(found: list[KeyInfo]) -> SigningAlgorithm:
    eddsa = any(key.purpose == "signed" and key.signs and key.algorithm == "EdDSA" for key in found)
    return "EdDSA" if eddsa else "ES256"


def _table(found: list[KeyInfo]) -> list[str]:
    rows = [("purpose", "kid", "algorithm", "use", "made at")]
    rows += [
        (key.purpose, key.kid, key.algorithm, "signs" if key.signs else "verifies", _time(key.made_at)) for key in found
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _time(seconds: int) -> str:
    if not seconds:
        return "-"
    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _on_keys(run: Callable[[], Answer]) -> Answer:
    """Run something on the key files; a problem is printed and ends the command with exit 1."""
    try:
        return run()
    except KeyRingInvalid as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
