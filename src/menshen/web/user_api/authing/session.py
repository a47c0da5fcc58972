"""``api/v2``: Authing's logout, and the upload of an avatar."""

from __future__ import annotations

from typing import Literal

import msgspec

from menshen.errors import (
    AvatarInvalid,
    AvatarTooLarge,
    SessionInvalid,
    SessionMissing,
    SessionRevoked,
    UserBanned,
)
from menshen.gateway.answer import Answer, answer_json
from menshen.gateway.bearers import Bearers
from menshen.gateway.own_sessions import OwnSessions
from menshen.gateway.uploads import read_upload
from menshen.users.avatars import Avatars
from menshen.web.user_api.authing.user import OK, AuthingUsers, avatar_url
from menshen.web.user_api.authing.wire import AUTHING, bearer_state
from menshen.web.user_api.call import Call, Upload
from menshen.web.user_api.endpoint import Endpoint

__all__ = ["session_endpoints"]


class LogoutAnswer(msgspec.Struct, frozen=True):
    """Authing's envelope around nothing."""

    data: None = None
    code: Literal[200] = 200
    message: str = OK


class Uploaded(msgspec.Struct, frozen=True):
    """Where the image is."""

    url: str


class UploadAnswer(msgspec.Struct, frozen=True):
    """Authing's envelope around the image's address."""

    data: Uploaded
    code: Literal[200] = 200
    message: str = OK


def session_endpoints(
    own: OwnSessions, bearers: Bearers, users: AuthingUsers, avatars: Avatars
) -> tuple[Endpoint, ...]:
    async def logout(call: Call, _: None) -> Answer:
        """Logging out never fails for want of a good token: the package forgets its own only after a success."""
        try:
            bearer = await bearers.genuine(call.request, call.plugins, call.states, 0.0, bearer_state)
        except (SessionMissing, SessionInvalid, SessionRevoked):
            return answer_json(LogoutAnswer(), [])
        await own.end(bearer.claims)
        return answer_json(LogoutAnswer(), [])

    async def upload(call: Call, body: Upload) -> Answer:
        uid, most = call.bearer.claims.sub, call.snapshot.users.avatar_kib * 1024
        await users.avatar(uid)  # before a byte of it is read
        media = call.request.headers.get(b"content-type", b"").decode("latin-1")
        name = await avatars.set(uid, await read_upload(media, body, most), most)
        return answer_json(UploadAnswer(Uploaded(avatar_url(call, name))), [])

    return (
        Endpoint(
            "GET",
            "authing/api/v2/logout",
            "Authing's `logout`: end this session",
            logout,
            "any state",
            None,
            LogoutAnswer,
            (),
            AUTHING,
        ),
        Endpoint(
            "POST",
            "authing/api/v2/upload",
            "Set the avatar, as `POST me/avatar`; the address of the image",
            upload,
            "state",
            "upload",
            UploadAnswer,
            (AvatarTooLarge, AvatarInvalid, UserBanned),
            AUTHING,
        ),
    )
