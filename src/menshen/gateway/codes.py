"""One exchange per code, whichever worker or node its requests reach.

Inside a process the requests that carry one code share one future. Between processes the database decides: the first
to insert the code's digest exchanges it, the others wait for the outcome it writes. "Parallel" is exact: a request
shares the outcome if Envoy had received it before the outcome was known; one that was sent afterwards is a replay,
whoever sends it, and is refused (attack class 39).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from menshen.errors import (
    REFUSALS,
    CodeUsed,
    ComponentTicketMissing,
    InternalFault,
    LoginRefused,
    PlatformTimeout,
    PlatformUnreachable,
    Refusal,
)
from menshen.secret import Secret
from menshen.sessions.claims import RandomBytes, SessionClaims
from menshen.storage.codes import (
    CodeClaim,
    CodeOutcome,
    CodeState,
    claim_codes,
    finish_codes,
    look_up_codes,
    release_code,
)
from menshen.storage.database import Database
from menshen.storage.sealing import Sealer

__all__ = ["CodeBook", "LoggedIn", "Spend"]

_PATIENCE = 6.5
"""Seconds a request waits for another process's exchange: the platform's five and the writing of the outcome."""

_UNSENT = (PlatformUnreachable, ComponentTicketMissing)
"""What leaves a code as good as it was: the platform has not seen it."""

_FIRST_LOOK, _SLOWEST_LOOK = 0.005, 0.1

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A login's outcome. ``session_key`` is there for a backend that asked for it by name, and goes nowhere else."""

    claims: SessionClaims
    session_key: Secret
    new_user: bool
    reference: Secret = field(default_factory=lambda: Secret(""))
    """The login state itself for kind ``reference``; "" for the kinds that any process can make from the claims."""
    seed: Secret = field(default_factory=lambda: Secret(""))
    """What the ids after its refreshes come of: see ``RefreshClaims``."""


@dataclass(frozen=True, slots=True)
class _Record:
    """A stored outcome: a login, or the reason of a refusal. It rests sealed, for it holds the session_key."""

    claims: SessionClaims | None = None
    session_key: str = ""
    new_user: bool = False
    reference: str = ""
    seed: str = ""
    refused: str = ""
    said: str = ""
    """The text of a refusal that has one of its own (``LoginRefused``)."""


Spend = Callable[[LoggedIn], CodeOutcome]
"""Makes a login the outcome of its code, for ``finish_codes``."""

Exchanges = Callable[[Spend], Awaitable[LoggedIn]]


