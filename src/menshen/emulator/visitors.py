"""The users of one platform's apps: their ids, and the one session_key that is theirs now."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from menshen.emulator.dialect import Dialect
from menshen.emulator.identifiers import RandomBytes

__all__ = ["SESSION_KEY_STABLE", "Visitor", "Visitors"]

SESSION_KEY_STABLE: Final = 60
"""Seconds. A login this long after the key was made makes a new one; earlier ones keep it. WeChat only says that the
key does not change with every login in a short time."""


@dataclass(slots=True)
class Visitor:
    """One user of one app: the one valid session key, and the calls of the present minute."""

    user: str
    openid: str
    unionid: str
    session_key: str
    key_made: float
    minute: int = 0
    calls: int = 0


class Visitors:
    """``key`` is what openids are derived with; beyond ``most`` the oldest are forgotten."""

    __slots__ = ("_by_openid", "_dialect", "_key", "_most", "_random", "_visitors")

    def __init__(self, dialect: Dialect, key: bytes, random: RandomBytes, most: int) -> None:
        self._dialect = dialect
        self._key = key
        self._random = random
        self._most = most
        self._visitors: OrderedDict[tuple[str, str], Visitor] = OrderedDict()
        self._by_openid: dict[tuple[str, str], Visitor] = {}

    def __len__(self) -> int:
        return len(self._visitors)

    def of(self, appid: str, user: str, now: float) -> Visitor:
        """This user of this app, who has a session_key from the first time he is looked for."""
        visitor = self._visitors.get((appid, user))
        if visitor is None:
            dialect = self._dialect
            visitor = self._visitors[appid, user] = Visitor(
                user,
                dialect.openid(self._key, appid, user),
                dialect.unionid(self._key, user),
                dialect.session_key(self._random),
                key_made=now,
            )
            self._by_openid[appid, visitor.openid] = visitor
            if len(self._visitors) > self._most:
                (appid, _), oldest = self._visitors.popitem(last=False)
                del self._by_openid[appid, oldest.openid]
        return visitor

    def by_openid(self, appid: str, openid: str) -> Visitor | None:
        return self._by_openid.get((appid, openid))

    def logs_in(self, appid: str, user: str, now: float) -> None:
        """What a login on the phone does to the key: an old one is replaced."""
        visitor = self._visitors.get((appid, user))
        if visitor is not None and now - visitor.key_made >= SESSION_KEY_STABLE:
            self.new_key(visitor, now)

    def new_key(self, visitor: Visitor, now: float) -> None:
        visitor.session_key = self._dialect.session_key(self._random)
        visitor.key_made = now
