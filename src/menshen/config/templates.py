"""Templates of JSON answers: which ``$name`` stands for something in which, and where one is used."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Final

from pydantic import AfterValidator

from menshen.config.wording import Loc, refuse
from menshen.errors import REFUSALS

__all__ = ["OF_USER", "REFUSAL_PLACEHOLDERS", "REPLY_PLACEHOLDERS", "RefusalKey", "placeholders", "tells_user"]

OF_USER: Final = frozenset(
    {
        "nickname",
        "gender",
        "language",
        "city",
        "province",
        "country",
        "avatar",
        "account",
        "phone",
        "created_at",
        "last_login_at",
    }
)
"""What a reply may say of the user, as ``GET me`` does. Whoever uses one of them has the user read at each login."""

REPLY_PLACEHOLDERS: Final = OF_USER | {
    "session",
    "expires_in",
    "uid",
    "openid",
    "unionid",
    "app",
    "appid",
    "platform",
    "session_id",
    "new_user",
    "refresh_token",
    "refresh_expires_in",
}
"""What ``$name`` in a reply may stand for. ``session_key`` is not among them and never will be."""

REFUSAL_PLACEHOLDERS: Final = frozenset({"code", "reason", "message", "action", "request_id"})
"""What it may stand for in the template of a refusal: the values of our own body."""

_ACTIONS: Final = ("login", "retry", "none", "any")


def _refusal_key(key: str) -> str:
    if key not in _ACTIONS and key not in REFUSALS:
        raise refuse(
            "must be login, retry, none, any, or the reason of a refusal, such as session_expired",
            "必须是 login、retry、none、any，或某个拒绝原因，例如 session_expired",
        )
    return key


RefusalKey = Annotated[str, AfterValidator(_refusal_key)]
"""Which refusals a template is for: those of a reason, those with an action, or any that no other is for."""

_PLACEHOLDER: Final = re.compile(r"\$(?:\$|([A-Za-z_][A-Za-z0-9_]*))")


def placeholders(template: Any, at: Loc = ()) -> Iterator[tuple[Loc, str]]:
    """Every placeholder in a template, with its place below ``at``."""
    if isinstance(template, str):
        yield from ((at, match[1]) for match in _PLACEHOLDER.finditer(template) if match[1])
    elif isinstance(template, dict):
        for key, item in template.items():
            yield from placeholders(item, (*at, key))
    elif isinstance(template, list):
        for index, item in enumerate(template):
            yield from placeholders(item, (*at, index))


def tells_user(reply: dict[str, Any] | None) -> bool:
    """Whether a reply says something of the user that is not in his login state."""
    return any(name in OF_USER for _, name in placeholders(reply))
