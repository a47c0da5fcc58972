"""All checks, at the same time, each with its own limit; what they found, in the order of the checks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from menshen.doctor import (
    apps,
    certificates,
    clock,
    components,
    configuration,
    database,
    disk,
    envoy,
    files,
    integrity,
    keys,
    platforms,
    ports,
    upstreams,
)
from menshen.doctor.finding import Check, Finding, Said, Trouble
from menshen.doctor.installation import Installation

__all__ = ["CHECKS", "GENERAL", "Report", "examine"]

CHECKS: Final[tuple[Check, ...]] = (
    clock.CHECK,
    files.CHECK,
    keys.CHECK,
    database.CHECK,
    integrity.CHECK,
    disk.CHECK,
    platforms.CHECK,
    configuration.CHECK,
    envoy.CHECK,
    ports.CHECK,
    certificates.CHECK,
    upstreams.CHECK,
    components.CHECK,
    apps.CHECK,
)

_SLOW = Trouble(
    "not_finished",
    "warning",
    Said("not finished within {seconds} s", "{seconds} 秒内没有完成"),
    Said(
        "Run menshen doctor again when the machine and what it calls are less busy.",
        "待本机及被调用的服务空闲时再运行一次 menshen doctor。",
    ),
)
_BROKEN = Trouble(
    "check_broke",
    "failed",
    Said("the check itself broke ({kind})", "检查本身出错（{kind}）"),
    Said(
        "Report this with the version of Menshen and the output of menshen doctor.",
        "请附上 Menshen 版本和 menshen doctor 的输出反馈此问题。",
    ),
)
GENERAL: Final = (_SLOW, _BROKEN)
"""What any check can come to."""


@dataclass(frozen=True, slots=True)
class Report:
    """``subject`` is "" for a check of the installation as a whole."""

    check: str
    subject: str
    finding: Finding


async def examine(installation: Installation, app: str = "") -> list[Report]:
    """What every check finds; with ``app``, what is found about that app alone."""
    wanted = [
        (check, subject)
        for check in CHECKS
        for subject in check.subjects(installation)
        if not app or (check is apps.CHECK and subject == app)
    ]
    found = await asyncio.gather(*(_run(installation, check, subject) for check, subject in wanted))
    return [
        Report(check.name, subject, finding)
        for (check, subject), findings in zip(wanted, found, strict=True)
        for finding in findings
    ]


async def _run(installation: Installation, check: Check, subject: str) -> Sequence[Finding]:
    try:
        async with asyncio.timeout(check.limit):
            return await check.run(installation, subject)
    except TimeoutError:
        return [_SLOW.seen(seconds=f"{check.limit:g}")]
    except Exception as error:  # noqa: BLE001 - one check that breaks must not hide what the others found
        # The class alone: a text may hold a URL with an AppSecret in it.
        return [_BROKEN.seen(kind=type(error).__name__)]
