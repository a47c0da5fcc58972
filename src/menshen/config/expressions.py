"""Regular expressions as Envoy runs them: RE2, which takes linear time whatever a client sends (attack class 19).

Envoy reads an expression and a value as bytes, one a letter. A letter that is no ASCII is several of them: it stands
for itself where it stands alone, and would mean something else with ``*`` behind it or between brackets.
"""

from __future__ import annotations

import re
from typing import Any, Final

import re2

__all__ = ["MAX_EXPRESSION", "fits_whole", "is_expression", "splits_letters"]

MAX_EXPRESSION: Final = 512
"""Characters."""

_MEMORY: Final = 1 << 20

_SPLIT: Final = re.compile(
    r"[^\x00-\x7f][*+?{]"  # repeats the last byte of a letter
    r"|(?<!\\)(?:\\\\)*\[[^\]]*[^\x00-\x7f]"  # one of its bytes
    r"|(?<!\\)(?:\\\\)*\\[pP]"  # a class of letters, of which bytes have none
)


def is_expression(text: str) -> bool:
    return 0 < len(text) <= MAX_EXPRESSION and text.isprintable() and _compiled(text) is not None


def splits_letters(expression: str) -> bool:
    """Whether it has letters outside ASCII where bytes would be taken for them."""
    return _SPLIT.search(expression) is not None


def fits_whole(expression: str, value: str) -> bool:
    """Whether a sound expression fits the whole of ``value``."""
    return _compiled(expression).fullmatch(value.encode("utf-8", "surrogatepass")) is not None


def _compiled(expression: str) -> Any:
    """None where it is none."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        return re2.compile(expression.encode(), options)
    except re2.error:
        return None
