"""What a user is told of himself: by ``GET me``, and in the reply to a login where a plugin's template asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from menshen.storage.bindings import Bound
from menshen.storage.user_rows import UserRow
from menshen.users.phones import PhoneNumbers

__all__ = ["LooksUp", "ShownUser", "ShownUsers"]


@dataclass(frozen=True, slots=True)
class ShownUser:
    """``avatar`` is a path at the gateway, ``phone`` is masked; "" is nothing. Times in Unix seconds.

    ``gender`` is 0 unknown, 1 male, 2 female. The profile is the user's own word and proves nothing.
    """

    nickname: str
    gender: int
    language: str
    city: str
    province: str
    country: str
    avatar: str
    account: str
    phone: str
    created_at: int
    last_login_at: int


class LooksUp(Protocol):
    """See :class:`menshen.gateway.binding.Bindings`."""

    async def user(self, uid: str) -> tuple[UserRow, Bound]: ...


class ShownUsers:
    def __init__(self, bindings: LooksUp, phones: PhoneNumbers) -> None:
        self._bindings = bindings
        self._phones = phones

    async def find(self, uid: str, client_api: str) -> ShownUser:
        """``client_api`` is the path at which avatars are served. Raises as ``Bindings.user`` does."""
        user, bound = await self._bindings.user(uid)
        return self.of(user, bound, client_api)

    def of(self, user: UserRow, bound: Bound, client_api: str) -> ShownUser:
        """The same of a user who has been read."""
        said, phone = user.profile, bound.phone
        return ShownUser(
            nickname=user.nickname,
            gender=int(said.get("gender") or 0),
            language=said.get("language", ""),
            city=said.get("city", ""),
            province=said.get("province", ""),
            country=said.get("country", ""),
            avatar=f"{client_api}/avatars/{user.avatar}" if user.avatar else "",
            account=bound.account.shown if bound.account else "",
            phone=self._phones.reveal(phone.sealed_number, phone.digest).masked if phone else "",
            created_at=user.created_at,
            last_login_at=user.last_login_at,
        )
