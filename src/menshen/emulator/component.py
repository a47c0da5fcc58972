"""WeChat third-party platforms (components): their tickets and tokens, and which apps have authorised them.

Sources are ``reference/platform-apis.md`` 1.10 and the pages of the token and of the push; what WeChat answers to a
token that is not the component's is not documented, and is here what it answers to any access token.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC

from menshen.emulator.dialect import Asked, Outcome, parameters
from menshen.emulator.identifiers import RandomBytes
from menshen.emulator.tokens import Tokens

__all__ = [
    "LOGIN_PATH",
    "TICKET_LIFETIME",
    "Component",
    "ComponentSettings",
    "Push",
    "asked_by_component",
    "sealed_push",
]

LOGIN_PATH: Final = "/sns/component/jscode2session"

TICKET_LIFETIME: Final = 43_200
"""Seconds: twelve hours, as the ticket's page says."""

_MOST = 100  # tickets that are remembered: of more than twelve hours
_BLOCK = 32


@dataclass(frozen=True, slots=True)
class ComponentSettings:
    """As they are in the Open Platform's console. ``message_key`` is the EncodingAESKey."""

    secret: str
    token: str
    message_key: str


@dataclass(frozen=True, slots=True)
class Push:
    """A push as it goes out: the query of its URL, and its body."""

    query: Mapping[str, str]
    body: str


class Component:
    """One third-party platform."""

    __slots__ = ("_random", "_tickets", "appid", "authorized", "settings", "tokens")

    def __init__(self, appid: str, settings: ComponentSettings, random: RandomBytes) -> None:
        self.appid = appid
        self.settings = settings
        self.authorized: Collection[str] = ()
        self.tokens = Tokens(random)
        self._random = random
        self._tickets: dict[str, float] = {}

    def new_ticket(self, now: float) -> str:
        """Those before it stay good until their end."""
        ticket = f"ticket@@@{base64.urlsafe_b64encode(self._random(48)).decode()}"
        self._tickets[ticket] = now + TICKET_LIFETIME
        while len(self._tickets) > _MOST:
            del self._tickets[next(iter(self._tickets))]
        return ticket

    def push(self, ticket: str, now: float) -> Push:
        """The push of a ticket."""
        told = (
            f"<xml><AppId><![CDATA[{escape(self.appid)}]]></AppId><CreateTime>{int(now)}</CreateTime>"
            "<InfoType><![CDATA[component_verify_ticket]]></InfoType>"
            f"<ComponentVerifyTicket><![CDATA[{ticket}]]></ComponentVerifyTicket></xml>"
        )
        return sealed_push(self.settings, self.appid, told, now, self._random)

    def distrusts(self, ticket: str, now: float) -> Outcome | None:
        """What is wrong with a ticket."""
        if ticket not in self._tickets:
            return "wrong_ticket"
        return "expired_ticket" if self._tickets[ticket] <= now else None

    def may_log_in(self, appid: str, token: str, now: float) -> Outcome | None:
        """What is wrong with a login of this app by this access token."""
        match self.tokens.standing(token, now):
            case "good":
                return None if appid in self.authorized else "not_authorized"
            case "expired":
                return "expired_token"
        return "wrong_token"


def sealed_push(settings: ComponentSettings, appid: str, told: str, now: float, random: RandomBytes) -> Push:
    """This XML as WeChat closes and signs it."""
    key = base64.b64decode(settings.message_key + "=")
    message = told.encode()
    framed = random(16) + len(message).to_bytes(4, "big") + message + appid.encode()
    pad = _BLOCK - len(framed) % _BLOCK
    encryptor = Cipher(AES256(key), CBC(key[:16])).encryptor()
    closed = base64.b64encode(encryptor.update(framed + bytes([pad]) * pad) + encryptor.finalize()).decode()
    timestamp, nonce = str(int(now)), str(int.from_bytes(random(4), "big"))
    query = {
        "signature": _digest(settings.token, timestamp, nonce),
        "timestamp": timestamp,
        "nonce": nonce,
        "encrypt_type": "aes",
        "msg_signature": _digest(settings.token, timestamp, nonce, closed),
    }
    return Push(query, f"<xml><AppId><![CDATA[{appid}]]></AppId><Encrypt><![CDATA[{closed}]]></Encrypt></xml>")


def asked_by_component(method: str, query: bytes) -> Asked:
    """A login as a component sends it; its access token is in the place of the secret."""
    params = parameters(query)
    return Asked(
        params,
        params.get("appid", ""),
        params.get("component_access_token", ""),
        params.get("js_code", ""),
        _incomplete(method, params),
        component=params.get("component_appid", ""),
    )


def _incomplete(method: str, params: Mapping[str, str]) -> Outcome | None:
    if method != "GET":
        return "wrong_method"
    if "appid" not in params:
        return "no_appid"
    if "component_appid" not in params:
        return "wrong_component"
    if "component_access_token" not in params:
        return "no_token"
    if "js_code" not in params:
        return "no_code"
    return None if params.get("grant_type") == "authorization_code" else "wrong_grant_type"


def _digest(*parts: str) -> str:
    return hashlib.sha1("".join(sorted(parts)).encode(), usedforsecurity=False).hexdigest()
