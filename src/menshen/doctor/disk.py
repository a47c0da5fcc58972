"""Room on the disk of the data directory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from menshen.doctor.finding import Check, Finding, Said, Trouble, well
from menshen.doctor.installation import Installation

__all__ = ["CHECK"]

_MIB: Final = 1 << 20
_LOW, _FULL = 1024 * _MIB, 100 * _MIB

LOW = Trouble(
    "disk_low",
    "warning",
    Said("{mib} MiB are free on the disk of the data directory", "数据目录所在磁盘仅剩 {mib} MiB"),
    Said("Free some space, or keep logins and traces for fewer days.", "清理磁盘，或缩短登录日志与链路的保留天数。"),
)
FULL = Trouble(
    "disk_full",
    "failed",
    Said("only {mib} MiB are free on the disk of the data directory", "数据目录所在磁盘只剩 {mib} MiB"),
    Said(
        "Free space now: logins fail when nothing can be written any more.",
        "立即清理磁盘：无法写入后登录会失败。",
    ),
)


async def _run(installation: Installation, _: str) -> Sequence[Finding]:
    directory = installation.place.data_dir
    if not directory.is_dir():
        return []  # the check of the files says so
    free = installation.place.free_bytes(directory)
    if free < _LOW:
        return [(FULL if free < _FULL else LOW).seen(mib=free // _MIB)]
    return [well(f"{free / (1 << 30):.1f} GiB free", f"剩余 {free / (1 << 30):.1f} GiB")]


CHECK = Check(
    "disk", Said("Free space where the data directory is.", "数据目录所在磁盘的剩余空间。"), (LOW, FULL), _run
)
