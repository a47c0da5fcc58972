"""Who calls: ``request.user`` of a backend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

__all__ = ["ANONYMOUS", "Anonymous", "Caller"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A user whom the gateway has verified.

    ``uid`` is the user's stable id, ``session`` that of this login. ``app`` is the app's name in the gateway's
    document, "" from plain headers, which do not tell it. ``openid`` and ``unionid`` are "" where the platform gave
    none, ``account`` is the business account or "". ``claims`` are the user's custom claims.
    """

    uid: str
    session: str
    platform: str
    appid: str
    openid: str
    app: str = ""
    unionid: str = ""
    account: str = ""
    claims: Mapping[str, str] = field(default_factory=dict, hash=False)

    is_authenticated: ClassVar[bool] = True
    is_anonymous: ClassVar[bool] = False

    @property
    def identity(self) -> str:
        """The ``uid`` under the name that Starlette gives it."""
        return self.uid

    @property
    def display_name(self) -> str:
        """The ``uid``: the gateway tells backends no name of a person."""
        return self.uid


@dataclass(frozen=True, slots=True)
class Anonymous:
    """Nobody has logged in. False in a condition, and without a ``uid``: code that forgets to ask fails."""

    is_authenticated: ClassVar[bool] = False
    is_anonymous: ClassVar[bool] = True

    def __bool__(self) -> bool:
        return False


ANONYMOUS = Anonymous()
