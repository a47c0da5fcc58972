"""Names of operators: one spelling of each, and none that stands for something else in the audit log."""

from __future__ import annotations

from typing import Final

from menshen.errors import CallMalformed, OperatorInvalid
from menshen.operators.token_file import BY_FILE
from menshen.users.account_names import canonical_name, new_name
from menshen.users.audit import BY_USER

__all__ = ["NOBODY", "new_operator_name", "operator_name"]

NOBODY: Final = "anonymous"
"""The actor of a login that failed."""

_TAKEN: Final = frozenset({BY_FILE.name, NOBODY, BY_USER, "menshen", "file", "demo"})


def operator_name(text: str) -> str:
    """The canonical name, "" where there cannot be an operator of that name."""
    return canonical_name(text) or ""


def new_operator_name(text: str) -> str:
    """The same for an operator that is to be made. Raises ``OperatorInvalid``."""
    try:
        name = new_name(text)
    except CallMalformed as error:
        raise OperatorInvalid(
            str(error), "名称须为 3 到 64 个字符，只含 a-z、0-9 与 ._@+-，并以字母或数字开头"
        ) from None
    if name in _TAKEN:
        raise OperatorInvalid(
            f"{name} stands for something else in the audit log: choose another name",
            f"{name} 在审计日志中另有所指，请换一个名称",
        )
    return name
