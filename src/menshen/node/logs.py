"""Logs: one JSON object a line on stderr, warnings and above unless the environment says otherwise."""

from __future__ import annotations

import logging
import os
import sys

import structlog

from menshen.secret import Secret

__all__ = ["LEVEL_VARIABLE", "configure_logs"]

LEVEL_VARIABLE = "MENSHEN_LOG_LEVEL"


def configure_logs() -> None:
    """Set structlog up for a process. A ``Secret`` among the values prints as ``***``."""
    level = logging.getLevelNamesMapping().get(os.environ.get(LEVEL_VARIABLE, "WARNING").upper(), logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(default=_text),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def _text(value: object) -> str:
    return Secret.MASK if isinstance(value, Secret) else str(value)
