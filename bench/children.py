"""The commands under measurement as child processes: started, waited for, stopped by their own process id."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["REPOSITORY", "BenchFailed", "Child", "child", "start", "stop"]

REPOSITORY = Path(__file__).parents[1]
_READY_WITHIN = 30.0
_STOPPED_WITHIN = 15.0


class BenchFailed(Exception):
    """Nothing was measured, and why."""


@dataclass(frozen=True, slots=True)
class Child:
    """A command that printed its ``ready`` line; ``origin`` is the address in it."""

    pid: int
    origin: str

    @property
    def host(self) -> str:
        return self.origin.removeprefix("http://").rpartition(":")[0]

    @property
    def port(self) -> int:
        return int(self.origin.rpartition(":")[2])


def start(arguments: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """``python ARGUMENTS``, its stdout readable and its stderr in ``log``."""
    with log.open("ab") as errors:
        return subprocess.Popen(
            [sys.executable, *arguments], stdout=subprocess.PIPE, stderr=errors, cwd=REPOSITORY, env=os.environ
        )


def stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOPPED_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout:
        process.stdout.close()


@contextlib.contextmanager
def child(arguments: Sequence[str], log: Path) -> Iterator[Child]:
    """A command that runs while the block does. Raises ``BenchFailed`` if it does not get ready."""
    process = start(arguments, log)
    try:
        yield Child(process.pid, _ready(process, log))
    finally:
        stop(process)


def _ready(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + _READY_WITHIN
    while process.stdout and time.monotonic() < deadline:
        if not select.select([process.stdout], [], [], 0.1)[0]:
            continue
        line = process.stdout.readline().decode()
        if line.startswith("ready "):
            return line.split()[1]
        if not line:
            break
    said = log.read_text(errors="replace")[-2000:]
    raise BenchFailed(f"{' '.join(map(str, process.args))}: not ready\n{said}")  # type: ignore[arg-type]
