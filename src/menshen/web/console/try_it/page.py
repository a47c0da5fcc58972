"""The page, and what its phone asks of the console: a code, one request to the gateway, an end to its sessions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final, Protocol

import aiohttp
import msgspec
from starlette.responses import JSONResponse, Response

from menshen.config.snapshot import Endpoint, Snapshot
from menshen.operators.roles import Scope
from menshen.storage.identities import IdentityKey
from menshen.web.console.try_it.calling import NoAnswer, listener_origin, to_gateway
from menshen.web.console.try_it.carried import carried
from menshen.web.console.try_it.emulated import EmulatedPlatform, NoEmulator, openid_in
from menshen.web.console.try_it.outgoing import BadRequest, Wish, outgoing
from menshen.web.console.try_it.phones import Phone, phones
from menshen.web.console.try_it.spoken import spoken
from menshen.web.console.try_it.steps import Step, login_steps, request_steps
from menshen.web.console.view import View, Visit

__all__ = ["PEOPLE", "TRY_PATH", "EndSessions", "try_views"]

TRY_PATH: Final = "/console/try"

PEOPLE: Final = ("zhangsan", "lisi", "wangwu")
"""Whose phone it can be; the emulator knows everybody."""

_LONGEST: Final = 200


class EndSessions(Protocol):
    """Ends every session of whoever has this identity: how many. ``by`` is the operator."""

    async def __call__(self, key: IdentityKey, by: str) -> int: ...


class _NoPhone(Exception):
    """There is no such phone, or not any more: the running revision is another one."""


@dataclass(frozen=True, slots=True)
class _Phones:
    """What every view needs."""

    snapshot: Callable[[], Snapshot]
    gateway: Endpoint
    client: aiohttp.ClientSession
    end_sessions: EndSessions

    def found(self, name: str) -> Phone:
        for phone in phones(self.snapshot()):
            if phone.name == name:
                return phone
        raise _NoPhone

    def platform(self, phone: Phone) -> EmulatedPlatform:
        return EmulatedPlatform(self.client, phone.plugin.app)

    @property
    def tls(self) -> bool:
        return self.snapshot().listener.tls is not None

    def origin(self, phone: Phone) -> str:
        """Where the mini program finds the gateway: at its group's name, or at the listener's address."""
        origin = listener_origin(self.gateway, tls=self.tls)
        scheme, _, address = origin.partition("://")
        return f"{scheme}://{phone.host or address}"


def try_views(
    snapshot: Callable[[], Snapshot], gateway: Endpoint, client: aiohttp.ClientSession, end_sessions: EndSessions
) -> list[View]:
    """``snapshot`` is the running revision's, ``gateway`` where this node listens, ``client`` that of ``calling``."""
    of = _Phones(snapshot, gateway, client, end_sessions)
    return [
        View("GET", TRY_PATH, Scope.CONFIG_WRITE, lambda visit: _page(visit, of)),
        View("POST", f"{TRY_PATH}/login", Scope.CONFIG_WRITE, _answering(of, _log_in)),
        View("POST", f"{TRY_PATH}/request", Scope.CONFIG_WRITE, _answering(of, _request)),
        View("POST", f"{TRY_PATH}/end", Scope.USERS_WRITE, _answering(of, _end)),
    ]


async def _page(visit: Visit, of: _Phones) -> Response:
    all_phones = phones(of.snapshot())
    asked = visit.query.get("phone", "")
    phone = next((each for each in all_phones if each.name == asked), all_phones[0] if all_phones else None)
    person = visit.query.get("person", "")
    return visit.page(
        "try_it.html",
        choices=[(each.name, f"{each.plugin.name} · {each.group}") for each in all_phones],
        phone=phone,
        words=None if phone is None else spoken(phone, visit.locale),
        people=[(each, each) for each in PEOPLE],
        person=person if person in PEOPLE else PEOPLE[0],
        there=phone is not None and await of.platform(phone).there(),
        settings="" if phone is None else msgspec.json.encode(phone.settings(of.origin(phone))).decode(),
        code=files("menshen.web.console").joinpath("static", "try_page.js").read_text("utf-8"),
    )


def _answering(
    of: _Phones, work: Callable[[Visit, _Phones], Awaitable[Mapping[str, Any]]]
) -> Callable[[Visit], Awaitable[Response]]:
    """What cannot be done is told as the phone's runtime tells it: a text behind ``login:fail`` or ``request:fail``."""

    async def answer(visit: Visit) -> Response:
        try:
            return JSONResponse(await work(visit, of))
        except _NoPhone:
            return JSONResponse({"fail": "the configuration has changed: load the page again"}, 409)
        except BadRequest as error:
            return JSONResponse({"fail": str(error)}, 400)
        except (NoEmulator, NoAnswer) as error:
            return JSONResponse({"fail": str(error)}, 502)

    return answer


async def _log_in(visit: Visit, of: _Phones) -> Mapping[str, Any]:
    phone = of.found(_field(visit, "phone"))
    person = _field(visit, "person")
    if person not in PEOPLE:
        raise BadRequest("nobody of this name has a phone here")
    code = await of.platform(phone).login(person)
    return {"code": code, "steps": _drawn(visit, phone, login_steps(phone, person, code))}


async def _request(visit: Visit, of: _Phones) -> Mapping[str, Any]:
    try:
        wish = msgspec.json.decode(visit.text("wish"), type=Wish)
    except (msgspec.DecodeError, UnicodeEncodeError):
        raise BadRequest("this is no request of a phone") from None
    phone = of.found(wish.phone)
    sent = outgoing(wish, phone)
    code = carried(sent, phone.plugin.code)
    platform = of.platform(phone)
    before = len(await platform.heard(code)) if code else 0
    host = of.origin(phone).partition("://")[2]
    answered = await to_gateway(of.client, of.gateway, host, sent, tls=of.tls)
    heard = (await platform.heard(code))[before:] if code else ()
    header: dict[str, str | list[str]] = {}
    for name, value in answered.headers:
        if name == "set-cookie":
            header.setdefault(name, [])
            cookies = header[name]
            if isinstance(cookies, list):
                cookies.append(value)
        else:
            header[name] = f"{header[name]}, {value}" if name in header else value
    return {
        "statusCode": answered.status,
        "header": header,
        "text": answered.body.decode("utf-8", "replace"),
        "steps": _drawn(visit, phone, request_steps(phone, host, sent, code, heard, answered)),
    }


async def _end(visit: Visit, of: _Phones) -> Mapping[str, Any]:
    """Only of whom the emulator itself says that he logged in with this code: nobody else's sessions are in reach."""
    phone = of.found(_field(visit, "phone"))
    heard = await of.platform(phone).heard(_field(visit, "code"))
    openids = [openid for each in heard if (openid := openid_in(each.answer))]
    if not openids:
        raise BadRequest("nobody has logged in with this code")
    app = phone.plugin.app
    ended = await of.end_sessions(IdentityKey(app.platform, app.appid, openids[0]), visit.who.name)
    return {"ended": ended, "steps": _drawn(visit, phone, (Step("ended", "gateway", "gateway", ""),))}


def _drawn(visit: Visit, phone: Phone, steps: tuple[Step, ...]) -> str:
    values = {"steps": steps, "words": spoken(phone, visit.locale)}
    return visit.renderer.render("try_it_steps.html", visit, values)


def _field(visit: Visit, name: str) -> str:
    return visit.text(name)[:_LONGEST]
