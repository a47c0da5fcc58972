"""WeCom's open data: WeChat's way of closing it, with fields of its own.

``wx.qy.getEnterpriseUserInfo`` gives ``corpid``, ``userid``, ``name`` and ``gender``. ``wx.qy.getMobile`` gives the
member's number in the corp's address book. Its page does not say under which name; that of ``wx.qy.getEmail``, which
does say, makes it ``mobile`` (unconfirmed). Both have WeChat's watermark with the mini program's AppID, not the CorpID.

CBC has no MAC: a user can put any 16 bytes in front of the rest of a payload of his own. So a number's has no field
that is not a number's, and a profile names the user and his corp; the rest of a profile that was cut still has fields
of one (attack class 37). A ``mobile`` of 11 digits does not fit into those 16 bytes: who forges one needs a payload of
his that has the last six of it in front of its watermark.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from menshen.config.snapshot import App
from menshen.errors import OpenDataInvalid
from menshen.platforms.base import EncryptedData
from menshen.platforms.open_data import BySessionKey
from menshen.platforms.unmarked_data import mainland
from menshen.secret import Secret

__all__ = ["ByMember", "member_fields"]

_OF_A_NUMBER: Final = frozenset({"mobile", "corpid", "userid", "watermark"})


class ByMember(BySessionKey):
    """What the adapter does with open data."""

    __slots__ = ()

    def decrypt(
        self, app: App, closed: EncryptedData, session_key: Secret, *, openid: str, now: float
    ) -> dict[str, Any]:
        fields = super().decrypt(app, closed, session_key, openid=openid, now=now)
        return member_fields(fields, corpid=app.platform_key, userid=openid)


def member_fields(fields: Mapping[str, Any], *, corpid: str, userid: str) -> dict[str, Any]:
    """The fields of an opened payload under WeChat's names: a number's, or a profile's of this member.

    Raises OpenDataInvalid. A number of another country than the mainland is refused too: which country is not said.
    """
    number = "mobile" in fields
    for name, ours in (("corpid", corpid), ("userid", userid)):
        if fields.get(name, ours if number else None) != ours:
            raise OpenDataInvalid
    if not number:
        return {"nickName": fields.get("name"), "gender": fields.get("gender")}
    if not fields.keys() <= _OF_A_NUMBER:
        raise OpenDataInvalid
    return dict(mainland(fields["mobile"]))
