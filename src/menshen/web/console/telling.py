"""What somebody is told, in the visit's language, of why something was not done."""

from __future__ import annotations

from menshen.errors import OperatorRefused, Refusal
from menshen.web.console.language import CHINESE
from menshen.web.console.view import Visit

__all__ = ["told"]


def told(visit: Visit, error: OperatorRefused | Refusal) -> str:
    """A sentence."""
    if visit.locale == CHINESE:
        return error.message_zh
    return error.message if isinstance(error, Refusal) else str(error)
