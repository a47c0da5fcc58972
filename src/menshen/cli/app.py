"""The commands, gathered."""

import typer

__all__ = ["app"]

app = typer.Typer(name="menshen", no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
