"""What processes cost, from /proc: CPU seconds, resident memory, and their children.

RSS counts a page once for every process that has it, PSS shares it out among them: the sum of PSS is what the machine
really gives away, the sum of RSS what ``ps`` and ``top`` show.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Memory", "cpu_seconds", "memory", "name_of", "tree"]

_PROC = Path("/proc")
_TICK = os.sysconf("SC_CLK_TCK")
_ROLLUP = re.compile(r"^(Rss|Pss):\s+(\d+) kB$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Memory:
    """In bytes."""

    rss: int
    pss: int

    def __add__(self, other: Memory) -> Memory:
        return Memory(self.rss + other.rss, self.pss + other.pss)


def tree(pid: int) -> list[int]:
    """A process and all that descend from it."""
    children = [
        int(found)
        for task in (_PROC / str(pid) / "task").iterdir()
        for found in (task / "children").read_text().split()
    ]
    return [pid, *(below for each in children for below in tree(each))]


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time that these processes have used so far."""
    ticks = 0
    for pid in pids:
        # The name in parentheses may hold spaces: fields are counted from behind it.
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICK


def memory(pids: Iterable[int]) -> Memory:
    total = Memory(0, 0)
    for pid in pids:
        found = dict(_ROLLUP.findall((_PROC / str(pid) / "smaps_rollup").read_text()))
        total += Memory(int(found["Rss"]) * 1024, int(found["Pss"]) * 1024)
    return total


def name_of(pid: int) -> str:
    """What a process of a gateway is: node, worker or Envoy."""
    command = (_PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    if b"menshen.node.worker" in command:
        return "worker"
    return "node" if b"serve" in command else Path(os.fsdecode(command[0])).name
