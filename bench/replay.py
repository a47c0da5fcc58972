"""The same set of requests over and over, as fast as it goes: by wrk where there is one, else by :mod:`bench.load`."""

from __future__ import annotations

import asyncio
import itertools
import resource
import shutil
from pathlib import Path

import uvloop

from bench.children import BenchFailed
from bench.load import Load, as_fast

__all__ = ["Replay"]

_SCRIPT = Path(__file__).with_name("replay.lua")


class Replay:
    """``directory`` takes the files of requests. ``wrk`` false: never ask for it."""

    def __init__(self, directory: Path, *, connections: int = 64, wrk: bool = True) -> None:
        self._directory = directory
        self._connections = connections
        self._wrk = shutil.which("wrk") if wrk else None
        self._files = itertools.count()
        self._written: dict[tuple[bytes, ...], Path] = {}

    @property
    def generator(self) -> str:
        """What makes the load, for the reader of the numbers."""
        return self._wrk or "built in (asyncio over uvloop); wrk on PATH would be lighter"

    def run(self, host: str, port: int, requests: tuple[bytes, ...], seconds: float) -> Load:
        if self._wrk is None:
            turn = itertools.cycle(requests)
            return uvloop.run(as_fast(host, port, turn, connections=self._connections, seconds=seconds))
        return uvloop.run(self._run_wrk(self._wrk, host, port, self._file(requests), seconds))

    def _file(self, requests: tuple[bytes, ...]) -> Path:
        path = self._written.get(requests)
        if path is None:
            path = self._written[requests] = self._directory / f"requests-{next(self._files)}"
            path.write_bytes(b"\0".join(requests))
        return path

    async def _run_wrk(self, wrk: str, host: str, port: int, file: Path, seconds: float) -> Load:
        before = _children_cpu()
        process = await asyncio.create_subprocess_exec(
            wrk,
            *("--threads", "1", "--connections", str(self._connections), "--duration", f"{max(1, round(seconds))}s"),
            *("--timeout", "10s", "--script", str(_SCRIPT), f"http://{host}:{port}", "--", str(file)),
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await asyncio.wait_for(process.communicate(), seconds + 30)
        found = [line.split()[1:] for line in output.decode().splitlines() if line.startswith("result ")]
        if not found:
            raise BenchFailed(f"wrk said:\n{output.decode()}")
        requests, took, p50, p99, failed = map(int, found[0])
        return Load(requests, failed, took / 1e6, p50 / 1e6, p99 / 1e6, _children_cpu() - before)


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
