"""An adapter that a package beside Menshen brings, held to what an adapter promises.

It is code of the team's own choice and is trusted like Menshen's, but not to be without faults. Whatever it raises
beside our refusals becomes InternalFault with the line that raised it: its text may hold a session_key. What it returns
is looked at before anything is made of it: an openid ends up in a header and in the database.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeVar, get_args

from menshen.config.app_keys import AppKey, AppKeys
from menshen.config.snapshot import App
from menshen.errors import InternalFault, MenshenError
from menshen.foreign import Broken, where
from menshen.platforms.base import (
    EncryptedData,
    Flow,
    PlatformIdentity,
    PlatformPhone,
    PlatformToken,
    RefusedFor,
    TokenLogins,
)
from menshen.platforms.wechat_phone import read_phone
from menshen.platforms.words import PlatformWords
from menshen.secret import Secret

__all__ = ["ThirdParty", "ThirdPartyByToken", "held"]

T = TypeVar("T")

_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9]{0,59}")
_ADDRESS = re.compile(r"https://[0-9A-Za-z.-]{1,253}(?::[0-9]{1,5})?(?:/[!-~]{0,200})?")
_ID = re.compile(r"[!-~]{1,128}")
_APP_KEYS: Final = frozenset({"secret", "platform_key", "data_key"})
_CALLS: Final = (
    "code2session",
    "encrypted_data",
    "decrypt",
    "access_token",
    "phone_number",
    "check_session",
    "reset_session_key",
)
_LONGEST: Final = 10 * 366 * 86_400
"""Seconds of an access token. More of them are no date, and a platform's number may have thousands of digits."""
_FLAGS: Final = ("open_data", "phone_data", "session_keys", "phone_codes", "session_checks", "stable_tokens")


class ThirdParty:
    """The adapter of a platform. ``held`` makes it."""

    __slots__ = (
        "_adapter",
        "app_keys",
        "code_pattern",
        "default_base_url",
        "name",
        "open_data",
        "phone_codes",
        "phone_data",
        "plugin_type",
        "refused_for",
        "session_checks",
        "session_keys",
        "settings_page",
        "stable_tokens",
        "words",
    )

    def __init__(self, name: str, adapter: Any) -> None:
        self._adapter = adapter
        if adapter.name != name:
            raise Broken(f"its name is not that of the entry point, {name}")
        self.name = name
        self.plugin_type: str = _text(adapter, "plugin_type", _TYPE, "1 to 60 letters and digits, with a letter first")
        self.default_base_url: str = _text(adapter, "default_base_url", _ADDRESS, "an https address")
        self.settings_page: str = _text(adapter, "settings_page", re.compile(r"[^\x00-\x1f]{1,200}"), "a short text")
        self.code_pattern: re.Pattern[str] = adapter.code_pattern
        if not isinstance(self.code_pattern, re.Pattern) or not isinstance(self.code_pattern.pattern, str):
            raise Broken("code_pattern is no compiled pattern of text")
        flags = [getattr(adapter, flag) for flag in _FLAGS]
        if not all(type(flag) is bool for flag in flags):
            raise Broken(f"{', '.join(_FLAGS)} are True or False")
        self.open_data, self.phone_data, self.session_keys, *rest = flags
        self.phone_codes, self.session_checks, self.stable_tokens = rest
        self.refused_for: Mapping[int, RefusedFor] = _refused_for(adapter.refused_for)
        self.words: PlatformWords | None = getattr(adapter, "words", None)
        if not isinstance(self.words, PlatformWords | None):
            raise Broken("words are no PlatformWords")
        self.app_keys: AppKeys = _app_keys(getattr(adapter, "app_keys", {}))
        calls = (*_CALLS, "code2session_by") if isinstance(adapter, TokenLogins) else _CALLS
        for call in calls:
            if not callable(getattr(adapter, call, None)) or inspect.iscoroutinefunction(getattr(adapter, call)):
                raise Broken(f"{call} is no plain method")

    def code2session(self, app: App, code: str) -> Flow[PlatformIdentity]:
        return _flow(lambda: self._adapter.code2session(app, code), _identity)

    def encrypted_data(self, data: str, iv: str) -> EncryptedData:
        return _asked(lambda: self._adapter.encrypted_data(data, iv), EncryptedData)

    def decrypt(
        self, app: App, closed: EncryptedData, session_key: Secret, *, openid: str, now: float
    ) -> dict[str, Any]:
        return _asked(lambda: self._adapter.decrypt(app, closed, session_key, openid=openid, now=now), dict)

    def access_token(self, app: App, force: bool) -> Flow[PlatformToken]:
        return _flow(lambda: self._adapter.access_token(app, force), _token)

    def phone_number(self, app: App, token: Secret, code: str, openid: str) -> Flow[PlatformPhone]:
        return _flow(lambda: self._adapter.phone_number(app, token, code, openid), _phone)

    def check_session(self, app: App, token: Secret, openid: str, session_key: Secret) -> Flow[bool]:
        return _flow(lambda: self._adapter.check_session(app, token, openid, session_key), lambda good: _of(bool, good))

    def reset_session_key(self, app: App, token: Secret, openid: str, session_key: Secret) -> Flow[PlatformIdentity]:
        return _flow(lambda: self._adapter.reset_session_key(app, token, openid, session_key), _identity)


