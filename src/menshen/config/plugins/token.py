"""Where a token of another issuer travels."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from menshen.config.part import Part
from menshen.config.route_rules import TokenAt
from menshen.config.values import ParameterName
from menshen.config.wording import refuse

__all__ = ["Token", "TokenPrefix"]

TokenPosition = Literal["header", "query"]

_PREFIX: Final = re.compile(r"[!-+\--~]{0,15} ?")


def _prefix(value: str) -> str:
    """Without a comma, which is what stands between the copies of a header."""
    if not _PREFIX.fullmatch(value):
        raise refuse(
            "must be at most 15 visible ASCII characters without a comma, and a space at most at the end",
            "最多 15 个可见 ASCII 字符（不含逗号），末尾可有一个空格",
        )
    return value


TokenPrefix = Annotated[str, AfterValidator(_prefix)]


class Token(Part):
    """``prefix`` stands before the token in a header; ``"Bearer "`` for Authorization unless it is given."""

    position: TokenPosition = Field(default="header", alias="in")
    name: ParameterName = "Authorization"
    prefix: TokenPrefix | None = None

    def rules(self) -> TokenAt:
        header = self.position == "header"
        usual = "Bearer " if header and self.name.lower() == "authorization" else ""
        prefix = usual if self.prefix is None else self.prefix
        return TokenAt(self.position, self.name.lower() if header else self.name, prefix if header else "")
