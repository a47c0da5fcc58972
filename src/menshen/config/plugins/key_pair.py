"""Calls of servers, signed with a key pair (密钥对鉴权): time, nonce and body are signed, and a nonce is good once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from menshen.config.app_credentials import AppSecret
from menshen.config.part import Items, Part
from menshen.config.plugins.values import KeyId
from menshen.config.route_rules import LONGEST_WINDOW, KeyPair, KeyPairRules
from menshen.config.values import Description, HeaderName, Name
from menshen.config.wording import refuse

__all__ = ["Key", "KeyPairAuth"]

_SHORTEST = 16


def _moment(value: str) -> str:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        raise refuse(
            'must be a date and time, such as "2027-01-31 23:59:59" (UTC unless it says otherwise)',
            '必须是日期时间，例如 "2027-01-31 23:59:59"（未注明时区则为 UTC）',
        ) from None
    return value


Moment = Annotated[str, AfterValidator(_moment)]


class Key(Part):
    """A key: its ``id`` travels with a call, its ``secret`` signs it. After ``expires`` it is good no more."""

    id: KeyId
    secret: AppSecret
    enabled: bool = True
    expires: Moment | None = None

    def rules(self) -> KeyPair:
        until = 0
        if self.expires is not None:
            moment = datetime.fromisoformat(self.expires)
            # 0 is never, and a date before 1970 is long past.
            until = max(1, int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()))
        return KeyPair(self.id, self.secret, until)


class KeyPairAuth(Part):
    """``window`` is how many seconds a signature may be old or early, ``max_body_kib`` bounds a signed body."""

    name: Name
    type: Literal["KeyPair"]
    description: Description = ""
    keys: Annotated[Items[Key], Field(min_length=1, max_length=1000)]
    window: Annotated[int, Field(ge=5, le=LONGEST_WINDOW)] = 300
    max_body_kib: Annotated[int, Field(ge=1, le=4096)] = 64
    caller: HeaderName = "x-menshen-caller"

    @model_validator(mode="after")
    def _sound(self) -> KeyPairAuth:
        if len({key.id for key in self.keys}) < len(self.keys):
            raise refuse("a key id is in keys twice", "keys 中的 id 重复")
        if any(len(key.secret.reveal()) < _SHORTEST for key in self.keys):
            raise refuse(f"a key's secret has at least {_SHORTEST} characters", f"密钥至少 {_SHORTEST} 个字符")
        return self

    def rules(self) -> KeyPairRules:
        return KeyPairRules(
            plugin=self.name,
            keys=tuple(key.rules() for key in self.keys if key.enabled),
            window=self.window,
            body_limit=self.max_body_kib * 1024,
            caller=self.caller,
        )