class CodeBook:
    """``clock`` gives Unix seconds, the same clock that stamps requests at Envoy."""

    def __init__(self, database: Database, sealer: Sealer, clock: Callable[[], float], random: RandomBytes) -> None:
        self._database = database
        self._sealer = sealer
        self._clock = clock
        self._random = random
        self._running: dict[str, asyncio.Task[LoggedIn]] = {}

    async def once(self, app_key: str, code: str, received: float, exchange: Exchanges) -> LoggedIn:
        """The outcome of this code: by ``exchange`` for the first request, shared with its parallels.

        ``exchange`` gets a function that makes a login the code's outcome, and stores that with what else it writes:
        one transaction holds both the session and the spent code. ``app_key`` keeps the codes of different apps apart.
        Raises the refusal that ``exchange`` raised, ``CodeUsed`` for a replay, ``PlatformTimeout`` where another
        process never finished.
        """
        digest = _digest(app_key, code)
        task = self._running.get(digest)
        if task is None:
            task = asyncio.create_task(self._through_database(digest, received, exchange))
            self._running[digest] = task
            task.add_done_callback(lambda done: self._forget(digest, done))
        # Shielded: when one client hangs up, the others still get their answer and the code is not lost.
        return await asyncio.shield(task)

    async def alone(self, app_key: str, code: str, exchange: Callable[[], Awaitable[T]]) -> T:
        """What ``exchange`` makes of this code, shared with nobody and opening no session; the code is spent by it.

        Raises the refusal that ``exchange`` raised, and ``CodeUsed`` for every request but the first.
        """
        digest, claim = _digest(app_key, code), self._random(16).hex()
        state = await self._database.write(claim_codes, CodeClaim(digest, claim, self._clock()))
        if state.claim != claim:
            raise CodeUsed
        # Shielded as above: who hangs up must not leave a code that was exchanged and never written down as spent.
        task = asyncio.create_task(self._alone(digest, claim, exchange))
        task.add_done_callback(_looked_at)
        return await asyncio.shield(task)

    async def _alone(self, digest: str, claim: str, exchange: Callable[[], Awaitable[T]]) -> T:
        refused = CodeUsed.reason
        try:
            return await exchange()
        except _UNSENT:
            refused = ""
            async with self._database.writing() as connection:
                await release_code(connection, digest, claim)
            raise
        except Refusal as refusal:
            refused = refusal.reason
            raise
        finally:
            if refused:
                await self._database.write(finish_codes, self._spent(digest, _Record(refused=refused)))

    def _forget(self, digest: str, done: asyncio.Task[LoggedIn]) -> None:
        self._running.pop(digest, None)
        _looked_at(done)

    async def _through_database(self, digest: str, received: float, exchange: Exchanges) -> LoggedIn:
        claim = self._random(16).hex()
        deadline = self._clock() + _PATIENCE
        pause = _FIRST_LOOK
        state: CodeState | None = await self._database.write(claim_codes, CodeClaim(digest, claim, self._clock()))
        while self._clock() < deadline:
            if state is None:  # its claimer gave it back unsent
                state = await self._database.write(claim_codes, CodeClaim(digest, claim, self._clock()))
            if state.claim == claim:
                return await self._exchange(digest, claim, exchange)
            if state.done_at is not None:
                if received > state.done_at:
                    raise CodeUsed
                return self._outcome(digest, state)
            if received > state.claimed_at + _PATIENCE:
                raise CodeUsed("claimed by a process that never finished")
            await asyncio.sleep(pause)
            pause = min(pause * 2, _SLOWEST_LOOK)
            async with self._database.reading() as connection:
                state = (await look_up_codes(connection, [digest])).get(digest)
        raise PlatformTimeout("another process did not finish the exchange")

    async def _exchange(self, digest: str, claim: str, exchange: Exchanges) -> LoggedIn:
        try:
            return await exchange(lambda login: self._spent(digest, self._record(login)))
        except _UNSENT:
            async with self._database.writing() as connection:
                await release_code(connection, digest, claim)
            raise
        except Refusal as refusal:
            said = refusal.detail if isinstance(refusal, LoginRefused) else ""
            record = _Record(refused=refusal.reason, said=said)
            await self._database.write(finish_codes, self._spent(digest, record))
            raise

    def _spent(self, digest: str, record: _Record) -> CodeOutcome:
        sealed = self._sealer.seal(Secret(msgspec.json.encode(record).decode()), digest)
        return CodeOutcome(digest, sealed, self._clock())

    def _outcome(self, digest: str, state: CodeState) -> LoggedIn:
        record = msgspec.json.decode(self._sealer.unseal(state.sealed_outcome or "", digest).reveal(), type=_Record)
        if record.claims is None:
            raise REFUSALS.get(record.refused, InternalFault)(record.said or "shared with a parallel request")
        secrets = (Secret(record.reference), Secret(record.seed))
        return LoggedIn(record.claims, Secret(record.session_key), record.new_user, *secrets)

    @staticmethod
    def _record(login: LoggedIn) -> _Record:
        secrets = (login.reference.reveal(), login.seed.reveal())
        return _Record(login.claims, login.session_key.reveal(), login.new_user, *secrets)


def _looked_at(done: asyncio.Task[Any]) -> None:
    """For the case that every client has hung up."""
    if not done.cancelled():
        done.exception()


def _digest(app_key: str, code: str) -> str:
    return hashlib.sha256(f"{app_key}\n{code}".encode()).hexdigest()
