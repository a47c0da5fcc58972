"""A plugin of a type that the installation brings: its parameters are checked by the type's own model."""

from __future__ import annotations

from typing import Any

from menshen.config.part import Part
from menshen.config.values import Description, Name, TypeName

__all__ = ["Custom"]


class Custom(Part):
    """``type`` is the name of an entry point in the group ``menshen.plugins``; ``parameters`` may be empty."""

    name: Name
    type: TypeName
    description: Description = ""
    parameters: dict[str, Any]
