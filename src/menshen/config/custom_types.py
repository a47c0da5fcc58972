"""What the configuration must know of a plugin type that the installation brings.

The types themselves are loaded by ``menshen.gateway.plugins``; here is only what a document and a snapshot need.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from menshen.errors import Problem

__all__ = ["NO_CUSTOM_TYPES", "CustomType", "CustomTypes"]


@dataclass(frozen=True, slots=True)
class CustomType:
    """``headers`` are those that its plugins may set, ``reads`` those that they are shown, all lower-case.

    ``problems`` checks parameters; the paths of its problems are below ``parameters``. ``broken`` says why the type
    cannot be used at all, or is "".
    """

    headers: tuple[str, ...]
    reads: tuple[str, ...]
    problems: Callable[[Mapping[str, Any]], Iterable[Problem]]
    broken: str = ""


CustomTypes = Mapping[str, CustomType]
"""By the name of the entry point."""

NO_CUSTOM_TYPES: Final[CustomTypes] = MappingProxyType({})
