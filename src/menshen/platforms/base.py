"""What a platform adapter is.

An adapter does no I/O: a flow is a generator that yields :class:`PlatformRequest` and is sent a
:class:`PlatformReply`, and returns its result. ``client.py`` drives it over the network, tests drive it by hand. A
platform that needs two calls for a login (a token first, say) yields twice; callers do not notice. Calls to the team's
own services are flows too, and are made with the same care.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol, TypeVar, runtime_checkable

from menshen.config.snapshot import App
from menshen.errors import MenshenError
from menshen.secret import Secret

__all__ = [
    "TOKEN_TIMEOUT",
    "EncryptedData",
    "Field",
    "Flow",
    "Platform",
    "PlatformIdentity",
    "PlatformPhone",
    "PlatformReply",
    "PlatformRequest",
    "PlatformToken",
    "RefusedFor",
    "TicketTokens",
    "TokenLogins",
    "TokenRefused",
    "address",
]

T = TypeVar("T")

TOKEN_TIMEOUT: Final = 3.0
"""Seconds for a call that gets an access token: calls that have a client waiting wait for it."""

Field = Secret | str | bool
"""A value of a query, a JSON body or a form; bools are JSON's only."""


@dataclass(frozen=True, slots=True)
class PlatformRequest:
    """One HTTP call. ``query`` values are encoded by the client, never spliced (attack class 34).

    At most one of ``json``, ``form`` and ``body`` is given. ``body`` goes out as it is, for a call whose bytes are
    signed; it is not in the repr, as it may hold a password. ``timeout`` in seconds, None for the client's own.
    """

    method: str
    url: str
    query: Mapping[str, Secret | str] = field(default_factory=dict)
    json: Mapping[str, Field] | None = None
    form: Mapping[str, Secret | str] | None = None
    headers: Mapping[str, Secret | str] = field(default_factory=dict)
    body: bytes | None = field(default=None, repr=False)
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class PlatformReply:
    """A complete answer, already capped in size. The body is not decoded: content types lie here.

    It is not in the repr either: it holds a session_key. ``headers`` have their names in lower case, and of a name that
    came twice none: which of the two a signature is of would be anybody's guess.
    """

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class PlatformIdentity:
    """Who the platform says logged in. ``unionid`` is "" where the platform gave none."""

    openid: str
    unionid: str
    session_key: Secret


@dataclass(frozen=True, slots=True)
class PlatformToken:
    """An access token of an app, good for ``expires_in`` seconds from the answer."""

    token: Secret
    expires_in: int


@dataclass(frozen=True, slots=True)
class PlatformPhone:
    """A phone number as a platform vouches for it. ``pure`` is without the country code ("86").

    None of it is in the repr: a number is personal data.
    """

    number: str = field(repr=False)
    pure: str = field(repr=False)
    country_code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class EncryptedData:
    """An ``encryptedData`` and what goes with it, mostly its ``iv``: decoded, of lengths that can be."""

    data: bytes = field(repr=False)
    iv: bytes = field(repr=False)


class TokenRefused(MenshenError):
    """The platform did not take the access token of a call, and did nothing else.

    Between an adapter and who holds the token, who gets another and calls again: no client meets it.
    """

    def __init__(self, detail: str = "", *, platform_errcode: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.platform_errcode = platform_errcode


RefusedFor = Literal[
    "appid",
    "secret",
    "credentials",
    "platform_key",
    "permission",
    "address",
    "approval",
    "transport",
    "keys",
    "clock",
]
"""What a platform has against us where it answers PlatformRefusedUs: the AppID; the AppSecret; one of the two; the
``platform_key`` that a call names; what the app may do; this machine's address, which is not on the app's list, or
which the administrator has yet to approve; the way that the call came; the keys that a call is encrypted and signed
with; the time that it says it was made."""

Flow = Generator[PlatformRequest, PlatformReply, T]


def address(app: App, default_base_url: str, path: str) -> str:
    """Where a call of this app goes."""
    return f"{(app.base_url or default_base_url).rstrip('/')}{path}"


@runtime_checkable
class TokenLogins(Protocol):
    """What a platform's adapter has besides, whose login comes with the app's access token and not with the AppSecret.

    Its ``Platform.code2session`` raises ``InternalFault``.
    """

    def code2session_by(self, app: App, token: Secret, code: str) -> Flow[PlatformIdentity]:
        """Raises :class:`TokenRefused` where the token is not taken, by which no code is spent."""
        ...


@runtime_checkable
class TicketTokens(Protocol):
    """What an adapter has besides, whose access token is asked for with a ticket that the platform pushes.

    Its ``Platform.access_token`` raises ``InternalFault``.
    """

    def access_token_by(self, app: App, ticket: Secret) -> Flow[PlatformToken]: ...


class Platform(Protocol):
    """One platform. A flow raises the platform refusals of ``menshen.errors``, with the platform's errcode.

    Flows that take a ``token`` raise :class:`TokenRefused` where the platform does not take it. What a platform does
    not have raises ``NotOffered`` before anything is sent.
    """

    name: str
    plugin_type: str
    default_base_url: str
    code_pattern: re.Pattern[str]
    open_data: bool
    """Its clients get encrypted data, and where there are ``session_keys`` signed data as well."""
    phone_data: bool
    """That encrypted data can be a phone number."""
    session_keys: bool
    """Open data is closed and signed with a key that the user's login brings; else with keys of the app's."""
    phone_codes: bool
    """Its clients get phone codes."""
    session_checks: bool
    """It tells whether a session_key is still the user's."""
    stable_tokens: bool
    """Whoever asks for the app's access token gets the present one: asking ends nobody's."""
    refused_for: Mapping[int, RefusedFor]
    """Every errcode that means PlatformRefusedUs, and what it is about."""
    settings_page: str
    """Where an operator finds AppID and AppSecret, as the platform's own pages name it."""

    def code2session(self, app: App, code: str) -> Flow[PlatformIdentity]: ...

    def encrypted_data(self, data: str, iv: str) -> EncryptedData:
        """What a client sent, decoded. Raises OpenDataInvalid for what no key could open."""
        ...

    def decrypt(
        self, app: App, closed: EncryptedData, session_key: Secret, *, openid: str, now: float
    ) -> dict[str, Any]:
        """The fields of a payload, as far as they may be believed, a number's under WeChat's names.

        ``now`` in Unix seconds. Raises OpenDataInvalid, whatever is wrong.
        """
        ...

    def access_token(self, app: App, force: bool) -> Flow[PlatformToken]:
        """The app's access token. ``force``: a new one, even if the present one has time left."""
        ...

    def phone_number(self, app: App, token: Secret, code: str, openid: str) -> Flow[PlatformPhone]:
        """The number behind a phone code of this user. Spends the code, and the operator pays for it."""
        ...

    def check_session(self, app: App, token: Secret, openid: str, session_key: Secret) -> Flow[bool]:
        """Whether this session_key is the user's present one."""
        ...

    def reset_session_key(self, app: App, token: Secret, openid: str, session_key: Secret) -> Flow[PlatformIdentity]:
        """Make the platform give the user another session_key; the old one opens nothing any more."""
        ...
