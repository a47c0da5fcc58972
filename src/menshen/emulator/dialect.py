"""How a platform is spoken to and words its answers. It shares nothing with the adapters: it is the other side.

A :class:`Dialect` reads a login as the platform is sent it, and turns what happened into the JSON fields that the
platform would send. As it stands it is WeChat's; a platform that differs has a class of its own. Texts are those quoted
in ``reference/platform-apis.md``; where no real text is known, the documented one is used.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qsl

from menshen.emulator.identifiers import RandomBytes
from menshen.emulator.payloads import Payload, phone_payload, user_info_payload

if TYPE_CHECKING:
    from menshen.emulator.visitors import Visitor

__all__ = ["Api", "ApiSecurity", "AppSettings", "Asked", "Certified", "Dialect", "Outcome", "json_texts", "parameters"]

Outcome = Literal[
    "wrong_method",
    "no_appid",
    "no_secret",
    "no_code",
    "wrong_grant_type",
    "wrong_appid",
    "wrong_secret",
    "wrong_code",
    "wrong_anonymous_code",
    "used_code",
    "blocked",
    "over_quota",
    "busy",
    "wrong_verb",
    "wrong_body",
    "no_token",
    "malformed_token",
    "wrong_token",
    "expired_token",
    "wrong_openid",
    "wrong_phone_code",
    "foreign_phone_code",
    "wrong_sig_method",
    "wrong_signature",
    "day_quota",
    "unauthorized",
    "address_not_listed",
    "address_not_approved",
    "no_signed_appid",
    "no_timestamp",
    "no_signature",
    "wrong_api_signature",
    "wrong_encryption",
    "unmatched_appid",
    "expired_timestamp",
    "not_authorized",
    "expired_ticket",
    "wrong_ticket",
    "wrong_component",
]
"""Why a call did not succeed."""

Api = Literal["stable_token", "token", "component_token", "phone_number", "check_session", "reset_session_key"]
"""The calls of a server that are faked, beside the login."""

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """A login as it came. ``params`` by the platform's own names; ``outcome`` says what is missing in it.

    ``anonymous``: the code is to be a device's. ``component``: the third-party platform that asks, and then ``secret``
    is its access token.
    """

    params: Mapping[str, str]
    appid: str
    secret: str
    code: str
    outcome: Outcome | None
    anonymous: bool = False
    component: str = ""


@dataclass(frozen=True, slots=True)
class Certified:
    """A certificate of the platform's: its number, its private key, and itself, as PEM."""

    serial: str
    key: str = field(repr=False)
    pem: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ApiSecurity:
    """Keys for calls that are encrypted and signed; ``public_key`` is the app's, ``certificates`` are newest first."""

    symmetric_key: str = field(repr=False)
    symmetric_key_sn: str
    public_key: str
    certificates: tuple[Certified, ...] = ()


@dataclass(frozen=True, slots=True)
class AppSettings:
    """One app. ``unionid``: it is bound to an Open Platform account. ``errcode_on_success`` and ``extra_fields`` add
    to every success what the documentation shows (errcode 0, errmsg ok) and what it does not.

    ``data_key`` is what the gateway opens phone numbers with, ``platform_key`` the platform's private key for this app.
    With ``api_security`` the calls that can be signed must be.
    """

    secret: str
    unionid: bool = False
    errcode_on_success: bool = False
    extra_fields: bool = False
    data_key: str = ""
    platform_key: str = ""
    api_security: ApiSecurity | None = None


def parameters(query: bytes) -> dict[str, str]:
    """A query's parameters, the first of each name. An empty one counts as missing."""
    # Latin-1 first: percent-encoded text is ASCII, and raw bytes must not raise.
    params: dict[str, str] = {}
    for name, value in parse_qsl(query.decode("latin-1")):
        params.setdefault(name, value)
    return params


