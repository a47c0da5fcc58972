"""The first owner: made with a token that only whoever started the node has seen.

A console without accounts would belong to whoever opens it first. The token is of this process alone and of this start:
its digest is kept in memory, and it is good for nothing once there is an owner.
"""

from __future__ import annotations

from collections.abc import Callable

from menshen.errors import OperatorConflict, OperatorInvalid
from menshen.operators.accounts import Operators
from menshen.operators.bearing import digest_of, made, same
from menshen.secret import Secret
from menshen.storage.operators import OperatorRow

__all__ = ["SetUp"]


class SetUp:
    """``random`` is OS randomness."""

    def __init__(self, operators: Operators, random: Callable[[int], bytes]) -> None:
        self._operators = operators
        self._random = random
        self._digest = ""

    async def begin(self) -> Secret | None:
        """A new token, to be shown once; None where there is an owner. One that was made before is good no more."""
        if await self._operators.has_owner():
            return None
        token = made(self._random)
        self._digest = digest_of(token.reveal())
        return token

    async def open(self) -> bool:
        """Whether there is a first owner to be made."""
        return not await self._operators.has_owner()

    async def first_owner(self, token: str, name: str, password: Secret) -> OperatorRow:
        """Raises ``OperatorInvalid`` (not the token), ``OperatorConflict`` (there is an owner), ``PasswordWeak``.

        The token is looked at first: who does not have it is told nothing and costs no hashing.
        """
        if not self._digest or not same(self._digest, token):
            if not await self.open():
                raise OperatorConflict("set-up is over: log in", "已完成初始化，请登录")
            raise OperatorInvalid("the set-up token is wrong", "初始化令牌不正确")
        owner = await self._operators.add_first_owner(name, password)
        self._digest = ""
        return owner
