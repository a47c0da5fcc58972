"""The platform of an app, where it is an emulator of ours: it gives codes, and tells what it heard of them.

An app's ``base_url`` says where its platform is; the AppSecret goes there with every login, so it is trusted with more
than is asked here. Nothing secret is sent, and of what comes back only what fits is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import aiohttp
import msgspec
from yarl import URL

from menshen.config.snapshot import App
from menshen.web.console.try_it.calling import NoAnswer, read_some

__all__ = ["EmulatedPlatform", "Heard", "NoEmulator", "openid_in"]

_MOST: Final = 64 * 1024
_OPENIDS: Final = ("openid", "open_id", "userid")
_PATIENCE: Final = aiohttp.ClientTimeout(total=3.0)

Told = TypeVar("Told")


class NoEmulator(Exception):
    """No code to be had here; the text says why, to a developer."""


class Heard(msgspec.Struct, frozen=True):
    """One login as the platform heard it, as the emulator's ``GET calls?code=`` tells it: with ``***`` for secrets."""

    at: float
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    status: int
    answer: dict[str, Any] | None


def openid_in(answer: Mapping[str, Any] | None) -> str:
    """Who the platform said it was, under the names and at the depths that platforms have for it; "" for nobody."""
    within = [value for value in (answer or {}).values() if isinstance(value, dict)]
    told = [each[name] for each in (answer or {}, *within) for name in _OPENIDS if name in each]
    return told[0] if told and isinstance(told[0], str) else ""


class _Calls(msgspec.Struct):
    total: int
    heard: list[Heard] = []


class _Code(msgspec.Struct):
    code: str


class _Error(msgspec.Struct):
    error: str


@dataclass(frozen=True, slots=True)
class EmulatedPlatform:
    """The control API of one app's emulator."""

    client: aiohttp.ClientSession
    app: App

    async def there(self) -> bool:
        """Whether the app's platform is an emulator, and answers."""
        try:
            await self._asked("GET", "calls", _Calls)
        except NoEmulator:
            return False
        return True

    async def login(self, user: str) -> str:
        """A code, as the client asks for one on this user's phone. Raises ``NoEmulator``."""
        return (await self._asked("POST", "login", _Code, body={"appid": self.app.appid, "user": user})).code

    async def heard(self, code: str) -> tuple[Heard, ...]:
        """What the platform heard of a code so far; nothing where it cannot be asked."""
        try:
            return tuple((await self._asked("GET", "calls", _Calls, query={"code": code})).heard)
        except NoEmulator:
            return ()

    async def _asked(
        self, method: str, what: str, kind: type[Told], *, query: Mapping[str, str] | None = None, body: object = None
    ) -> Told:
        base, slash, platform = self.app.base_url.rstrip("/").rpartition("/")
        if not slash or platform != self.app.platform:
            raise NoEmulator("the app's platform is no emulator")
        url = URL(f"{base}/emulator/{platform}/{what}").with_query(query or {})
        try:
            async with self.client.request(
                method, url, json=body, allow_redirects=False, timeout=_PATIENCE
            ) as response:
                status, text = response.status, await read_some(response, _MOST)
        except (aiohttp.ClientError, TimeoutError, NoAnswer):
            raise NoEmulator("the emulator does not answer") from None
        try:
            if status == 200:
                return msgspec.json.decode(text, type=kind)
            why = msgspec.json.decode(text, type=_Error).error
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise NoEmulator("what answers there is no emulator") from None
        raise NoEmulator(why[:300])
