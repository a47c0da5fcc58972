"""The control API: what a test or a developer asks of the emulator, under ``/emulator/{platform}``.

=======================  ==========================================================  ==============================
``POST apps``            ``{"appid", "secret"[, "unionid", "errcode_on_success",     the app, without its secret
                         "extra_fields", "data_key", "platform_key",                 and the platform_key to configure,
                         "api_security"]}``                                          or WeChat's certificate
``POST certificate``     ``{"appid"}``: WeChat changes its certificate               the new one
``POST login``           ``{"appid", "user"[, "anonymous"]}``                        ``{"code"}``
``POST codes``           ``{"appid", "count", "user_prefix"}``                       ``{"codes": [...]}``
``POST phone``           ``{"appid", "user"[, "phone", "country_code"]}``            ``{"code"}``: a phone code
``POST open-data``       ``{"appid", "user", "kind"[, "profile", "phone",            ``{"encryptedData", "iv"}`` and,
                         "country_code", "watermark"]}``, kind userinfo or phone     for userinfo, ``rawData`` and
                                                                                     ``signature``
``POST session-key``     ``{"appid", "user"}``: another key from now on              ``{}``
``DELETE access-token``  ``{"appid"}``: the present one is good no more              ``{}``
``POST faults``          ``{"fault"[, "api"][, "times" | "rate"][, "seconds"]        the fault as it is set
                         [, "user"]}``
``DELETE faults``                                                                    ``{}``
``GET calls[?code=]``                                                                ``{"total", "codes", "apis"}``
                                                                                     and, of a code, ``heard``
=======================  ==========================================================  ==============================

A request that is wrong gets 400, an unknown app or platform 404, both with ``{"error": "what is wrong"}``.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from menshen.emulator.component_control import component_routes
from menshen.emulator.control_body import asked
from menshen.emulator.dialect import ApiSecurity
from menshen.emulator.faults import APIS, Fault
from menshen.emulator.state import AppSettings, Emulator, NotFaked, UnknownApp, UnknownPlatform
from menshen.emulator.team import Team, team_routes

__all__ = ["control_app"]

_MOST_CODES = 100_000

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
_Key = Annotated[str, msgspec.Meta(min_length=1, max_length=8192)]
_OptionalKey = Annotated[str, msgspec.Meta(max_length=8192)]


class _ApiSecurity(msgspec.Struct, forbid_unknown_fields=True):
    symmetric_key: _Key
    symmetric_key_sn: _Name
    public_key: _Key


class _App(msgspec.Struct, forbid_unknown_fields=True):
    appid: _Name
    secret: _Key
    unionid: bool = False
    errcode_on_success: bool = False
    extra_fields: bool = False
    data_key: _OptionalKey = ""
    platform_key: _OptionalKey = ""
    api_security: _ApiSecurity | None = None


class _Login(msgspec.Struct, forbid_unknown_fields=True):
    appid: _Name
    user: _Name
    anonymous: bool = False


class _Codes(msgspec.Struct, forbid_unknown_fields=True):
    appid: _Name
    count: Annotated[int, msgspec.Meta(ge=1, le=_MOST_CODES)]
    user_prefix: Annotated[str, msgspec.Meta(max_length=256)] = "user-"


_Number = Annotated[str, msgspec.Meta(pattern=r"^([0-9]{4,15})?$")]
_Country = Annotated[str, msgspec.Meta(pattern=r"^[1-9][0-9]{0,3}$")]


class _Phone(msgspec.Struct, forbid_unknown_fields=True):
    appid: _Name
    user: _Name
    phone: _Number = ""
    country_code: _Country = "86"


class _OpenData(msgspec.Struct, forbid_unknown_fields=True):
    appid: _Name
    user: _Name
    kind: Literal["userinfo", "phone"]
    profile: dict[str, Any] = {}
    phone: _Number = ""
    country_code: _Country = "86"
    watermark: dict[str, Any] = {}


class _OfApp(msgspec.Struct, forbid_unknown_fields=True):
    appid: _Name


class _Fault(msgspec.Struct, forbid_unknown_fields=True):
    fault: str | int
    api: Literal["login", "token", "phone", "session"] = "login"
    times: Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)] | None = None
    rate: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    seconds: Annotated[float, msgspec.Meta(gt=0, le=3600)] | None = None
    user: _Name | None = None


def control_app(emulator: Emulator, team: Team) -> Starlette:
    """The control API as an application of its own, and the services of ``team``."""

    async def apps(request: Request) -> JSONResponse:
        ask = await asked(request, _App)
        keys = ask.api_security
        settings = AppSettings(
            ask.secret,
            ask.unionid,
            ask.errcode_on_success,
            ask.extra_fields,
            ask.data_key,
            ask.platform_key,
            None if keys is None else ApiSecurity(keys.symmetric_key, keys.symmetric_key_sn, keys.public_key),
        )
        emulator.add_app(_platform(request), ask.appid, settings)
        return JSONResponse(
            {
                "appid": ask.appid,
                "unionid": ask.unionid,
                "errcode_on_success": ask.errcode_on_success,
                "extra_fields": ask.extra_fields,
                **emulator.shown(_platform(request), ask.appid),
            }
        )

    async def login(request: Request) -> JSONResponse:
        ask = await asked(request, _Login)
        code = emulator.login(_platform(request), ask.appid, ask.user, anonymous=ask.anonymous)
        return JSONResponse({"anonymous_code" if ask.anonymous else "code": code})

    async def codes(request: Request) -> JSONResponse:
        ask = await asked(request, _Codes)
        platform = _platform(request)
        return JSONResponse(
            {"codes": [emulator.login(platform, ask.appid, f"{ask.user_prefix}{n}") for n in range(ask.count)]}
        )

    async def phone(request: Request) -> JSONResponse:
        ask = await asked(request, _Phone)
        return JSONResponse(
            {"code": emulator.phone(_platform(request), ask.appid, ask.user, ask.phone, ask.country_code)}
        )

    async def open_data(request: Request) -> JSONResponse:
        ask = await asked(request, _OpenData)
        platform = _platform(request)
        if ask.kind == "phone":
            made = emulator.phone_data(platform, ask.appid, ask.user, ask.phone, ask.country_code, ask.watermark)
        else:
            made = emulator.user_info(platform, ask.appid, ask.user, ask.profile, ask.watermark)
        plain = {"rawData": made.raw_data, "signature": made.signature} if made.signature else {}
        return JSONResponse({"encryptedData": made.encrypted_data, "iv": made.iv, **plain})

    async def session_key(request: Request) -> JSONResponse:
        ask = await asked(request, _Login)
        emulator.rotate_key(_platform(request), ask.appid, ask.user)
        return JSONResponse({})

    async def access_token(request: Request) -> JSONResponse:
        emulator.revoke_token(_platform(request), (await asked(request, _OfApp)).appid)
        return JSONResponse({})

    async def certificate(request: Request) -> JSONResponse:
        ask = await asked(request, _OfApp)
        return JSONResponse(emulator.renew_certificate(_platform(request), ask.appid))

    async def add_fault(request: Request) -> JSONResponse:
        fault = _fault(await asked(request, _Fault))
        emulator.add_fault(_platform(request), fault)
        amount = {"times": fault.times} if fault.rate is None else {"rate": fault.rate}
        return JSONResponse(
            {"fault": fault.name, "api": fault.api, **amount, "seconds": fault.seconds, "user": fault.user}
        )

    async def clear_faults(request: Request) -> JSONResponse:
        emulator.clear_faults(_platform(request))
        return JSONResponse({})

    async def calls(request: Request) -> JSONResponse:
        seen = emulator.calls(_platform(request))
        code = request.query_params.get("code")
        if code is None:
            return JSONResponse({"total": seen.total, "codes": dict(seen.codes), "apis": dict(seen.apis)})
        heard = [asdict(each) for each in emulator.heard(_platform(request), code)]
        counts = {code: seen.codes.get(code, 0)}
        return JSONResponse({"total": seen.total, "codes": counts, "apis": dict(seen.apis), "heard": heard})

    return Starlette(
        routes=[
            *team_routes(team),
            *component_routes(emulator),
            Route("/emulator/{platform}/apps", apps, methods=["POST"]),
            Route("/emulator/{platform}/login", login, methods=["POST"]),
            Route("/emulator/{platform}/codes", codes, methods=["POST"]),
            Route("/emulator/{platform}/phone", phone, methods=["POST"]),
            Route("/emulator/{platform}/open-data", open_data, methods=["POST"]),
            Route("/emulator/{platform}/session-key", session_key, methods=["POST"]),
            Route("/emulator/{platform}/access-token", access_token, methods=["DELETE"]),
            Route("/emulator/{platform}/certificate", certificate, methods=["POST"]),
            Route("/emulator/{platform}/faults", add_fault, methods=["POST"]),
            Route("/emulator/{platform}/faults", clear_faults, methods=["DELETE"]),
            Route("/emulator/{platform}/calls", calls, methods=["GET"]),
        ],
        exception_handlers={
            HTTPException: _http_error,
            UnknownApp: _unknown_app,
            UnknownPlatform: _unknown_platform,
            NotFaked: _not_faked,
        },
    )


def _platform(request: Request) -> str:
    return str(request.path_params["platform"])


def _fault(ask: _Fault) -> Fault:
    name = str(ask.fault)
    if name not in APIS[ask.api]:
        raise HTTPException(400, f"no fault {name!r} of api {ask.api!r}; there are: {', '.join(sorted(APIS[ask.api]))}")
    if ask.times is not None and ask.rate is not None:
        raise HTTPException(400, "give times or rate, not both")
    if (name == "latency") != (ask.seconds is not None):
        raise HTTPException(400, "latency needs seconds, and only latency takes it")
    times = 1 if ask.times is None else ask.times
    return Fault(name, times, ask.rate, ask.seconds or 0.0, ask.user or "", ask.api)


def _error(status: int, text: str) -> JSONResponse:
    return JSONResponse({"error": text}, status)


async def _http_error(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    return _error(error.status_code, error.detail)


async def _unknown_app(request: Request, error: Exception) -> JSONResponse:
    platform = _platform(request)
    return _error(404, f"no app {error} on {platform}: POST /emulator/{platform}/apps first")


async def _unknown_platform(_request: Request, error: Exception) -> JSONResponse:
    return _error(404, f"no platform {error}")


async def _not_faked(_request: Request, error: Exception) -> JSONResponse:
    return _error(404, str(error))
