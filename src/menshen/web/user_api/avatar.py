"""Avatars: taken from the user, shown to anybody who has the name of one."""

from __future__ import annotations

import msgspec

from menshen.errors import AvatarInvalid, AvatarTooLarge, NoSuchRoute, UserBanned
from menshen.gateway.answer import Answer, answer_json
from menshen.gateway.avatars import answer_avatar
from menshen.gateway.binding import Bindings
from menshen.gateway.uploads import read_upload
from menshen.users.avatars import Avatars
from menshen.web.user_api.call import Call, Upload
from menshen.web.user_api.endpoint import Endpoint

__all__ = ["avatar_endpoints"]


class AvatarSet(msgspec.Struct, frozen=True):
    """The avatar's path at this host, "" where there is none."""

    avatar: str


def avatar_endpoints(bindings: Bindings, avatars: Avatars) -> tuple[Endpoint, ...]:
    async def put(call: Call, body: Upload) -> Answer:
        uid, most = call.bearer.claims.sub, call.snapshot.users.avatar_kib * 1024
        await bindings.user(uid)  # before a byte of it is read
        media = call.request.headers.get(b"content-type", b"").decode("latin-1")
        name = await avatars.set(uid, await read_upload(media, body, most), most)
        return answer_json(AvatarSet(f"{call.snapshot.listener.client_api}/avatars/{name}"), [])

    async def remove(call: Call, _: None) -> Answer:
        uid = call.bearer.claims.sub
        await bindings.user(uid)
        await avatars.remove(uid)
        return answer_json(AvatarSet(""), [])

    async def get(call: Call, _: None) -> Answer:
        return answer_avatar(await avatars.read(call.rest))

    return (
        Endpoint(
            "POST",
            "me/avatar",
            "Set the avatar: an image, or a form with the field `file` as wx.uploadFile sends it",
            put,
            "state",
            "upload",
            AvatarSet,
            (AvatarTooLarge, AvatarInvalid, UserBanned),
        ),
        Endpoint("DELETE", "me/avatar", "Take the avatar away", remove, "state", None, AvatarSet, (UserBanned,)),
        Endpoint("GET", "avatars/", "An avatar", get, "nothing", None, None, (NoSuchRoute,)),
    )
