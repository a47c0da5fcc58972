"""What the pages call outcomes, ways, statuses and endings; every word is of the catalog."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from menshen.errors import REFUSALS
from menshen.web.console.language import CHINESE, sentence

__all__ = ["ENDINGS", "HOWS", "PURPOSES", "STANDINGS", "WHO", "Outcome", "outcome_of", "outcomes"]

STANDINGS: Final[Mapping[str, tuple[str, str]]] = {
    "active": (sentence("Good standing"), "good"),
    "banned": (sentence("Banned"), "bad"),
    "closed": (sentence("Account closed"), ""),
}
"""Status -> (word, kind of badge)."""

HOWS: Final[Mapping[str, str]] = {
    "code": sentence("Platform code"),
    "password": sentence("Password"),
    "phone": sentence("Phone number of the platform"),
    "sms": sentence("Text message"),
}

ENDINGS: Final[Mapping[str, str]] = {
    "": sentence("Expired"),
    "logout": sentence("Logged out"),
    "revoked": sentence("Ended by an operator"),
    "replaced": sentence("Replaced by a new login"),
    "max_sessions": sentence("Too many sessions"),
    "refresh_reuse": sentence("A refresh token came twice"),
    "banned": sentence("The user was banned"),
    "closed": sentence("The account was closed"),
    "merged": sentence("The user was merged"),
    "unbound": sentence("What it logged in with was unbound"),
}

WHO: Final[Mapping[str, str]] = {
    "client": sentence("The mini program"),
    "operator": sentence("You"),
    "platform": sentence("The platform"),
    "nobody": sentence("Nobody"),
}
"""Who must act, of ``Refusal.who``."""

PURPOSES: Final[Mapping[str, tuple[str, str, str]]] = {
    "sealed": (
        sentence("Sealed login states"),
        sentence("They are encrypted with the first key. Whoever is logged in stays so when a new key comes first."),
        sentence("Everybody whose login state was made with this key must log in again, at once."),
    ),
    "signed": (
        sentence("Signed login states"),
        sentence("They are signed with the first key, and Envoy checks them with all of these."),
        sentence("Everybody whose login state was made with this key must log in again, at once."),
    ),
    "refresh": (
        sentence("Refresh tokens"),
        sentence("They are encrypted with the first key. Those of older keys can still be traded in."),
        sentence(
            "Refresh tokens made with this key are refused: those clients must log in again when their state ends."
        ),
    ),
    "assertion": (
        sentence("Assertions to backends"),
        sentence("Backends check them with the public keys at /.well-known/jwks.json, which they keep for 5 minutes."),
        sentence("Backends refuse assertions made with this key. Wait 10 minutes after the rotation."),
    ),
}
"""Purpose -> (name, what it is for and what rotating does, what retiring does)."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """``sentence`` is in the visitor's language, "" for a reason of an older version; ``who`` is of the catalog."""

    reason: str
    sentence: str
    who: str


def outcome_of(reason: str, locale: str) -> Outcome:
    refusal = REFUSALS.get(reason)
    if refusal is None:
        return Outcome(reason, "", "")
    return Outcome(reason, refusal.message_zh if locale == CHINESE else refusal.message, WHO[refusal.who])


def outcomes(locale: str) -> list[Outcome]:
    """Every refusal there is."""
    return [outcome_of(reason, locale) for reason in sorted(REFUSALS)]
