"""Logs: one JSON object a line on stderr, warnings and above unless the environment says otherwise.

The event's name is the message, its facts are ``extra``: ``{"time": …, "level": "WARNING", "logger": "menshen.node",
"event": "worker_died", "worker": 0, …}``.
"""

from __future__ import annotations

import logging
import os
import sys

from pythonjsonlogger.msgspec import MsgspecFormatter

__all__ = ["LEVEL_VARIABLE", "configure_logs"]

LEVEL_VARIABLE = "MENSHEN_LOG_LEVEL"


def configure_logs() -> None:
    """Set logging up for a process. A ``Secret`` among the facts prints as ``***``."""
    formatter = MsgspecFormatter(
        "{levelname}{name}{message}",
        style="{",
        rename_fields={"levelname": "level", "name": "logger", "message": "event"},
        timestamp="time",
        json_default=str,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    level = logging.getLevelNamesMapping().get(os.environ.get(LEVEL_VARIABLE, "WARNING").upper(), logging.WARNING)
    root = logging.getLogger("menshen")
    root.handlers = [handler]
    root.propagate = False
    root.setLevel(level)
