"""One keep-alive HTTP/1.1 connection that parses as little as it can: the load must cost less than what it loads."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import cast

__all__ = ["Connection", "Reply", "request"]

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)


def request(path: str, headers: dict[str, str], host: str = "bench.example.com") -> bytes:
    """The bytes of a GET, made once and sent many times."""
    lines = [f"GET {path} HTTP/1.1", f"host: {host}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    head: bytes

    def header(self, name: str) -> str:
        """A header's value, "" where there is none."""
        found = re.search(rb"\r\n" + re.escape(name.encode()) + rb": *([^\r]*)", self.head, re.IGNORECASE)
        return found[1].decode("latin-1") if found else ""


class Connection(asyncio.Protocol):
    """One request at a time. A connection that breaks answers with :class:`ConnectionError`."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._waiting: asyncio.Future[Reply] | None = None
        self._end = -1  # of the answer in the buffer; -1 while its head is not whole, -2 while chunks come

    @classmethod
    async def open(cls, host: str, port: int) -> Connection:
        _, connection = await asyncio.get_running_loop().create_connection(cls, host, port)
        return connection

    def send(self, data: bytes) -> asyncio.Future[Reply]:
        if self._transport is None or self._transport.is_closing():
            raise ConnectionError("closed")
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(data)
        return self._waiting

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it

    def connection_lost(self, error: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(ConnectionError(str(error or "closed")))

    def data_received(self, data: bytes) -> None:
        self._received += data
        head_end = self._received.find(b"\r\n\r\n")
        if head_end < 0:
            return
        if self._end == -1:
            head = bytes(self._received[:head_end])
            length = _LENGTH.search(head)
            self._end = (
                -2 if length is None and _CHUNKED.search(head) else head_end + 4 + int(length[1] if length else 0)
            )
        whole = self._received.endswith(b"\r\n0\r\n\r\n") if self._end == -2 else len(self._received) >= self._end
        if not whole:
            return
        reply = Reply(int(self._received[9:12]), bytes(self._received[:head_end]))
        self._received.clear()
        self._end = -1
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(reply)
