"""Replies as WeChat and QQ write them: JSON with an errcode, whatever the call.

What the documentation promises and what arrives differ (reference, 1.1): the body is JSON labelled ``text/plain``,
``errcode`` is absent on some successes, 0 on others and a string in some documents.
"""

from __future__ import annotations

from typing import Any

from menshen.platforms.base import PlatformReply
from menshen.platforms.reply import ErrorTable, read_object, refuse
from menshen.secret import Secret

__all__ = ["read_fields"]


def read_fields(reply: PlatformReply, errors: ErrorTable, hidden: tuple[Secret, ...] = ()) -> dict[str, Any]:
    """The fields of a success.

    ``hidden`` are values that must not show in the detail of a refusal, should the platform echo them in its errmsg.

    Raises the class ``errors`` has for the errcode; PlatformReplyInvalid for an unknown one; what
    ``reply.read_object`` raises (business errors are HTTP 200 too).
    """
    fields = read_object(reply)
    refuse(fields.get("errcode"), fields.get("errmsg"), errors, hidden)
    return fields
