"""The caller of a request, from the gateway's plain headers: where nobody but the gateway can reach the backend.

Anybody who can reach it otherwise is whoever he says. It is made by an operator's own word, and never fallen back to.
"""

from __future__ import annotations

import re
from typing import ClassVar

from menshen.backend.caller import Caller
from menshen.backend.headers import Headers, only
from menshen.backend.refusals import AssertionInvalid, AssertionMissing

__all__ = ["TrustedNetwork"]

_PREFIX = "x-menshen-"
_CLAIM = "x-menshen-claim-"
_ID = re.compile(r"[a-z0-9]{1,64}\Z")


class TrustedNetwork:
    """Goes by the preset ``menshen`` of the gateway's identity headers; the only way where states are ``signed``."""

    believes_headers: ClassVar[bool] = True

    def caller(self, headers: Headers) -> Caller:
        """Raises ``AssertionMissing`` where nobody has logged in, ``AssertionInvalid`` for a header that came twice."""
        told = {name: only(headers, name) for name, _ in headers}

        def value(field: str) -> str:
            return told.get(_PREFIX + field, "")

        uid = value("user")
        if not uid:
            raise AssertionMissing("no user")
        # A server under WSGI has joined two headers to one text: such a text is no id.
        if _ID.match(uid) is None:
            raise AssertionInvalid("that is no user id")
        return Caller(
            uid=uid,
            session=value("session"),
            platform=value("platform"),
            appid=value("appid"),
            openid=value("openid"),
            unionid=value("unionid"),
            account=value("account"),
            claims={
                name.removeprefix(_CLAIM).replace("-", "_"): text
                for name, text in told.items()
                if name.startswith(_CLAIM) and text
            },
        )

    async def caller_async(self, headers: Headers) -> Caller:
        """The same: there is nothing to wait for."""
        return self.caller(headers)
