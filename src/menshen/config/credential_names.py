"""Under which names a client can send a credential, wherever it stands."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from menshen.config.reserved import HeaderUse, is_reserved, is_secret_name, reserved_problem
from menshen.errors import Problem

__all__ = ["credential_name_problems"]

_NAME_IN_QUERY_OR_BODY = re.compile(r"[A-Za-z0-9._~-]+")


def credential_name_problems(path: str, name: str, positions: Collection[str], use: HeaderUse) -> Iterator[Problem]:
    """The problems of one name; ``positions`` are those at which it travels, ``path`` is the key that says it."""
    if is_secret_name(name):
        yield Problem(
            path,
            "a client that sends this name is refused: it is an AppSecret's",
            "此名称表示 AppSecret，携带它的请求会被拒绝",
        )
    elif "header" in positions and is_reserved(name, use):
        yield reserved_problem(path, name)
    if ("query" in positions or "body" in positions) and not _NAME_IN_QUERY_OR_BODY.fullmatch(name):
        yield Problem(
            path,
            "in a query or a body a name has letters, digits and ._~- only",
            "位于 query 或 body 时，名称只能包含字母、数字和 ._~-",
        )
