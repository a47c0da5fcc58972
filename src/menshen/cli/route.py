"""``menshen route``: where a request would go, and why. It sends nothing and connects to nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from menshen.cli.address import shown_address
from menshen.cli.listing import row
from menshen.cli.options import DATA_DIR, DataDir, in_chinese, problem_lines
from menshen.cli.revisions import on_documents
from menshen.cli.route_words import nowhere_lines, way_lines
from menshen.config.loading import Loaded, read_text
from menshen.documents.documents import Documents, load_document
from menshen.envoy.dry_run import Nowhere, Question, Way, dry_run
from menshen.errors import ConfigInvalid, ConfigUnavailable

__all__ = ["route"]


def route(
    path: Annotated[str, typer.Option(help="As a client sends it, with its query.", show_default=False)],
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="NAME=VALUE", help="A tag that path and query do not make.", show_default=False),
    ] = None,
    host: Annotated[str, typer.Option(help="The Host header.")] = "localhost",
    method: Annotated[str, typer.Option(help="The HTTP method.")] = "GET",
    user: Annotated[str, typer.Option(metavar="UID", help="Who is logged in; nobody without it.")] = "",
    request_id: Annotated[
        str, typer.Option(metavar="ID", help="Where the request with this x-request-id went, if nobody was logged in.")
    ] = "",
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="This document, not the active revision.", show_default=False),
    ] = None,
    data_dir: DataDir = DATA_DIR,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say where a request would go and why. Exit 0: it goes somewhere; 1: it is refused; 2: the file cannot be read."""
    question = Question(path, host, method, _tags(tag or []), user, request_id)
    loaded = _active(data_dir) if config is None else _read(config)
    said = dry_run(loaded.document, loaded.snapshot, question)
    if as_json:
        typer.echo(json.dumps(_as_json(question, said), ensure_ascii=False, indent=2))
    else:
        chinese = in_chinese()
        if isinstance(said, Nowhere):
            lines = nowhere_lines(question, said, chinese=chinese)
        else:
            lines = way_lines(question, said, chinese=chinese)
        for line in lines:
            typer.echo(row(line))
    if isinstance(said, Nowhere) and said.refusal is not None:
        raise typer.Exit(1)


def _tags(pairs: list[str]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise typer.BadParameter("must be NAME=VALUE", param_hint="--tag")
        found[name] = value
    return found


def _read(file: Path) -> Loaded:
    try:
        return load_document(read_text(file), os.environ)
    except ConfigUnavailable as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    except ConfigInvalid as error:
        for line in problem_lines(error):
            typer.echo(line, err=True)
        raise typer.Exit(1) from None


def _active(data_dir: Path) -> Loaded:
    async def run(documents: Documents) -> Loaded | None:
        active = await documents.revisions.active()
        return documents.load(active) if active else None

    loaded = on_documents(data_dir, run)
    if loaded is None:
        typer.echo("no revision yet: menshen apply FILE", err=True)
        raise typer.Exit(1)
    return loaded


def _as_json(question: Question, said: Way | Nowhere) -> dict[str, Any]:
    asked = {"method": question.method, "host": said.host, "path": said.path or question.path}
    if isinstance(said, Way):
        return {"goes": "upstream", **asked, **_way(said)}
    if said.refusal is None:
        return {"goes": "gateway", **asked}
    refusal = {"status": said.refusal.status, "code": said.refusal.code, "reason": said.refusal.reason}
    where = {"prefix": said.prefix, "groups": said.groups, "allow": said.allow, "rewritten_by": said.api or None}
    return {"goes": "nowhere", **asked, "refusal": refusal, **where}


def _way(way: Way) -> dict[str, Any]:
    choice = way.choice
    return {
        "api": way.route.id,
        "access": way.route.access,
        "pattern": {"prefix": way.route.prefix, "path": way.route.path, "methods": way.route.methods},
        "guards": [{"plugin": each.plugin, "type": each.type, "by": each.by} for each in way.guards],
        "user": way.user or None,
        "plugins": [{"plugin": each.plugin, "type": each.type, "target": each.target} for each in way.plugins],
        "tags": [{"tag": each.tag, "value": each.value, "untrusted": each.untrusted} for each in way.tags],
        "ignored_tags": way.ignored,
        "rules": [
            {
                "canary": tried.canary,
                "rule": tried.rule,
                "fits": tried.fits,
                "relation": tried.relation,
                "when": [
                    {"tag": c.tag, "op": c.operator, "values": c.values, "value": c.value, "holds": c.holds}
                    for c in tried.conditions
                ],
            }
            for tried in choice.tried
        ],
        "rule": choice.rule or None,
        "by": choice.by,
        "bucket": choice.bucket,
        "spans": [{"version": version, "from": start, "to": stop - 1} for version, start, stop in choice.spans],
        "upstream": way.route.upstream,
        "version": choice.version or None,
        "endpoints": {version: [shown_address(each) for each in found] for version, found in way.endpoints.items()},
        "backend_path": way.backend_path,
    }