class ThirdPartyByToken(ThirdParty):
    """The same of one whose login comes with the app's access token."""

    __slots__ = ()

    def code2session_by(self, app: App, token: Secret, code: str) -> Flow[PlatformIdentity]:
        return _flow(lambda: self._adapter.code2session_by(app, token, code), _identity)


def held(name: str, adapter: Any) -> ThirdParty:
    """An adapter under the name of its entry point. Raises ``Broken`` where it is none."""
    return (ThirdPartyByToken if isinstance(adapter, TokenLogins) else ThirdParty)(name, adapter)


def _flow(begun: Callable[[], Flow[Any]], good: Callable[[Any], T]) -> Flow[T]:
    try:
        return good((yield from begun()))
    except MenshenError:
        raise
    except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001 - it may raise anything
        why = where(error)
    raise InternalFault(why)  # out here: the exception, whose text may hold anything, does not ride along


def _asked(begun: Callable[[], Any], kind: type[T]) -> T:
    try:
        return _of(kind, begun())
    except MenshenError:
        raise
    except (Exception, SystemExit, KeyboardInterrupt) as error:  # noqa: BLE001 - it may raise anything
        why = where(error)
    raise InternalFault(why)


def _of(kind: type[T], value: Any) -> T:
    if type(value) is not kind:
        raise InternalFault(f"the adapter gave no {kind.__name__}")
    return value


def _identity(value: Any) -> PlatformIdentity:
    found = _of(PlatformIdentity, value)
    _of(Secret, found.session_key)
    if _ID.fullmatch(_of(str, found.openid)) is None:
        raise InternalFault("the adapter gave no openid")
    if _of(str, found.unionid) and _ID.fullmatch(found.unionid) is None:
        raise InternalFault("the adapter gave no unionid")
    return found


def _token(value: Any) -> PlatformToken:
    found = _of(PlatformToken, value)
    if not _of(Secret, found.token) or not 0 < _of(int, found.expires_in) <= _LONGEST:
        raise InternalFault("the adapter gave no access token")
    return found


def _phone(value: Any) -> PlatformPhone:
    found = _of(PlatformPhone, value)
    told = {"phoneNumber": found.number, "purePhoneNumber": found.pure, "countryCode": found.country_code}
    return read_phone(told)


def _text(adapter: Any, name: str, pattern: re.Pattern[str], what: str) -> str:
    value = getattr(adapter, name)
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        raise Broken(f"{name} is not {what}")
    return value


def _refused_for(value: Any) -> Mapping[int, RefusedFor]:
    if not isinstance(value, Mapping) or not all(
        type(code) is int and about in get_args(RefusedFor) for code, about in value.items()
    ):
        raise Broken(f"refused_for is not errcode -> one of {', '.join(get_args(RefusedFor))}")
    return MappingProxyType(dict(value))


def _app_keys(value: Any) -> AppKeys:
    if not isinstance(value, Mapping) or not all(
        name in _APP_KEYS and isinstance(key, AppKey) for name, key in value.items()
    ):
        raise Broken(f"app_keys is not one of {', '.join(sorted(_APP_KEYS))} -> AppKey")
    return MappingProxyType({name: AppKey(_judge(key), key.needed) for name, key in value.items()})


def _judge(key: AppKey) -> Callable[[Secret], tuple[str, str] | None]:
    def wrong(text: Secret) -> tuple[str, str] | None:
        try:
            return key.wrong(text)
        except Exception as error:  # noqa: BLE001 - it may raise anything
            return f"the platform's own check of it broke: {where(error)}", f"该平台校验此项时出错：{where(error)}"

    return wrong
