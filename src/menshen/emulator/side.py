"""What one platform has in memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from menshen.emulator.answer import Answer, encode
from menshen.emulator.component import Component
from menshen.emulator.dialect import AppSettings, Asked, Dialect, Outcome
from menshen.emulator.faults import Faults
from menshen.emulator.heard import HeardLogins
from menshen.emulator.identifiers import RandomBytes, rid
from menshen.emulator.tokens import Tokens
from menshen.emulator.visitors import Visitors

__all__ = ["Calls", "Side", "credentials"]


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls received by one platform, whatever came of them.

    ``total`` and ``codes`` are logins, all and by js_code; ``apis`` are the other calls, by path.
    """

    total: int
    codes: Mapping[str, int]
    apis: Mapping[str, int] = field(default_factory=dict)


_STANDINGS: Final[Mapping[str, Outcome]] = {"expired": "expired_token", "superseded": "wrong_token"}


class Side:
    """One platform. ``most_counted`` js_codes are counted, then the newest push each other out."""

    __slots__ = ("apis", "apps", "by_code", "components", "dialect", "faults", "heard", "most_counted", "name",
                 "random", "tokens", "total", "visitors")  # fmt: skip

    def __init__(self, name: str, dialect: Dialect, visitors: Visitors, random: RandomBytes, most_counted: int) -> None:
        self.name = name
        self.dialect = dialect
        self.visitors = visitors
        self.random = random
        self.most_counted = most_counted
        self.apps: dict[str, AppSettings] = {}
        self.components: dict[str, Component] = {}
        self.tokens: dict[tuple[str, str], Tokens] = {}
        self.faults = Faults()
        self.heard = HeardLogins()
        self.total = 0
        self.by_code: OrderedDict[str, int] = OrderedDict()
        self.apis: dict[str, int] = {}

    def count(self, code: str) -> None:
        self.total += 1
        if code:
            self.by_code[code] = self.by_code.get(code, 0) + 1
            if len(self.by_code) > self.most_counted:
                self.by_code.popitem(last=False)

    def tokens_of(self, appid: str, api: str) -> Tokens:
        """Those that this API (``stable_token`` or ``token``) gives this app."""
        return self.tokens.setdefault((appid, api), Tokens(self.random))

    def holder(self, token: str, now: float) -> tuple[str, Outcome | None]:
        """Whose access token this is, and what is wrong with it."""
        outcome: Outcome = "wrong_token"
        for (appid, _), tokens in self.tokens.items():
            standing = tokens.standing(token, now)
            if standing == "good":
                return appid, None
            if standing != "unknown":
                outcome = _STANDINGS[standing]
        return "", outcome

    def by_token(self, asked: Asked, now: float) -> Asked:
        """The same, where it is the access token alone that says which app a login is of."""
        if asked.appid or not self.dialect.by_token or asked.outcome is not None:
            return asked
        appid, outcome = self.holder(asked.secret, now)
        return replace(asked, appid=appid, outcome=outcome)

    def distrusts(self, app: AppSettings, asked: Asked, now: float) -> Outcome | None:
        """What is wrong with the proof that a login comes from this app."""
        if asked.component:
            component = self.components.get(asked.component)
            return "wrong_component" if component is None else component.may_log_in(asked.appid, asked.secret, now)
        if not self.dialect.by_token:
            return self.dialect.distrusts(app, asked)
        holder, outcome = self.holder(asked.secret, now)
        return outcome if outcome is not None or holder == asked.appid else "wrong_token"

    def refused(self, outcome: Outcome, now: float, *, login: bool = True) -> dict[str, Any]:
        return self.dialect.refuse(outcome, rid(now, self.random), login=login)

    def signed(self, fields: dict[str, Any], appid: str) -> dict[str, Any]:
        """The answer to a login of this app, with what the platform adds to prove that it is its own."""
        return self.dialect.signed(fields, self.apps.get(appid))

    def answer(self, fields: dict[str, Any]) -> Answer:
        """These fields as the platform sends them."""
        return Answer(encode(fields), self.dialect.content_type, self.dialect.status(fields))

    def roll(self) -> float:
        return int.from_bytes(self.random(4), "big") / 2**32


def credentials(app: AppSettings | None, secret: str) -> Outcome | None:
    """What is wrong with an app's AppID and AppSecret."""
    if app is None:
        return "wrong_appid"
    return None if app.secret == secret else "wrong_secret"
