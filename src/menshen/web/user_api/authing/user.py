"""Authing's user object, as far as there is such a thing here: what is not known is null or false, never made up."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

import msgspec

from menshen.gateway.binding import Bindings
from menshen.gateway.shown_user import ShownUsers
from menshen.sessions.claims import SessionClaims
from menshen.web.user_api.call import Call

__all__ = ["GENDERS", "OK", "AuthingUser", "AuthingUsers", "avatar_url"]

GENDERS: Final = ("U", "M", "F")
"""Authing's letters in the order of our numbers: unknown, male, female."""

OK: Final = "OK"
"""The ``message`` of whatever was not refused."""

_authority = re.compile(r"[A-Za-z0-9.\-]{1,253}(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::[0-9]{1,5})?").fullmatch


class AuthingUser(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The user as Authing's package keeps him. Times are ISO 8601, ``phone`` is masked, ``photo`` is a whole URL.

    ``token`` is the login state. The profile is the user's own word and proves nothing.
    """

    id: str
    user_pool_id: None = None
    status: str = "Activated"
    username: str | None
    email: None = None
    email_verified: bool = False
    phone: str | None
    phone_verified: bool
    openid: str | None
    unionid: str | None
    nickname: str | None
    photo: str | None
    token: str
    token_expired_at: str
    logins_count: int
    last_login: str | None
    last_ip: None = msgspec.field(name="lastIP", default=None)
    signed_up: str
    blocked: bool = False
    is_deleted: bool = False
    gender: str
    locale: str | None
    city: str | None
    province: str | None
    country: str | None
    created_at: str


class AuthingUsers:
    """Reads the user of a session: what ``GET me`` tells him, in Authing's words."""

    def __init__(self, bindings: Bindings, shown: ShownUsers) -> None:
        self._bindings = bindings
        self._shown = shown

    async def of(self, call: Call, claims: SessionClaims, token: str) -> AuthingUser:
        """Raises ``UserBanned``, and ``SessionRevoked`` for a user who is no more."""
        user, bound = await self._bindings.user(claims.sub)
        shown = self._shown.of(user, bound, call.snapshot.listener.client_api)
        return AuthingUser(
            id=user.uid,
            username=shown.account or None,
            phone=shown.phone or None,
            phone_verified=bool(shown.phone),
            openid=claims.openid or None,
            unionid=claims.unionid or None,
            nickname=shown.nickname or None,
            photo=avatar_url(call, user.avatar) if user.avatar else None,
            token=token,
            token_expired_at=_iso(claims.exp),
            logins_count=user.logins,
            last_login=_iso(shown.last_login_at) if shown.last_login_at else None,
            signed_up=_iso(shown.created_at),
            gender=GENDERS[shown.gender],
            locale=shown.language or None,
            city=shown.city or None,
            province=shown.province or None,
            country=shown.country or None,
            created_at=_iso(shown.created_at),
        )

    async def avatar(self, uid: str) -> str:
        """The name of the user's avatar, "" where there is none. Raises as :meth:`of`."""
        user, _ = await self._bindings.user(uid)
        return user.avatar


def avatar_url(call: Call, name: str) -> str:
    """Where this avatar is for the very client that asks: a mini program's image takes no path of another host.

    The host is as the client wrote it and goes back to nobody else; what is none gives the path alone.
    """
    path = f"{call.snapshot.listener.client_api}/avatars/{name}"
    host = call.request.headers.get(b"host", b"").decode("latin-1")
    scheme = "https" if call.request.headers.get(b"x-forwarded-proto") == b"https" else "http"
    return f"{scheme}://{host}{path}" if _authority(host) else path


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
