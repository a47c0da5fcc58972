"""The caller of a request, from its assertion: for backends that must not trust the network."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ClassVar

from joserfc.jwk import ECKey

from menshen.backend.assertion import kid_of, verified
from menshen.backend.caller import Caller
from menshen.backend.fetching import Fetch
from menshen.backend.headers import ASSERTION, Headers, only
from menshen.backend.keys import Keys
from menshen.backend.refusals import AssertionInvalid, AssertionMissing

__all__ = ["Verifier"]


class Verifier:
    """``upstream`` is this backend's name in the gateway's document; ``keys`` the URL of the JWK Set, what gives its
    bytes, or ``Keys`` that several share. ``clock`` gives Unix seconds.

    Every method raises ``AssertionMissing``, ``AssertionInvalid`` or ``KeysUnavailable``.
    """

    believes_headers: ClassVar[bool] = False

    def __init__(self, upstream: str, keys: str | Fetch | Keys, *, clock: Callable[[], float] = time.time) -> None:
        if not upstream:
            raise ValueError("an assertion is verified for one upstream: name it")
        self._upstream = upstream
        self._keys = keys if isinstance(keys, Keys) else Keys(keys)
        self._clock = clock

    def verify(self, assertion: str) -> Caller:
        """The caller of whom the gateway says this. Waits where keys must be fetched."""
        kid = _named(assertion)
        return self._verified(assertion, kid, self._keys.key(kid))

    async def verify_async(self, assertion: str) -> Caller:
        """The same, for an event loop."""
        kid = _named(assertion)
        return self._verified(assertion, kid, await self._keys.key_async(kid))

    def caller(self, headers: Headers) -> Caller:
        return self.verify(only(headers, ASSERTION))

    async def caller_async(self, headers: Headers) -> Caller:
        return await self.verify_async(only(headers, ASSERTION))

    def _verified(self, assertion: str, kid: str, key: ECKey | None) -> Caller:
        if key is None:
            raise AssertionInvalid(f"the gateway has no key {kid}")
        return verified(assertion, key, self._upstream, self._clock())


def _named(assertion: str) -> str:
    if not assertion:
        raise AssertionMissing("no assertion")
    return kid_of(assertion)
