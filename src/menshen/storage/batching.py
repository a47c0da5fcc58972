"""Group commit: while one transaction runs, the calls that arrive wait and share the next one.

A single writer (SQLite) does some hundred transactions a second, and a login needs two. Batching adds no delay of its
own: a call that finds nothing running starts at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

__all__ = ["Batcher"]

Item = TypeVar("Item")
Answer = TypeVar("Answer")

_Calls = list[tuple[Item, asyncio.Future[Answer]]]


def _never(_error: Exception) -> bool:
    return False


class Batcher(Generic[Item, Answer]):
    """``run`` gets up to ``limit`` items and answers each, in order.

    Its exception goes to each, and to those who wait already: they would have it as well, and twice as late. Where
    ``apart`` says that it may be the fault of one item alone, the batch is run again in halves instead, until only the
    items that fail by themselves get it: nobody's login fails because of what a stranger sent.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]],
        limit: int = 128,
        apart: Callable[[Exception], bool] = _never,
    ) -> None:
        self._run = run
        self._limit = limit
        self._apart = apart
        self._waiting: _Calls[Item, Answer] = []
        self._worker: asyncio.Task[None] | None = None

    async def call(self, item: Item) -> Answer:
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._drain())
        return await answer

    async def _drain(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
            await self._answer(batch)

    async def _answer(self, batch: _Calls[Item, Answer]) -> None:
        try:
            answers = await self._run([item for item, _ in batch])
        except Exception as error:  # noqa: BLE001 - whatever it is, the callers must hear of it
            if len(batch) > 1 and self._apart(error):
                half = len(batch) // 2
                await self._answer(batch[:half])
                await self._answer(batch[half:])
                return
            failed = batch
            if not self._apart(error):
                failed, self._waiting = [*batch, *self._waiting], []
            for _, future in failed:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), answer in zip(batch, answers, strict=True):
            if not future.done():
                future.set_result(answer)
