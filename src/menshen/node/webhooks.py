"""Telling webhooks: what ``users/outbox.py`` has written is sent, again and again until somebody takes it.

A message goes out at least once. A receiver that gets one twice knows it by its ``webhook-id``: that happens where
this process dies, or loses the database, between the answer and noting it. Messages of one webhook may overtake each
other.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Final

from menshen.callouts.signing import signed
from menshen.config.user_rules import WebhookRules
from menshen.errors import (
    DatabaseUnavailable,
    PlatformBusy,
    PlatformReplyInvalid,
    PlatformTimeout,
    PlatformUnreachable,
    WebhookUnknown,
)
from menshen.platforms.base import Flow, PlatformRequest
from menshen.platforms.client import PlatformClient
from menshen.storage.database import Database
from menshen.storage.webhook_deliveries import (
    Attempted,
    Taken,
    add_deliveries,
    finish_deliveries,
    take_deliveries,
    waiting_webhooks,
)
from menshen.users.outbox import new_delivery, test_message

__all__ = ["ATTEMPTS", "WebhookSender", "next_attempt"]

log = logging.getLogger("menshen.node")

ATTEMPTS: Final = 16
"""Over about six and a half hours: a receiver may be down for a deployment, or for an evening."""

_FIRST_PAUSE, _LONGEST_PAUSE = 5.0, 3600.0
_TIMEOUT = 10.0
_AT_ONCE = 8
"""Messages on their way to one webhook: one that stalls holds up no other."""

_TAKEN_AT_ONCE = 32
_TAKEN_SECONDS = 90.0
"""By then what was taken has been sent, even where each of the eight waits for its last second; if not, the sender is
dead, and another sends the message again."""

_LOOK_SECONDS = 0.5
_LAST_SECONDS = 2.0

_NO_ANSWER: Final = {
    PlatformUnreachable: "no connection",
    PlatformTimeout: "no answer in time",
    PlatformReplyInvalid: "the answer is no HTTP, breaks off, or is too long",
}


def next_attempt(attempts: int, now: float, random: Callable[[int], bytes]) -> float | None:
    """When to try again after so many attempts (Unix seconds); None where those were enough.

    Each pause is twice the one before, up to an hour. Up to a quarter is taken off by chance: what failed together,
    when a receiver went down, does not come back all at once.
    """
    if attempts >= ATTEMPTS:
        return None
    pause: float = min(_FIRST_PAUSE * 2 ** (attempts - 1), _LONGEST_PAUSE)
    return now + pause * (1 - int.from_bytes(random(2)) / 0x40000)


class WebhookSender:
    """``webhooks`` gives those of the running revision, ``clock`` Unix seconds, ``random`` OS randomness.

    Any number of senders may work on one database.
    """

    def __init__(
        self,
        database: Database,
        client: PlatformClient,
        webhooks: Callable[[], Sequence[WebhookRules]],
        clock: Callable[[], float],
        random: Callable[[int], bytes],
    ) -> None:
        self._database = database
        self._client = client
        self._webhooks = webhooks
        self._clock = clock
        self._random = random
        self._sending: dict[str, set[asyncio.Task[None]]] = {}
        self._turns: dict[str, asyncio.Semaphore] = {}

    async def follow(self) -> None:
        """Send whatever is due, for ever; at the end, :meth:`close`."""
        silent = False
        try:
            while True:
                try:
                    await self.look()
                    silent = False
                except DatabaseUnavailable as error:
                    if not silent:
                        log.warning("webhooks_unknown", extra={"why": str(error)})
                    silent = True
                except Exception:
                    log.exception("sending_webhooks")
                await self._pause()
        finally:
            await self.close()

    async def look(self) -> None:
        """Begin to send what is due now, as far as there is room."""
        rules = {
            webhook.name: webhook
            for webhook in self._webhooks()
            if len(self._sending.setdefault(webhook.name, set())) < _AT_ONCE
        }
        if not rules:
            return
        async with self._database.reading() as connection:
            waiting = await waiting_webhooks(connection, list(rules), self._clock())
        for name in waiting:
            sending = self._sending[name]
            for taken in await self._take(name):
                task = asyncio.create_task(self._deliver(rules[name], taken))
                sending.add(task)
                task.add_done_callback(sending.discard)

    async def drained(self) -> None:
        """Wait until nothing is on its way."""
        while tasks := self._on_their_way():
            await asyncio.wait(tasks)

    async def close(self) -> None:
        """Give what is on its way a moment to arrive, then break it off: somebody sends it again."""
        tasks = self._on_their_way()
        if tasks:
            await asyncio.wait(tasks, timeout=_LAST_SECONDS)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def test(self, name: str) -> Attempted:
        """Send a message of type ``test`` now, once, and tell what came of it. Raises ``WebhookUnknown``."""
        webhook = next((each for each in self._webhooks() if each.name == name), None)
        if webhook is None:
            raise WebhookUnknown(f"no webhook is named {name[:60]!r}")
        now = self._clock()
        new = new_delivery(name, "test", test_message(int(now)), int(now), self._random)
        async with self._database.writing() as connection:
            await add_deliveries(connection, [new])
            [taken] = await take_deliveries(connection, name, now, now + _TAKEN_SECONDS, 1, only=new.delivery)
        status, error = await self._post(webhook, taken)
        return await self._note(taken, status, error, None)

    async def _pause(self) -> None:
        """Until something may have become due, or there is room again to take what is."""
        tasks = self._on_their_way()
        if tasks:
            await asyncio.wait(tasks, timeout=_LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(_LOOK_SECONDS)

    async def _take(self, name: str) -> list[Taken]:
        now = self._clock()
        async with self._database.writing() as connection:
            return await take_deliveries(connection, name, now, now + _TAKEN_SECONDS, _TAKEN_AT_ONCE)

    async def _deliver(self, webhook: WebhookRules, taken: Taken) -> None:
        try:
            async with self._turns.setdefault(webhook.name, asyncio.Semaphore(_AT_ONCE)):
                status, error = await self._post(webhook, taken)
            gone = status == HTTPStatus.GONE  # the receiver's word that it wants no more of this
            again = None if not error or gone else next_attempt(taken.attempts, self._clock(), self._random)
            await self._note(taken, status, error, again)
            if error and again is None:
                extra = {"webhook": webhook.name, "delivery": taken.delivery, "attempts": taken.attempts, "why": error}
                log.warning("webhook_failed", extra=extra)
        except DatabaseUnavailable as failure:
            # It is sent again when its time is up: twice is better than never.
            log.warning("webhook_not_noted", extra={"delivery": taken.delivery, "why": str(failure)})
        except Exception:
            log.exception("sending_a_webhook", extra={"delivery": taken.delivery})

    async def _post(self, webhook: WebhookRules, taken: Taken) -> tuple[int, str]:
        """The status of the answer, 0 where there is none, and what is wrong with it: "" for 2xx."""
        body = taken.body.encode()
        request = signed(webhook.url, webhook.secret, body, taken.delivery, self._clock(), _TIMEOUT)
        try:
            status = await self._client.run(_status_of(request))
        except PlatformBusy as failure:
            return 0, _NO_ANSWER.get(type(failure), failure.reason)
        if 200 <= status < 300:
            return status, ""
        # A redirect is not followed: it would take the message, and the next ones, to where no operator sent them.
        return status, f"HTTP {status}" + (", and redirects are not followed" if 300 <= status < 400 else "")

    async def _note(self, taken: Taken, status: int, error: str, again: float | None) -> Attempted:
        outcome = Attempted(
            id=taken.id,
            attempts=taken.attempts,
            status="delivered" if not error else "failed" if again is None else "waiting",
            at=int(self._clock()),
            next_at=again,
            response_status=status,
            error=error,
        )
        await self._database.write(finish_deliveries, outcome)
        return outcome

    def _on_their_way(self) -> list[asyncio.Task[None]]:
        return [task for tasks in self._sending.values() for task in tasks]


def _status_of(request: PlatformRequest) -> Flow[int]:
    reply = yield request
    return reply.status
