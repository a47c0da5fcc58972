"""Codes and login states as the page shows them: their beginning, and how long they are.

They are those of an emulated phone, yet a screenshot of the page is soon made, and what is seen there teaches how such
values are to be treated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

__all__ = ["shortener"]

_SHOWN: Final = 8
_SHORTEST: Final = 12
"""Anything shorter is no credential of ours."""

_LONG: Final = re.compile(r"[A-Za-z0-9_.~+/=-]{90,}")
"""Whatever else is that long without a space is a token too, an assertion say."""


def shortener(texts: Iterable[str], values: Iterable[str], names: Iterable[str]) -> Callable[[str], str]:
    """What cuts ``values``, whatever stands behind one of ``names`` in ``texts``, and every long token.

    ``name=value`` of a header, a query or a cookie and ``"name": "value"`` of JSON are found, in any case.
    """
    secret = {value for value in values if len(value) >= _SHORTEST}
    for name in filter(None, names):
        behind = re.compile(rf"(?<![\w-]){re.escape(name)}\"?\s*[=:]\s*\"?([^\"&;,\s]+)", re.IGNORECASE)
        for text in texts:
            secret.update(value for value in behind.findall(text) if len(value) >= _SHORTEST)
    ordered = sorted(secret, key=len, reverse=True)

    def cut(text: str) -> str:
        for value in ordered:
            text = text.replace(value, _begin(value))
        return _LONG.sub(lambda found: _begin(found[0]), text)

    return cut


def _begin(value: str) -> str:
    return f"{value[:_SHOWN]}… ({len(value)})"
