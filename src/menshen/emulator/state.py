"""The platforms' side of a login, in memory.

Numbers that the platforms do not publish are chosen and named in the module of each concept. Everything that grows is
bounded, so an emulator can take a benchmark for hours.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from menshen.emulator.answer import Answer
from menshen.emulator.api_security import certified, no_keys, renewed
from menshen.emulator.apis import call
from menshen.emulator.codes import Codes
from menshen.emulator.component import LOGIN_PATH, Component, ComponentSettings, Push, asked_by_component
from menshen.emulator.dialect import AppSettings, Asked
from menshen.emulator.dialects import DIALECTS
from menshen.emulator.exchange import QUOTA, exchange
from menshen.emulator.faults import Fault
from menshen.emulator.heard import Heard
from menshen.emulator.identifiers import IDENTITY_KEY, RandomBytes, login_code, mobile_number, phone_code
from menshen.emulator.payloads import Payload
from menshen.emulator.side import Calls, Side
from menshen.emulator.visitors import Visitors

__all__ = ["AppSettings", "Calls", "Emulator", "NotFaked", "UnknownApp", "UnknownPlatform"]

CODE_LIFETIME: Final = 300
"""Seconds, of login codes and of phone codes; WeChat documents five minutes, QQ nothing."""

_MOST_CODES: Final = 300_000
_MOST_VISITORS: Final = 100_000
_MOST_COUNTED: Final = 100_000


class UnknownPlatform(LookupError):
    """A platform that is not faked."""


class UnknownApp(LookupError):
    """An appid that was not added to the platform."""


class NotFaked(LookupError):
    """Something that the platform does not have."""


class Emulator:
    """The platforms, as far as a login gateway sees them.

    ``now`` is Unix time in seconds, ``random(n)`` n random bytes, ``key`` what openids are derived with, ``quota`` the
    exchanges a minute for one user (0: no limit).
    """

    def __init__(
        self,
        *,
        now: Callable[[], float] = time.time,
        random: RandomBytes = secrets.token_bytes,
        key: bytes = IDENTITY_KEY,
        quota: int = QUOTA,
    ) -> None:
        self._now = now
        self._random = random
        self._key = key
        self._quota = quota
        self._sides = {
            name: Side(name, dialect, Visitors(dialect, key, random, _MOST_VISITORS), random, _MOST_COUNTED)
            for name, dialect in DIALECTS.items()
        }
        self._codes = Codes(CODE_LIFETIME, _MOST_CODES)
        self._phone_codes = Codes(CODE_LIFETIME, _MOST_CODES)

    # What a developer does in the platform's console and a user on a phone.

    def add_app(self, platform: str, appid: str, settings: AppSettings) -> None:
        """Register an app, or change one (its users and codes stay).

        Raises UnknownPlatform, and NotFaked for keys of API security that are none, or that the platform has not.
        """
        side = self._side(platform)
        known = side.apps.get(appid)
        if known is not None and not settings.platform_key:
            settings = replace(settings, platform_key=known.platform_key)
        if (keys := settings.api_security) is not None:
            if wrong := "no such calls" if not side.dialect.secured else no_keys(keys):
                raise NotFaked(f"{platform}: {wrong}")
            had = known.api_security.certificates if known is not None and known.api_security is not None else ()
            certificates = had or (certified(self._random, self._now()),)
            settings = replace(settings, api_security=replace(keys, certificates=certificates))
        side.apps[appid] = side.dialect.registered(settings)

    def shown(self, platform: str, appid: str) -> dict[str, Any]:
        """What the platform's console shows for the gateway's configuration. Raises UnknownPlatform, UnknownApp."""
        side = self._with_app(platform, appid)
        app = side.apps[appid]
        return {**side.dialect.shown(app), **_certificate(app)}

    def renew_certificate(self, platform: str, appid: str) -> dict[str, Any]:
        """The platform changes its certificate for an app: what its console shows from now on.

        Raises UnknownPlatform, UnknownApp, and NotFaked for an app without keys of API security.
        """
        side = self._with_app(platform, appid)
        app = side.apps[appid]
        if app.api_security is None:
            raise NotFaked(f"the app {appid} has no api_security: POST /emulator/{side.name}/apps with it first")
        app = replace(app, api_security=renewed(app.api_security, self._random, self._now()))
        side.apps[appid] = app
        return _certificate(app)

    def login(self, platform: str, appid: str, user: str, *, anonymous: bool = False) -> str:
        """``wx.login`` on the phone of ``user``: a new code. ``anonymous``: of the phone, as he is not logged in there.

        Raises UnknownPlatform, UnknownApp, and NotFaked where the platform has no codes of phones.
        """
        side, now = self._with_app(platform, appid), self._now()
        if anonymous:
            if not side.dialect.anonymous:
                raise NotFaked(f"{platform} has no anonymous codes")
            user = f"the phone of {user}"
        self._codes.prune(now)
        side.visitors.logs_in(appid, user, now)
        code = login_code(self._random)
        self._codes.give(code, platform, appid, user, now).anonymous = anonymous
        return code

    def phone(self, platform: str, appid: str, user: str, number: str = "", country: str = "86") -> str:
        """The phone number button: a new phone code. ``number`` "" is the user's own.

        Raises UnknownPlatform, UnknownApp, and NotFaked where the platform has no phone codes.
        """
        side, now = self._with_app(platform, appid), self._now()
        if "phone_number" not in side.dialect.apis.values():
            raise NotFaked(f"{platform} has no phone codes")
        _closable(side, appid, "code")
        self._phone_codes.prune(now)
        text = phone_code(self._random)
        code = self._phone_codes.give(text, platform, appid, user, now)
        code.number, code.country = number or mobile_number(self._key, user), country
        return text

    def user_info(
        self, platform: str, appid: str, user: str, profile: Mapping[str, Any], watermark: Mapping[str, Any]
    ) -> Payload:
        """``wx.getUserInfo``, closed with the user's present session_key. Raises UnknownPlatform, UnknownApp, NotFaked.

        ``profile`` changes fields of the anonymous one, ``watermark`` those of the true one.
        """
        side, now = self._with_app(platform, appid), self._now()
        if not side.dialect.profiles:
            raise NotFaked(f"{platform} has no profiles in open data")
        visitor = side.visitors.of(appid, user, now)
        mark = {"timestamp": int(now), "appid": appid, **watermark}
        return side.dialect.closes_profile(side.apps[appid], visitor, profile, mark, self._random)

    def phone_data(
        self, platform: str, appid: str, user: str, number: str, country: str, watermark: Mapping[str, Any]
    ) -> Payload:
        """The phone number button as it was before phone codes. Raises UnknownPlatform, UnknownApp, NotFaked."""
        side, now = self._with_app(platform, appid), self._now()
        if not side.dialect.numbers:
            raise NotFaked(f"{platform} has no phone numbers in open data")
        _closable(side, appid, "data")
        visitor = side.visitors.of(appid, user, now)
        mark = {"timestamp": int(now), "appid": appid, **watermark}
        shown = number or mobile_number(self._key, user)
        return side.dialect.closes_phone(side.apps[appid], visitor, shown, country, mark, self._random)

    def rotate_key(self, platform: str, appid: str, user: str) -> None:
        """The platform makes the user another session_key, as it does when it likes. Raises as :meth:`login`."""
        side, now = self._with_app(platform, appid), self._now()
        side.visitors.new_key(side.visitors.of(appid, user, now), now)

    def revoke_token(self, platform: str, appid: str) -> None:
        """The app's access tokens are good no more: somebody else has forced new ones. Raises as :meth:`login`."""
        side, now = self._with_app(platform, appid), self._now()
        for api in ("stable_token", "token"):
            side.tokens_of(appid, api).revoke(now)

    def add_component(self, appid: str, settings: ComponentSettings, authorized: Collection[str]) -> None:
        """Register a WeChat third-party platform, or change one (its tickets and tokens stay).

        ``authorized`` are the AppIDs of the apps whose owners have authorised it.
        """
        components = self._side("wechat").components
        component = components.setdefault(appid, Component(appid, settings, self._random))
        component.settings, component.authorized = settings, authorized

    def component_ticket(self, appid: str) -> Push:
        """A new ticket, as it is pushed. Raises NotFaked for a component that was not added."""
        component, now = self._component(appid), self._now()
        return component.push(component.new_ticket(now), now)

    def revoke_component_token(self, appid: str) -> None:
        """The component's access token is good no more. Raises as :meth:`component_ticket`."""
        self._component(appid).tokens.revoke(self._now())

    def add_fault(self, platform: str, fault: Fault) -> None:
        """Raises UnknownPlatform."""
        self._side(platform).faults.add(fault)

    def clear_faults(self, platform: str) -> None:
        """Raises UnknownPlatform."""
        self._side(platform).faults.clear()

    def calls(self, platform: str) -> Calls:
        """Raises UnknownPlatform."""
        side = self._side(platform)
        return Calls(side.total, dict(side.by_code), dict(side.apis))

    def heard(self, platform: str, code: str) -> tuple[Heard, ...]:
        """The logins with this code, without their secrets. Raises UnknownPlatform."""
        return self._side(platform).heard.of(code)

    # What the gateway's server does.

    def code2session(
        self, platform: str, method: str, query: bytes, headers: Iterable[tuple[bytes, bytes]] = (), body: bytes = b""
    ) -> Answer:
        """The answer to one login as it came in. Raises UnknownPlatform."""
        side, headers = self._side(platform), tuple(headers)
        asked = side.dialect.asked_with(side.dialect.asked(method, query, body), headers)
        asked = side.by_token(asked, self._now())
        return self._login(side, side.dialect.login_path, method, asked, headers)

    def code2session_by_component(
        self, method: str, query: bytes, headers: Iterable[tuple[bytes, bytes]] = ()
    ) -> Answer:
        """The same of a WeChat login by a third-party platform."""
        return self._login(self._side("wechat"), LOGIN_PATH, method, asked_by_component(method, query), headers)

    def _login(
        self, side: Side, path: str, method: str, asked: Asked, headers: Iterable[tuple[bytes, bytes]]
    ) -> Answer:
        now = self._now()
        self._codes.prune(now)
        answer = exchange(side, self._codes, asked, now, self._quota)
        side.heard.note(now, (method, f"/{side.name}{path}", asked), headers, answer)
        return answer

    def call(
        self,
        platform: str,
        path: str,
        method: str,
        query: bytes,
        body: bytes,
        headers: Iterable[tuple[bytes, bytes]] = (),
    ) -> Answer:
        """The answer to one call at another path of the dialect's. Raises UnknownPlatform."""
        now = self._now()
        self._phone_codes.prune(now)
        return call(self._side(platform), self._phone_codes, path, method, query, body, now, headers)

    def _with_app(self, platform: str, appid: str) -> Side:
        side = self._side(platform)
        if appid not in side.apps:
            raise UnknownApp(appid)
        return side

    def _component(self, appid: str) -> Component:
        component = self._side("wechat").components.get(appid)
        if component is None:
            raise NotFaked(f"no component {appid}: POST /emulator/wechat/components first")
        return component

    def _side(self, platform: str) -> Side:
        try:
            return self._sides[platform]
        except KeyError:
            raise UnknownPlatform(platform) from None


def _certificate(app: AppSettings) -> dict[str, Any]:
    if app.api_security is None:
        return {}
    newest = app.api_security.certificates[0]
    return {"platform_certificate": newest.pem, "platform_certificate_sn": newest.serial}


def _closable(side: Side, appid: str, what: str) -> None:
    """Raises NotFaked for an app without the key that a number is closed with."""
    if what in side.dialect.closed_by_app and not side.apps[appid].data_key:
        raise NotFaked(f"the app {appid} has no data_key: POST /emulator/{side.name}/apps with one first")
