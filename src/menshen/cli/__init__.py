"""The command line, one file a command group."""

__all__ = ["main"]


def main() -> None:
    """Entry point of ``menshen``."""
    from menshen.cli.app import app

    app()