def json_texts(body: bytes) -> dict[str, str]:
    """The texts in a JSON object; {} for what is none. An empty one counts as missing."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(value, dict):
        return {}
    return {name: text for name, text in value.items() if isinstance(text, str) and text}


@dataclass(frozen=True, slots=True)
class Dialect:
    """One platform's voice.

    ``errors``: outcome -> errcode and errmsg, those that its calls can have. ``apis``: path -> what is called there,
    beside the login at ``login_path``. ``greets`` and ``parting``: fields before and after the identity in every
    success. ``sends_rid``: errmsg ends with a request id. ``errcode``, ``errmsg``: what it calls these fields.
    ``app_grant`` is the grant_type of an access token, "" for none; ``user_info`` and ``phone_data`` make open data.
    ``anonymous``: a device has codes too. ``by_token``: a login comes with an access token, for its secret.
    ``profiles``, ``numbers``: what open data can be. ``closed_by_app``: what the app's data_key is needed for, numbers
    behind a ``code`` or in ``data``. ``steady_tokens``: inside its life, who asks gets the present one. ``secured``:
    the calls that are signed of apps with ``api_security``.
    """

    content_type: str
    errors: Mapping[Outcome, tuple[int, str]]
    greets: Mapping[str, Any]
    parting: Mapping[str, Any]
    sends_rid: bool
    openid: Callable[[bytes, str, str], str]
    unionid: Callable[[bytes, str], str]
    session_key: Callable[[RandomBytes], str]
    apis: Mapping[str, Api]
    login_path: str = "/sns/jscode2session"
    errcode: str = "errcode"
    errmsg: str = "errmsg"
    app_grant: str = "client_credential"
    by_token: bool = False
    user_info: Callable[..., Payload] = user_info_payload
    phone_data: Callable[..., Payload] = phone_payload
    anonymous: bool = False
    profiles: bool = True
    numbers: bool = True
    closed_by_app: frozenset[str] = frozenset()
    steady_tokens: bool = False
    secured: frozenset[Api] = frozenset()

    def asked(self, method: str, query: bytes, body: bytes) -> Asked:  # noqa: ARG002 - of others it is in the body
        """A login as it came, whatever is in it."""
        params = parameters(query)
        return Asked(
            params,
            params.get("appid", ""),
            params.get("secret", ""),
            params.get("js_code", ""),
            _incomplete(method, params),
        )

    def asked_with(self, asked: Asked, headers: Iterable[tuple[bytes, bytes]]) -> Asked:  # noqa: ARG002 - mostly nothing
        """The same login with what its headers say. Their names are in lower case."""
        return asked

    def called(self, query: bytes, body: bytes) -> Mapping[str, str]:  # noqa: ARG002 - of others they are in the body
        """The parameters of another call than a login, under WeChat's names."""
        return parameters(query)

    def distrusts(self, app: AppSettings, asked: Asked) -> Outcome | None:
        """What is wrong with the proof that a login comes from this app."""
        return None if app.secret == asked.secret else "wrong_secret"

    def refuse(self, outcome: Outcome, rid: str, *, login: bool = True) -> Fields:
        errcode, errmsg = self.errors[outcome]
        if self.sends_rid:
            # Both separators are real: with the comma at a login, but for the answer to a POST.
            errmsg += f", rid: {rid}" if login and outcome != "wrong_method" else f" rid: {rid}"
        return {self.errcode: errcode, self.errmsg: errmsg}

    def accept(self, openid: str, session_key: str, unionid: str) -> Fields:
        fields = {**self.greets, "session_key": session_key, "openid": openid, **self.parting}
        if unionid:
            fields["unionid"] = unionid
        return fields

    def accept_device(self, openid: str) -> Fields:
        """The answer to an anonymous code, where there are such."""
        return self.accept(openid, "", "")

    def registered(self, app: AppSettings) -> AppSettings:
        """An app as the platform's console leaves it."""
        return app

    def shown(self, app: AppSettings) -> Fields:  # noqa: ARG002 - of most there is nothing
        """What that console shows of an app for the gateway's configuration."""
        return {}

    def signed(self, fields: Fields, app: AppSettings | None) -> Fields:  # noqa: ARG002 - most sign nothing
        """The answer to an app's login, ready to be sent."""
        return fields

    def app_of(self, apps: Mapping[str, AppSettings], named: str, secret: str) -> str:  # noqa: ARG002 - by its AppID
        """The AppID of the app that a call for an access token is about."""
        return named

    def closes_profile(
        self,
        app: AppSettings,
        visitor: Visitor,
        profile: Mapping[str, Any],
        watermark: Mapping[str, Any],
        random: RandomBytes,
    ) -> Payload:
        """A profile as the client gets it."""
        return self.user_info(visitor, profile, watermark, unionid=app.unionid, random=random)

    def closes_phone(
        self,
        app: AppSettings,  # noqa: ARG002 - of most it is the session_key that closes
        visitor: Visitor,
        number: str,
        country: str,
        watermark: Mapping[str, Any],
        random: RandomBytes,
    ) -> Payload:
        """A phone number as the button gives it."""
        return self.phone_data(visitor, number, country, watermark, random=random)

    def tell_phone(self, app: AppSettings, info: Fields) -> Fields:  # noqa: ARG002 - of most nothing is closed
        """The answer to a phone code."""
        return {"errcode": 0, "errmsg": "ok", "phone_info": info}

    def give(self, token: str, seconds: int) -> Fields:
        """The answer to who asks for an access token."""
        return {**self.greets, "access_token": token, "expires_in": seconds}

    def status(self, fields: Fields) -> int:  # noqa: ARG002 - of most it is 200, whatever they say
        """The HTTP status of an answer."""
        return 200


def _incomplete(method: str, params: Mapping[str, str]) -> Outcome | None:
    if method != "GET":
        return "wrong_method"
    if "appid" not in params:
        return "no_appid"
    if "secret" not in params:
        return "no_secret"
    if "js_code" not in params:
        return "no_code"
    return None if params.get("grant_type") == "authorization_code" else "wrong_grant_type"
