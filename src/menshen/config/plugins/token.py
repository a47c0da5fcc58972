"""Where a token of another issuer travels."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from menshen.config.part import Part
from menshen.config.route_rules import TokenAt
from menshen.config.values import ParameterName

__all__ = ["Token"]

TokenPosition = Literal["header", "query"]


class Token(Part):
    """``prefix`` stands before the token in a header; ``"Bearer "`` for Authorization unless it is given."""

    position: TokenPosition = Field(default="header", alias="in")
    name: ParameterName = "Authorization"
    prefix: Annotated[str, Field(max_length=16, pattern=r"^[!-+\--~]*[ ]?$")] | None = None

    def rules(self) -> TokenAt:
        header = self.position == "header"
        usual = "Bearer " if header and self.name.lower() == "authorization" else ""
        prefix = usual if self.prefix is None else self.prefix
        return TokenAt(self.position, self.name.lower() if header else self.name, prefix if header else "")
