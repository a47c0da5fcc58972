"""A string that does not print itself.

AppSecrets, session keys and login states travel through the program as :class:`Secret`, so that a log line, a
traceback with locals or an f-string shows ``***`` and never the value (security rule 8).
"""

from __future__ import annotations

import hmac
from typing import Final

__all__ = ["Secret"]


class Secret:
    """A secret text. ``reveal()`` is the only way to its value; ``==`` takes constant time."""

    __slots__ = ("_value",)

    MASK: Final = "***"

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return self.MASK

    __str__ = __repr__

    def __format__(self, format_spec: str) -> str:
        return self.MASK

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not pickled")
