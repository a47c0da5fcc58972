"""The commands, gathered. A command's module is imported when the command runs: ``--help`` and ``check`` stay quick."""

from __future__ import annotations

import importlib
from typing import Any

import typer
from typer.core import TyperGroup

__all__ = ["app"]

_COMMANDS = {
    "demo": "menshen.cli.demo:demo",
    "serve": "menshen.cli.serve:serve",
    "check": "menshen.cli.check:check",
    "route": "menshen.cli.route:route",
    "apply": "menshen.cli.revisions:apply",
    "export": "menshen.cli.revisions:export",
    "revisions": "menshen.cli.revisions:revisions",
    "rollback": "menshen.cli.revisions:rollback",
    "envoy-config": "menshen.cli.envoy_config:envoy_config",
    "integrate": "menshen.cli.integrate:integrate",
    "sessions": "menshen.cli.sessions:sessions",
    "keys": "menshen.cli.keys:keys",
    "users": "menshen.cli.users:users",
    "operators": "menshen.cli.operators:operators",
    "webhooks": "menshen.cli.webhooks:webhooks",
    "plugins": "menshen.cli.plugins:plugins",
    "trace": "menshen.cli.trace:trace",
    "doctor": "menshen.cli.doctor:doctor",
    "emulator": "menshen.cli.emulator:emulator",
}


class _Lazy(TyperGroup):
    """Commands by name; the module of one is imported when it is asked for."""

    def list_commands(self, _ctx: Any) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        found = getattr(importlib.import_module(module), name)
        command: Any
        if isinstance(found, typer.Typer):
            command = typer.main.get_group(found)
        else:
            single = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
            single.command(cmd_name)(found)
            command = typer.main.get_command(single)
        command.name = cmd_name
        return command


app = typer.Typer(
    cls=_Lazy,
    name="menshen",
    help="Menshen (门神): a login gateway for mini programs.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)


@app.callback()
def _root() -> None:
    """Menshen (门神): a login gateway for mini programs."""
