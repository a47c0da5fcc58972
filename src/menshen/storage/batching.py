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


class Batcher(Generic[Item, Answer]):
    """``run`` gets up to ``limit`` items and answers each, in order; its exception goes to each."""

    def __init__(self, run: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]], limit: int = 128) -> None:
        self._run = run
        self._limit = limit
        self._waiting: list[tuple[Item, asyncio.Future[Answer]]] = []
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
            try:
                answers = await self._run([item for item, _ in batch])
            except Exception as error:  # noqa: BLE001 - whatever it is, the callers must hear of it
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
                continue
            for (_, future), answer in zip(batch, answers, strict=True):
                if not future.done():
                    future.set_result(answer)
