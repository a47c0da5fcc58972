"""API tokens: what programs show to the admin API.

A token has an owner and never more scopes than the owner's role has at the moment: a demoted operator's tokens shrink,
a disabled one's are dead. It is shown once, expires, and can be revoked at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from menshen.errors import OperatorConflict, OperatorInvalid, OperatorUnknown
from menshen.operators.bearing import TOKEN_PREFIX, digest_of, made
from menshen.operators.changes import Changes
from menshen.operators.names import operator_name
from menshen.operators.roles import SCOPES_OF, Principal, Role, Scope
from menshen.secret import Secret
from menshen.sessions.claims import new_id
from menshen.storage.api_tokens import (
    ApiTokenRow,
    add_api_token,
    find_api_token,
    list_api_tokens,
    revoke_api_token,
    touch_api_token,
)
from menshen.storage.audit import write_audit
from menshen.storage.database import Database
from menshen.storage.operators import find_operator
from menshen.users.audit import AuditAction, audited

__all__ = ["MOST_DAYS", "ApiTokens"]

MOST_DAYS: Final = 366

_LONGEST_NAME = 40
_DAY = 86_400
_TOUCH_SECONDS = 60
"""Use is written down no more often: a monitor that polls must not write each time."""


class ApiTokens:
    """``clock`` gives Unix seconds; ``random`` is OS randomness."""

    def __init__(
        self, database: Database, changes: Changes, clock: Callable[[], float], random: Callable[[int], bytes]
    ) -> None:
        self._database = database
        self._changes = changes
        self._clock = clock
        self._random = random

    async def make(
        self, by: Principal, name: str, scopes: Iterable[str], expires_in_days: int, owner: str = ""
    ) -> tuple[Secret, ApiTokenRow]:
        """A new token, which nobody can read again, for the operator who asks.

        The node's own token has no operator behind it, and says whose the new one is to be: ``owner``. Raises
        ``OperatorInvalid``, ``OperatorUnknown``, ``OperatorConflict`` (the owner has a live token of that name).
        """
        name, wanted = _named(name), _scopes(scopes)
        if not 1 <= expires_in_days <= MOST_DAYS:
            raise OperatorInvalid(f"a token lasts 1 to {MOST_DAYS} days", f"令牌有效期须为 1 到 {MOST_DAYS} 天")
        owner = self._owner(by, owner)
        if not wanted <= by.scopes:
            raise OperatorInvalid("a token has no scope that you do not have", "令牌的权限不能超出你自己的权限")
        now = int(self._clock())
        token = made(self._random, TOKEN_PREFIX)
        row = ApiTokenRow(new_id(self._random), name, owner, tuple(sorted(wanted)), now, now + expires_in_days * _DAY)
        async with self._database.writing() as connection:
            operator = await find_operator(connection, owner)
            if operator is None or operator.disabled:
                raise OperatorUnknown("there is no such operator", "没有该操作员")
            if not wanted <= SCOPES_OF[Role(operator.role)]:
                raise OperatorInvalid("the owner's role does not have these scopes", "所属操作员的角色没有这些权限")
            live = [each for each in await list_api_tokens(connection, owner) if not each.revoked_at]
            if any(each.name == name and each.expires_at > now for each in live):
                raise OperatorConflict("a token of that name is there already", "已有同名令牌")
            await add_api_token(connection, digest_of(token.reveal()), row)
            detail = {"token": row.id, "name": name, "operator": owner, "scopes": list(row.scopes)}
            done = audited(AuditAction.TOKEN_ADD, "", by.name, now, **detail, expires_at=row.expires_at)
            await write_audit(connection, [done])
        return token, row

    async def of(self, owner: str = "") -> Sequence[ApiTokenRow]:
        """An operator's tokens, or everybody's with "", those that are good no more too; the newest first."""
        if owner and not operator_name(owner):
            return []
        async with self._database.reading() as connection:
            return await list_api_tokens(connection, operator_name(owner))

    async def revoke(self, token: str, by: Principal) -> ApiTokenRow:
        """By its id: one's own, or anybody's with the scope for operators. Raises ``OperatorUnknown``."""
        now = int(self._clock())
        whose = "" if by.may(Scope.OPERATORS_WRITE) else by.operator
        if not whose and not by.may(Scope.OPERATORS_WRITE):
            raise OperatorUnknown("there is no such token", "没有该令牌")
        async with self._database.writing() as connection:
            row = await revoke_api_token(connection, token, whose, now)
            if row is None:
                raise OperatorUnknown("there is no such token", "没有该令牌")
            detail = {"token": row.id, "name": row.name, "operator": row.owner}
            await write_audit(connection, [audited(AuditAction.TOKEN_REVOKE, "", by.name, now, **detail)])
        self._changes.made()
        return row

    async def principal(self, text: str) -> Principal | None:
        """Who shows this token; None where it is not one, or good no more."""
        if not text.startswith(TOKEN_PREFIX):
            return None
        now = self._clock()
        digest = digest_of(text)
        async with self._database.reading() as connection:
            found = await find_api_token(connection, digest, now)
        if found is None:
            return None
        if now - found.row.last_used_at >= _TOUCH_SECONDS:
            async with self._database.writing() as connection:
                await touch_api_token(connection, digest, int(now))
        # A scope that a later version has done away with is nobody's.
        given = {scope for scope in Scope if scope in found.row.scopes}
        return Principal(f"{found.row.owner}/{found.row.name}", SCOPES_OF[Role(found.role)] & given, "token")

    def _owner(self, by: Principal, owner: str) -> str:
        if by.via == "file":
            if not owner:
                raise OperatorInvalid("say whose the token is to be: owner", "请用 owner 指明令牌属于谁")
            return operator_name(owner)
        if owner and operator_name(owner) != by.operator:
            raise OperatorInvalid("a token is one's own", "只能为自己创建令牌")
        return by.operator


def _named(name: str) -> str:
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable() or name != name.strip():
        raise OperatorInvalid(
            f"a token's name is one line of 1 to {_LONGEST_NAME} characters",
            f"令牌名称须为一行，1 到 {_LONGEST_NAME} 个字符",
        )
    return name


def _scopes(scopes: Iterable[str]) -> frozenset[Scope]:
    try:
        wanted = frozenset(Scope(each) for each in scopes)
    except ValueError:
        raise OperatorInvalid("there is no such scope", "没有这样的权限") from None
    if not wanted:
        raise OperatorInvalid("a token has a scope at least", "令牌至少须有一项权限")
    return wanted
