"""The gateway's public keys, kept: fetched when they are old or a ``kid`` is new, and never for each request.

Anybody can send an assertion with a ``kid`` that nobody has heard of. So there is one fetch at a time, and none within
``EVERY`` seconds of the last, whatever is asked for: a flood of forged ones costs the gateway nothing. A fetch
replaces all the keys: one that was retired is good no more (attack class 29).
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from menshen.backend.fetching import Fetch, from_url
from menshen.backend.refusals import KeysUnavailable

__all__ = ["KID", "Keys", "read_key_set"]

KID = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
"""A name and nothing else: no path, no address, no SQL."""

AGE = 300.0
"""Seconds for which the gateway lets its keys be kept."""

STALE = 900.0
"""Seconds after which keys are not believed, where no newer ones can be had: one of them may be retired."""

EVERY = 5.0
"""Seconds between two fetches at the least."""

_MOST_KEYS = 32

_log = logging.getLogger("menshen.backend")


@dataclass(frozen=True, slots=True)
class _Kept:
    keys: Mapping[str, ECKey]
    at: float


class Keys:
    """``source`` is the URL of the JWK Set, or what gives its bytes; ``clock`` gives seconds that never go back.

    Safe to share among threads and event loops. Nothing is fetched before the first request.
    """

    def __init__(self, source: str | Fetch, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = from_url(source) if isinstance(source, str) else source
        self._clock = clock
        self._kept = _Kept({}, float("-inf"))
        self._tried = float("-inf")
        self._running: Future[None] | None = None
        self._lock = threading.Lock()

    def key(self, kid: str) -> ECKey | None:
        """The key of that name, None where the gateway has none. Raises ``KeysUnavailable``."""
        flight = self._due(kid)
        if flight is not None:
            running, mine = flight
            if mine:
                self._fly(running)
            running.result()
        return self._known(kid)

    async def key_async(self, kid: str) -> ECKey | None:
        """The same; a fetch runs in a thread, and the event loop goes on."""
        flight = self._due(kid)
        if flight is not None:
            running, mine = flight
            if mine:
                # Shielded: a client that hangs up while no thread is free would take the fetch out of the queue, and
                # everybody would wait for it without end.
                await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, self._fly, running))
            await asyncio.wrap_future(running)
        return self._known(kid)

    def _known(self, kid: str) -> ECKey | None:
        if self._clock() - self._kept.at > STALE:
            raise KeysUnavailable("the keys are too old, and no newer ones can be had")
        return self._kept.keys.get(kid)

    def _due(self, kid: str) -> tuple[Future[None], bool] | None:
        """The fetch to wait for, and whether the caller has to run it; None: what is kept must do."""
        now = self._clock()
        known = kid in self._kept.keys
        if known and now - self._kept.at <= AGE:
            return None
        with self._lock:
            if self._running is not None:
                # Whoever holds a key that was good a moment ago does not wait for another's fetch.
                usable = known and now - self._kept.at <= STALE
                return None if usable else (self._running, False)
            if now - self._tried < EVERY:
                return None
            self._tried = now
            self._running = Future()
            # A waiter that is cancelled must not cancel the fetch that the others wait for.
            self._running.set_running_or_notify_cancel()
            return self._running, True

    def _fly(self, running: Future[None]) -> None:
        try:
            self._kept = _Kept(read_key_set(self._fetch()), self._clock())
        except Exception as failure:  # noqa: BLE001 - a given fetch raises what its own client raises
            _log.warning("keys: %s", failure if isinstance(failure, KeysUnavailable) else type(failure).__name__)
        finally:
            with self._lock:
                self._running = None
            running.set_result(None)


def read_key_set(document: bytes) -> dict[str, ECKey]:
    """The P-256 keys of a JWK Set, by ``kid``. Keys of other kinds are passed over, so that the set may grow; one that
    is broken, two of one name, or none at all are ``KeysUnavailable``."""
    try:
        written = json.loads(document)["keys"]
        found: dict[str, ECKey] = {}
        for members in written:
            if not _for_assertions(members):
                continue
            kid = members["kid"]
            if kid in found or len(found) == _MOST_KEYS:
                raise KeysUnavailable("the JWK Set has two keys of one kid, or too many")
            found[kid] = ECKey.import_key({name: members[name] for name in ("kty", "crv", "x", "y", "kid")})
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise KeysUnavailable(f"that is no JWK Set ({type(error).__name__})") from None
    if not found:
        raise KeysUnavailable("the JWK Set has no P-256 key in it")
    return found


def _for_assertions(members: dict[str, Any]) -> bool:
    kid = members.get("kid")
    return (
        members.get("kty") == "EC"
        and members.get("crv") == "P-256"
        and members.get("alg", "ES256") == "ES256"
        and members.get("use", "sig") == "sig"
        and isinstance(kid, str)
        and KID.match(kid) is not None
    )
