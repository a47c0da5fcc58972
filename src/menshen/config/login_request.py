"""Under which names, and where, a login request carries what it brings."""

from __future__ import annotations

from pydantic import Field

from menshen.config.login_rules import CodePosition
from menshen.config.part import Part
from menshen.config.values import ParameterName

__all__ = ["Account", "Code", "OpenData"]


class Code(Part):
    """Where a login request carries the platform's code."""

    position: CodePosition = Field(default="header", alias="in")
    name: ParameterName = "js_code"


class Account(Part):
    """Username and password beside the code: the business account that the platform's identity is bound to."""

    username: ParameterName = "username"
    password: ParameterName = "password"  # noqa: S105  (a field's name)


class OpenData(Part):
    """Names of the platform's open data beside the code: encrypted with its iv, plain with its signature, or both."""

    encrypted_data: ParameterName | None = None
    iv: ParameterName | None = None
    raw_data: ParameterName | None = None
    signature: ParameterName | None = None

    def named(self) -> dict[str, str]:
        """Those that have a name: key -> name."""
        return self.model_dump(exclude_none=True)
