"""The platforms' side of a login, in memory.

Numbers that the platforms do not publish are chosen here and named: see the constants. Everything that grows is
bounded, so an emulator can take a benchmark for hours.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import parse_qsl

from menshen.emulator.answer import Answer, encode
from menshen.emulator.dialect import DIALECTS, Dialect, Outcome
from menshen.emulator.faults import AFTER, AT_CODE, EXTRA_FIELDS, IN_FRONT, LATENCY, Fault, Faults, disfigured, front
from menshen.emulator.identifiers import IDENTITY_KEY, RandomBytes, login_code, rid

__all__ = ["AppSettings", "Calls", "Emulator", "UnknownApp", "UnknownPlatform"]

CODE_LIFETIME: Final = 300
"""Seconds; WeChat documents five minutes, QQ nothing."""

SESSION_KEY_STABLE: Final = 60
"""Seconds. A login this long after the key was made makes a new one; earlier ones keep it. WeChat only says that the
key does not change with every login in a short time."""

QUOTA: Final = 100
"""Exchanges a minute for one user of one app, then 45011 (older WeChat pages; QQ)."""

_MOST_CODES: Final = 300_000
_MOST_VISITORS: Final = 100_000
_MOST_COUNTED: Final = 100_000


class UnknownPlatform(LookupError):
    """A platform that is not faked."""


class UnknownApp(LookupError):
    """An appid that was not added to the platform."""


@dataclass(frozen=True, slots=True)
class AppSettings:
    """One app. ``unionid``: it is bound to an Open Platform account. ``errcode_on_success`` and ``extra_fields`` add
    to every success what the documentation shows (errcode 0, errmsg ok) and what it does not."""

    secret: str
    unionid: bool = False
    errcode_on_success: bool = False
    extra_fields: bool = False


@dataclass(frozen=True, slots=True)
class Calls:
    """code2session calls received by one platform, whatever came of them; ``codes`` counts them by js_code."""

    total: int
    codes: Mapping[str, int]


@dataclass(slots=True)
class _Code:
    platform: str
    appid: str
    user: str
    expires: float
    used: bool = False


@dataclass(slots=True)
class _Visitor:
    """One user of one app: the one valid session key, and the calls of the present minute."""

    openid: str
    unionid: str
    session_key: str
    key_made: float
    minute: int = 0
    calls: int = 0


class _Side:
    """One platform."""

    __slots__ = ("apps", "by_code", "dialect", "faults", "total", "visitors")

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.apps: dict[str, AppSettings] = {}
        self.visitors: OrderedDict[tuple[str, str], _Visitor] = OrderedDict()
        self.faults = Faults()
        self.total = 0
        self.by_code: OrderedDict[str, int] = OrderedDict()

    def count(self, code: str) -> None:
        self.total += 1
        if code:
            self.by_code[code] = self.by_code.get(code, 0) + 1
            if len(self.by_code) > _MOST_COUNTED:
                self.by_code.popitem(last=False)


class Emulator:
    """WeChat and QQ, as far as a login sees them.

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
        self._sides = {name: _Side(dialect) for name, dialect in DIALECTS.items()}
        self._codes: OrderedDict[str, _Code] = OrderedDict()  # oldest first, as all live equally long

    # What a developer does in the platform's console and a user on a phone.

    def add_app(self, platform: str, appid: str, settings: AppSettings) -> None:
        """Register an app, or change one (its users and codes stay). Raises UnknownPlatform."""
        self._side(platform).apps[appid] = settings

    def login(self, platform: str, appid: str, user: str) -> str:
        """``wx.login`` on the phone of ``user``: a new code. Raises UnknownPlatform, UnknownApp."""
        side = self._side(platform)
        if appid not in side.apps:
            raise UnknownApp(appid)
        now = self._now()
        self._prune(now)
        visitor = side.visitors.get((appid, user))
        if visitor is not None and now - visitor.key_made >= SESSION_KEY_STABLE:
            visitor.session_key = side.dialect.session_key(self._random)
            visitor.key_made = now
        code = login_code(self._random)
        self._codes[code] = _Code(platform, appid, user, now + CODE_LIFETIME)
        return code

    def add_fault(self, platform: str, fault: Fault) -> None:
        """Raises UnknownPlatform."""
        self._side(platform).faults.add(fault)

    def clear_faults(self, platform: str) -> None:
        """Raises UnknownPlatform."""
        self._side(platform).faults.clear()

    def calls(self, platform: str) -> Calls:
        """Raises UnknownPlatform."""
        side = self._side(platform)
        return Calls(side.total, dict(side.by_code))

    # What the gateway's server does.

    def code2session(self, platform: str, method: str, query: bytes) -> Answer:
        """The answer to one call with this raw query string. Raises UnknownPlatform."""
        side = self._side(platform)
        now = self._now()
        self._prune(now)
        # Latin-1 first: percent-encoded text is ASCII, and raw bytes must not raise.
        params: dict[str, str] = {}
        for name, value in parse_qsl(query.decode("latin-1")):
            params.setdefault(name, value)
        code = params.get("js_code", "")
        side.count(code)
        if not side.faults:
            return Answer(encode(self._exchange(side, platform, method, params, now)), side.dialect.content_type)
        return self._faulty(side, platform, method, params, now)

    def _faulty(self, side: _Side, platform: str, method: str, params: Mapping[str, str], now: float) -> Answer:
        known = self._codes.get(params.get("js_code", ""))
        user = known.user if known else ""
        late = side.faults.strike(LATENCY, user, self._roll)
        if (fault := side.faults.strike(IN_FRONT, user, self._roll)) is not None:
            if fault.name == "-1":
                answer = Answer(encode(self._refused(side, "busy", now)), side.dialect.content_type)
            else:
                answer = front(fault.name)
        else:
            fields = self._exchange(side, platform, method, params, now)
            fault = side.faults.strike(AFTER, user, self._roll)
            if fault is None:
                answer = Answer(encode(fields), side.dialect.content_type)
            else:
                answer = disfigured(fault.name, fields, side.dialect.content_type)
        return answer if late is None else replace(answer, delay=late.seconds)

    def _exchange(
        self, side: _Side, platform: str, method: str, params: Mapping[str, str], now: float
    ) -> dict[str, Any]:
        """The checks in the order of the reference's 13.4 (the real order is not known), then the exchange."""
        appid, code = params.get("appid", ""), params.get("js_code", "")
        app = side.apps.get(appid)
        known = self._codes.get(code)
        outcome = _parameters(method, params) or _credentials(app, params["secret"])
        if app is None or outcome is not None:
            return self._refused(side, outcome or "wrong_appid", now)
        if known is None or (known.platform, known.appid) != (platform, appid):
            return self._refused(side, "wrong_code", now)
        if known.used:
            return self._refused(side, "used_code", now)
        visitor = self._visitor(side, appid, known.user, now)
        outcome = self._held_back(side, visitor, known.user, now)
        if outcome is not None:
            return self._refused(side, outcome, now)
        known.used = True
        fields = side.dialect.accept(visitor.openid, visitor.session_key, visitor.unionid if app.unionid else "")
        if app.errcode_on_success:
            fields |= {"errcode": 0, "errmsg": "ok"}
        if app.extra_fields:
            fields |= EXTRA_FIELDS
        return fields

    def _held_back(self, side: _Side, visitor: _Visitor, user: str, now: float) -> Outcome | None:
        """Blocked, or over the minute's quota: by a fault or by count."""
        fault = side.faults.strike(AT_CODE, user, self._roll) if side.faults else None
        if fault is not None:
            return "blocked" if fault.name == "40226" else "over_quota"
        minute = int(now // 60)
        if visitor.minute != minute:
            visitor.minute, visitor.calls = minute, 0
        visitor.calls += 1
        return "over_quota" if self._quota and visitor.calls > self._quota else None

    def _visitor(self, side: _Side, appid: str, user: str, now: float) -> _Visitor:
        visitor = side.visitors.get((appid, user))
        if visitor is None:
            dialect = side.dialect
            visitor = side.visitors[appid, user] = _Visitor(
                dialect.openid(self._key, appid, user),
                dialect.unionid(self._key, user),
                dialect.session_key(self._random),
                key_made=now,
            )
            if len(side.visitors) > _MOST_VISITORS:
                side.visitors.popitem(last=False)
        return visitor

    def _refused(self, side: _Side, outcome: Outcome, now: float) -> dict[str, Any]:
        return side.dialect.refuse(outcome, rid(now, self._random))

    def _roll(self) -> float:
        return int.from_bytes(self._random(4), "big") / 2**32

    def _prune(self, now: float) -> None:
        """Forget expired codes, used or not: a replay after five minutes is 40029 (unconfirmed for the real one)."""
        codes = self._codes
        while codes:
            oldest = next(iter(codes))
            if codes[oldest].expires > now and len(codes) < _MOST_CODES:
                return
            del codes[oldest]

    def _side(self, platform: str) -> _Side:
        try:
            return self._sides[platform]
        except KeyError:
            raise UnknownPlatform(platform) from None


def _parameters(method: str, params: Mapping[str, str]) -> Outcome | None:
    """An empty parameter counts as a missing one: ``parse_qsl`` drops it."""
    if method != "GET":
        return "wrong_method"
    if "appid" not in params:
        return "no_appid"
    if "secret" not in params:
        return "no_secret"
    if "js_code" not in params:
        return "no_code"
    return None if params.get("grant_type") == "authorization_code" else "wrong_grant_type"


def _credentials(app: AppSettings | None, secret: str) -> Outcome | None:
    if app is None:
        return "wrong_appid"
    return None if app.secret == secret else "wrong_secret"
