"""WeCom's open data: WeChat's way of closing it, with fields of its own.

``wx.qy.getEnterpriseUserInfo`` gives ``corpid``, ``userid``, ``name`` and ``gender``, with WeChat's watermark, in which
is the mini program's AppID and not the CorpID.

CBC has no MAC: a user can put any 16 bytes in front of the rest of a payload of his own. So a profile names the user
and his corp (attack class 37). And so ``wx.qy.getMobile`` is not taken: those 16 bytes of it are the field's name and
the first five digits, and whoever has a number of his own could show anybody's that ends in the same six (class 38).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from menshen.config.snapshot import App
from menshen.errors import OpenDataInvalid
from menshen.platforms.base import EncryptedData
from menshen.platforms.open_data import BySessionKey
from menshen.secret import Secret

__all__ = ["ByMember"]


class ByMember(BySessionKey):
    """What the adapter does with open data."""

    __slots__ = ()

    def decrypt(
        self, app: App, closed: EncryptedData, session_key: Secret, *, openid: str, now: float
    ) -> dict[str, Any]:
        fields = super().decrypt(app, closed, session_key, openid=openid, now=now)
        return _profile(fields, corpid=app.platform_key, userid=openid)


def _profile(fields: Mapping[str, Any], *, corpid: str, userid: str) -> dict[str, Any]:
    """The fields of an opened profile of this member, under WeChat's names. Raises OpenDataInvalid."""
    if fields.get("corpid") != corpid or fields.get("userid") != userid:
        raise OpenDataInvalid
    return {"nickName": fields.get("name"), "gender": fields.get("gender")}
