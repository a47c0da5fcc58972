"""The control API of WeChat third-party platforms.

===============================  ======================================================  ==========================
``POST components``              ``{"appid", "secret", "token", "message_key"            ``{"appid"}``
                                 [, "authorized": [AppID, ...]]}``
``POST component-ticket``        ``{"appid"[, "url"]}``: a new ticket, and with ``url``  ``{"query", "body"}`` and,
                                 its push there                                          with ``url``, ``status`` and
                                                                                         ``answer``
``DELETE component-token``       ``{"appid"}``: the present token is good no more        ``{}``
===============================  ======================================================  ==========================

All below ``/emulator/wechat``. A ticket goes out when it is asked for, not every ten minutes.
"""

from __future__ import annotations

from typing import Annotated

import aiohttp
import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from menshen.emulator.component import ComponentSettings, Push
from menshen.emulator.control_body import BODY_LIMIT, asked
from menshen.emulator.state import Emulator

__all__ = ["component_routes"]

_PUSH_SECONDS = 5.0

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
_Key = Annotated[str, msgspec.Meta(pattern="^[0-9A-Za-z+/]{43}$")]


class _Component(msgspec.Struct, forbid_unknown_fields=True):
    appid: _Name
    secret: _Name
    token: _Name
    message_key: _Key
    authorized: list[_Name] = []


class _Ticket(msgspec.Struct, forbid_unknown_fields=True):
    appid: _Name
    url: str = ""


class _OfComponent(msgspec.Struct, forbid_unknown_fields=True):
    appid: _Name


def component_routes(emulator: Emulator) -> list[Route]:
    """What the Open Platform's console does, and WeChat's own clock."""

    async def add(request: Request) -> JSONResponse:
        ask = await asked(request, _Component)
        settings = ComponentSettings(ask.secret, ask.token, ask.message_key)
        emulator.add_component(ask.appid, settings, frozenset(ask.authorized))
        return JSONResponse({"appid": ask.appid})

    async def ticket(request: Request) -> JSONResponse:
        ask = await asked(request, _Ticket)
        push = emulator.component_ticket(ask.appid)
        sent = {"query": dict(push.query), "body": push.body}
        return JSONResponse(sent | (await _pushed(ask.url, push) if ask.url else {}))

    async def revoke(request: Request) -> JSONResponse:
        emulator.revoke_component_token((await asked(request, _OfComponent)).appid)
        return JSONResponse({})

    return [
        Route("/emulator/wechat/components", add, methods=["POST"]),
        Route("/emulator/wechat/component-ticket", ticket, methods=["POST"]),
        Route("/emulator/wechat/component-token", revoke, methods=["DELETE"]),
    ]


async def _pushed(url: str, push: Push) -> dict[str, object]:
    """What the receiver says."""
    timeout = aiohttp.ClientTimeout(total=_PUSH_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(
                url,
                params=dict(push.query),
                data=push.body.encode(),
                headers={"content-type": "text/xml"},
                allow_redirects=False,
            ) as response,
        ):
            told = await response.content.read(BODY_LIMIT)
            return {"status": response.status, "answer": told.decode("utf-8", "replace")}
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise HTTPException(400, f"the push did not arrive ({type(error).__name__})") from None
