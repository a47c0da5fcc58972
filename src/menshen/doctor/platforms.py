"""Platforms that packages bring: each holds."""

from __future__ import annotations

from collections.abc import Sequence

from menshen.doctor.finding import Check, Finding, Said, Trouble, well
from menshen.doctor.installation import Installation

__all__ = ["CHECK"]

BROKEN = Trouble(
    "platform_broken",
    "failed",
    Said("the platform {name} of {packages} cannot be used: {why}", "{packages} 提供的平台 {name} 无法使用：{why}"),
    Said(
        "Correct or uninstall the package, and restart serve; until then no document with an app on it is accepted.",
        "修正或卸载该软件包并重启 serve；在此之前，不接受含该平台应用的配置。",
    ),
)


async def _run(installation: Installation, _: str) -> Sequence[Finding]:
    found = installation.place.platforms.installed
    broken = [
        BROKEN.seen(name=each.name, packages=", ".join(each.packages), why=each.broken) for each in found if each.broken
    ]
    if broken:
        return broken
    if not found:
        return [well("no package brings one", "没有软件包提供平台")]
    names = ", ".join(each.name for each in found)
    return [well(f"packages bring {names}", f"软件包提供了 {names}")]


CHECK = Check(
    "platforms",
    Said(
        "Whether each platform that an installed package brings can be used.",
        "已安装软件包提供的每个平台是否可用。",
    ),
    (BROKEN,),
    _run,
)
