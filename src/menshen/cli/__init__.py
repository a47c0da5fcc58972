"""The command line, one file a command group."""

import os

__all__ = ["main"]


def main() -> None:
    """Entry point of ``menshen``. What it writes is for its user alone: databases, keys, sockets."""
    os.umask(0o077)
    from menshen.cli.app import app

    app()
