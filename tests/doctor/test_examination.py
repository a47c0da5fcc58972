"""All checks together: in order, at the same time, each with its limit, and whole even where one breaks."""

from __future__ import annotations

import asyncio
import inspect
import re
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from menshen.doctor import examination
from menshen.doctor.examination import CHECKS, GENERAL, Report, examine
from menshen.doctor.finding import Check, Finding, Said, Trouble
from menshen.doctor.installation import Installation, Place, found
from tests.doctor.installed import document, install
from tests.edge.processes import Client


def examined(where: Place, app: str = "") -> list[Report]:
    async def run() -> list[Report]:
        async with found(where) as installation:
            return await examine(installation, app)

    return asyncio.run(run())


def test_a_healthy_installation(directory: Path, emulator: Client, backend: str) -> None:
    reports = examined(install(directory, document(emulator=emulator.origin, backend=backend)))
    assert [report for report in reports if report.finding.status != "ok"] == []
    checks = list(dict.fromkeys(report.check for report in reports))
    assert checks == [check.name for check in CHECKS if check.name != "component"]  # of which there is none
    assert [report.subject for report in reports if report.check == "app"] == ["shop"]


def test_one_app_alone(directory: Path, emulator: Client, backend: str) -> None:
    where = install(directory, document(emulator=emulator.origin, backend=backend))
    assert [(report.check, report.subject) for report in examined(where, "shop")] == [("app", "shop")]


def test_looking_changes_nothing(directory: Path) -> None:
    examined(install(directory))
    before = {
        path: path.stat().st_mtime_ns for path in directory.rglob("*") if path.is_file() and "-shm" not in path.name
    }
    examined(install(directory))
    after = {
        path: path.stat().st_mtime_ns for path in directory.rglob("*") if path.is_file() and "-shm" not in path.name
    }
    assert {path.name for path in before} >= {"menshen.db", "master.key", "assertion.json"}
    assert {path: before[path] for path in before if path.suffix != ".token"} == {
        path: after[path] for path in before if path.suffix != ".token"
    }


def test_one_that_breaks_and_one_that_hangs(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def breaks(_: Installation, __: str) -> Sequence[Finding]:
        raise RuntimeError("https://api.example.com/?secret=planted-appsecret")

    async def hangs(_: Installation, __: str) -> Sequence[Finding]:
        await asyncio.sleep(600)
        return []

    broken = Check("broken", Said("", ""), (), breaks)
    hanging = Check("hanging", Said("", ""), (), hangs, limit=0.2)
    monkeypatch.setattr(examination, "CHECKS", (broken, hanging, hanging))
    started = time.monotonic()
    reports = examined(install(directory))
    assert time.monotonic() - started < 90
    assert [(report.finding.trouble, report.finding.status) for report in reports] == [
        ("check_broke", "failed"),
        ("not_finished", "warning"),
        ("not_finished", "warning"),
    ]
    assert "planted" not in repr(reports)


EVERY: list[Trouble] = [*GENERAL, *(trouble for check in CHECKS for trouble in check.troubles)]


def test_every_trouble_is_declared_once() -> None:
    """In the check that finds it, itself or by another module's function: the documentation is made from there."""
    for check in CHECKS:
        own = inspect.getmodule(check.run)
        modules = [own, *(inspect.getmodule(each) for _, each in inspect.getmembers(own, inspect.isfunction))]
        written = [each for module in modules for _, each in inspect.getmembers(module) if isinstance(each, Trouble)]
        assert {each.name for each in written} == {each.name for each in check.troubles}, check.name
    names = [trouble.name for trouble in EVERY]
    assert len(set(names)) == len(names)
    assert len({check.name for check in CHECKS}) == len(CHECKS)


@pytest.mark.parametrize("trouble", EVERY, ids=lambda trouble: trouble.name)
def test_advice_is_one_sentence_in_both_languages(trouble: Trouble) -> None:
    assert trouble.status != "ok"
    assert trouble.advice.en.endswith(".")
    assert trouble.advice.zh.endswith("。")
    assert trouble.advice.zh.count("。") == 1
    assert len(re.findall(r"[.!?](?: |$)", trouble.advice.en)) == 1
    for said in (trouble.found, trouble.advice):
        assert set(re.findall(r"{(\w+)}", said.en)) == set(re.findall(r"{(\w+)}", said.zh)), trouble.name
        assert re.search("[一-鿿]", said.zh.replace("{problem}", "问题")), trouble.name
