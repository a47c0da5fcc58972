"""Platforms that packages bring: a broken one is told with its package and why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from menshen.doctor.platforms import CHECK
from menshen.platforms.installed import InstalledPlatform, Platforms
from menshen.platforms.registry import PLATFORMS
from tests.doctor.installed import install, looked_at

BROKEN = InstalledPlatform("acme", ("menshen-acme 1.0",), "code2session is no plain method")
GOOD = InstalledPlatform("other", ("menshen-other 2.0",), adapter=PLATFORMS["wechat"])


def test_without_packages_there_is_none(directory: Path) -> None:
    where = replace(install(directory), platforms=Platforms(PLATFORMS))
    (finding,) = looked_at(CHECK, where)
    assert (finding.status, finding.found.en) == ("ok", "no package brings one")


def test_a_good_one(directory: Path) -> None:
    where = replace(install(directory), platforms=Platforms(PLATFORMS, (GOOD,)))
    (finding,) = looked_at(CHECK, where)
    assert (finding.status, finding.found.en) == ("ok", "packages bring other")


def test_a_broken_one_beside_a_good_one(directory: Path) -> None:
    where = replace(install(directory), platforms=Platforms(PLATFORMS, (BROKEN, GOOD)))
    (finding,) = looked_at(CHECK, where)
    assert (finding.status, finding.trouble) == ("failed", "platform_broken")
    assert "acme of menshen-acme 1.0" in finding.found.en
    assert "code2session is no plain method" in finding.found.zh
