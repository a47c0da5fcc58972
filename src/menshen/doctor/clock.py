"""The clock: signed login states, assertions and signatures are judged by it, on this machine and on others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from typing import Final

import aiohttp
from sqlalchemy import text

from menshen.doctor.finding import Check, Finding, Said, Trouble, well
from menshen.doctor.installation import Installation
from menshen.errors import DatabaseUnavailable
from menshen.platforms.registry import adapter_of

__all__ = ["CHECK"]

_WARN, _FAIL = 30.0, 60.0
"""Seconds off. Menshen's own leeway is less than a minute, and so is that of most libraries."""

_STEP = 0.5
"""Seconds that the clock may run ahead of or behind the time that passes while the check waits."""

_WATCH = 0.2
_ASK = aiohttp.ClientTimeout(total=3.0)

_ADVICE: Final = Said(
    "Set the clock by NTP (timedatectl set-ntp true, or chrony) and run menshen doctor again.",
    "用 NTP 校准时钟（timedatectl set-ntp true 或 chrony），然后再运行一次 menshen doctor。",
)
OFF = Trouble(
    "clock_off",
    "warning",
    Said("the clock is {seconds} s off that of {whose}", "时钟与 {whose} 相差 {seconds} 秒"),
    _ADVICE,
)
WRONG = Trouble(
    "clock_wrong",
    "failed",
    Said(
        "the clock is {seconds} s off that of {whose}: login states and assertions are refused",
        "时钟与 {whose} 相差 {seconds} 秒：登录态和断言会被拒绝",
    ),
    _ADVICE,
)
JUMPS = Trouble(
    "clock_jumps",
    "warning",
    Said("the clock moved {seconds} s while {passed} s passed", "实际经过 {passed} 秒，时钟却走了 {seconds} 秒"),
    Said(
        "Let one program alone set the clock, and let it slew rather than step.",
        "只让一个程序校时，并使用渐进调整而不是跳变。",
    ),
)


async def _run(installation: Installation, _: str) -> Sequence[Finding]:
    jump = await _jump(installation)
    found = [jump] if jump is not None else []
    offsets = [
        offset for offset in await asyncio.gather(_of_database(installation), *_of_platforms(installation)) if offset
    ]
    if not offsets:
        return found or [well("nothing to compare the clock with here", "没有可供比对的时钟")]
    whose, seconds = max(offsets, key=lambda each: abs(each[1]))
    off = abs(seconds)
    if off > _WARN:
        found.append((WRONG if off > _FAIL else OFF).seen(seconds=f"{seconds:+.0f}", whose=whose))
    return found or [
        well(f"within {max(1, round(off))} s of {whose}", f"与 {whose} 相差不超过 {max(1, round(off))} 秒")
    ]


async def _jump(installation: Installation) -> Finding | None:
    before, started = installation.place.clock(), time.monotonic()
    await asyncio.sleep(_WATCH)
    moved, passed = installation.place.clock() - before, time.monotonic() - started
    if abs(moved - passed) <= _STEP:
        return None
    return JUMPS.seen(seconds=f"{moved:.1f}", passed=f"{passed:.1f}")


async def _of_database(installation: Installation) -> tuple[str, float] | None:
    """A file has no clock of its own."""
    if installation.database is None or installation.sqlite:
        return None
    try:
        async with installation.database.reading() as connection:
            before = installation.place.clock()
            there = (await connection.execute(text("SELECT extract(epoch FROM clock_timestamp())"))).scalar_one()
    except DatabaseUnavailable:
        return None  # which its own check says
    return "PostgreSQL", _offset(installation, before, float(there))


def _of_platforms(installation: Installation) -> list[asyncio.Task[tuple[str, float] | None]]:
    addresses = {
        app.base_url or adapter_of(app, installation.client.platforms).default_base_url: None
        for app in installation.snapshot.apps
    }
    return [asyncio.create_task(_of_platform(installation, address)) for address in addresses]


async def _of_platform(installation: Installation, address: str) -> tuple[str, float] | None:
    """By the Date of any answer at all; it carries nothing of ours."""
    try:
        async with aiohttp.ClientSession(timeout=_ASK, trust_env=False) as session:
            before = installation.place.clock()
            async with session.head(address, allow_redirects=False) as reply:
                date, host = reply.headers.get("Date", ""), reply.url.host or address
        # A Date is the second in which it was written: on the average, half of it is over.
        return host, _offset(installation, before, parsedate_to_datetime(date).timestamp() + 0.5)
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
        return None


def _offset(installation: Installation, before: float, there: float) -> float:
    return (before + installation.place.clock()) / 2 - there


CHECK = Check(
    "clock",
    Said(
        "This machine's clock against PostgreSQL's and the platforms', and whether it jumps.",
        "本机时钟与 PostgreSQL 及各平台是否一致，是否跳变。",
    ),
    (OFF, WRONG, JUMPS),
    _run,
)
