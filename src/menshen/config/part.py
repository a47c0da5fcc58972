"""What every mapping of the document is made of."""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Strict

__all__ = ["Items", "Part"]

Item = TypeVar("Item")
Items = Annotated[tuple[Item, ...], Strict(False)]
"""A list in YAML, a tuple here. Its items stay strict."""


class Part(BaseModel):
    """A mapping whose every key is known."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)
