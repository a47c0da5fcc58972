"""``menshen doctor``: what is wrong with an installation, and what to do about it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from menshen.cli.listing import row
from menshen.cli.options import DATA_DIR, DataDir, endpoint, in_chinese
from menshen.config.loading import read_text
from menshen.doctor.examination import Report, examine
from menshen.doctor.installation import Place, found
from menshen.errors import ConfigUnavailable

__all__ = ["doctor"]

_STATUS = {"ok": "ok", "warning": "warning", "failed": "FAILED"}
_STATUS_ZH = {"ok": "正常", "warning": "注意", "failed": "异常"}


def doctor(
    data_dir: DataDir = DATA_DIR,
    config: Annotated[
        Path | None,
        typer.Option("--config", help="Look at this document, not at the active revision.", show_default=False),
    ] = None,
    app: Annotated[str, typer.Option(metavar="NAME", help="Look at this app alone.", show_default=False)] = "",
    listen: Annotated[str, typer.Option(metavar="HOST:PORT", help="As given to serve.")] = "0.0.0.0:8080",
    admin: Annotated[str, typer.Option(metavar="HOST:PORT", help="As given to serve.")] = "127.0.0.1:8081",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Look for what is wrong and say what to do about it. Exit 0: nothing failed; 1: something did; 2: wrong usage."""
    try:
        text = read_text(config) if config is not None else None
    except ConfigUnavailable as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    place = Place(
        data_dir=data_dir,
        listen=endpoint(listen, "--listen"),
        admin=endpoint(admin, "--admin"),
        env=os.environ,
        clock=time.time,
        text=text,
    )
    reports = asyncio.run(_examined(place, app))
    if as_json:
        typer.echo(msgspec.json.format(_encoded(reports)).decode())
    else:
        for line in _lines(reports, chinese=in_chinese()):
            typer.echo(line)
    if _worst(reports) == "failed":
        raise typer.Exit(1)


async def _examined(place: Place, app: str) -> Sequence[Report]:
    async with found(place) as installation:
        if app and app not in {each.name for each in installation.snapshot.apps}:
            raise typer.BadParameter(f"the configuration has no app {app!r} that holds", param_hint="--app")
        return await examine(installation, app)


def _worst(reports: Sequence[Report]) -> str:
    statuses = {report.finding.status for report in reports}
    return next((status for status in ("failed", "warning") if status in statuses), "ok")


def _lines(reports: Sequence[Report], *, chinese: bool) -> Iterator[str]:
    """A line for what was found, and one below it for what to do."""
    for report in reports:
        finding = report.finding
        status = (_STATUS_ZH if chinese else _STATUS)[finding.status]
        about = f"{report.check} {report.subject}".rstrip()
        yield row(status.ljust(4 if chinese else 7), about, finding.found.zh if chinese else finding.found.en)
        if finding.advice is not None:
            yield f"    → {row(finding.advice.zh if chinese else finding.advice.en)}"


def _encoded(reports: Sequence[Report]) -> bytes:
    findings = [
        {
            "check": report.check,
            "subject": report.subject,
            "status": report.finding.status,
            "trouble": report.finding.trouble,
            "found": report.finding.found.en,
            "found_zh": report.finding.found.zh,
            "advice": report.finding.advice.en if report.finding.advice is not None else "",
            "advice_zh": report.finding.advice.zh if report.finding.advice is not None else "",
        }
        for report in reports
    ]
    return msgspec.json.encode({"status": _worst(reports), "findings": findings})
