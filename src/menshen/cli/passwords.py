"""How commands are told a password: never as an argument, for those are there for every user of the machine to read."""

from __future__ import annotations

import sys

import typer

from menshen.secret import Secret

__all__ = ["asked_password"]


def asked_password() -> Secret:
    """Asked for twice at the terminal; else the first line of standard input."""
    if sys.stdin.isatty():
        return Secret(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    return Secret(sys.stdin.readline().removesuffix("\n").removesuffix("\r"))
