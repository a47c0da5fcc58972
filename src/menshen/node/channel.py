"""The private line between a node and its workers: length-prefixed JSON over a socket pair.

The node sends the whole state whenever a part of it changes, the worker answers with the number it now runs. Nothing
is merged, so a worker that was restarted is as current as one that was not; only a snapshot that went through this line
before is named by its checksum, for a large one takes a worker a while to read. Revocations alone are sent as they
come, for they are many; a new worker gets them all first. The other way go counts, all of them each time: what a
worker that dies has told is known. The state holds AppSecrets and keys: it goes through this
line and never into a file or an argument.
"""

from __future__ import annotations

import asyncio
import socket
import struct

import msgspec

from menshen.config.snapshot import Snapshot, decode_snapshot, encode_snapshot
from menshen.figures.tally import Tally
from menshen.sessions.keys import KeyRings
from menshen.sessions.revocation import Revocation

__all__ = ["Channel", "Revoked", "WorkerState"]

_LENGTH = struct.Struct("!I")
_LIMIT = 256 * 1024 * 1024


class WorkerState(msgspec.Struct, frozen=True):
    """What a worker decides with. ``snapshots``: the newest first, older ones for requests stamped a moment ago."""

    number: int
    snapshots: tuple[Snapshot, ...]
    keys: KeyRings

    def __repr__(self) -> str:
        return f"WorkerState({self.number})"


class Revoked(msgspec.Struct, frozen=True):
    """What was revoked: all of it (``whole``) or what is new. Nothing else had been by ``heard``, Unix seconds."""

    items: tuple[Revocation, ...]
    heard: float
    whole: bool = False


class _Frame(msgspec.Struct, frozen=True, omit_defaults=True):
    """``checksums`` are those of the state's snapshots, ``snapshots`` the ones among them that are new here."""

    number: int = 0
    checksums: tuple[str, ...] = ()
    snapshots: tuple[msgspec.Raw, ...] = ()
    keys: KeyRings | None = None
    revoked: Revoked | None = None
    counts: Tally | None = None


class Channel:
    """One end of the line."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._sending = asyncio.Lock()
        self._sent: frozenset[str] = frozenset()
        self._received: dict[str, Snapshot] = {}

    @classmethod
    async def over(cls, sock: socket.socket) -> Channel:
        sock.setblocking(False)
        return cls(*await asyncio.open_connection(sock=sock))

    async def send_state(self, state: WorkerState) -> None:
        by_checksum = {snapshot.checksum: snapshot for snapshot in state.snapshots}
        async with self._sending:
            new = [snapshot for checksum, snapshot in by_checksum.items() if checksum not in self._sent]
            raw = tuple(msgspec.Raw(encode_snapshot(snapshot)) for snapshot in new)
            checksums = tuple(snapshot.checksum for snapshot in state.snapshots)
            await self._write(_Frame(state.number, checksums, raw, state.keys))
            self._sent = frozenset(checksums)

    async def send_revoked(self, revoked: Revoked) -> None:
        await self._send(_Frame(revoked=revoked))

    async def receive(self) -> WorkerState | Revoked:
        """Raises EOFError when the node is gone."""
        frame = await self._receive()
        if frame.revoked is not None:
            return frame.revoked
        if frame.keys is None:
            raise EOFError("neither a state nor revocations")
        known = self._received | {new.checksum: new for new in (decode_snapshot(bytes(raw)) for raw in frame.snapshots)}
        self._received = {checksum: known[checksum] for checksum in frame.checksums}
        snapshots = tuple(self._received[checksum] for checksum in frame.checksums)
        return WorkerState(frame.number, snapshots, frame.keys)

    async def acknowledge(self, number: int) -> None:
        await self._send(_Frame(number))

    async def tell(self, counts: Tally) -> None:
        """What the worker has counted since its start."""
        await self._send(_Frame(counts=counts))

    async def heard(self) -> int | Tally:
        """The number of the state that the worker now runs, or its counts. Raises EOFError when the worker is gone."""
        frame = await self._receive()
        return frame.number if frame.counts is None else frame.counts

    async def _send(self, frame: _Frame) -> None:
        async with self._sending:
            await self._write(frame)

    async def _write(self, frame: _Frame) -> None:
        data = msgspec.json.encode(frame)
        self._writer.write(_LENGTH.pack(len(data)) + data)
        await self._writer.drain()

    async def _receive(self) -> _Frame:
        try:
            (length,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
            if length > _LIMIT:
                raise EOFError
            return msgspec.json.decode(await self._reader.readexactly(length), type=_Frame)
        except (asyncio.IncompleteReadError, ConnectionError):
            raise EOFError from None

    def close(self) -> None:
        self._writer.close()
