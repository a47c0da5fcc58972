"""``menshen envoy-config``: what Envoy would be told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from menshen.cli.options import DATA_DIR, DataDir, endpoint
from menshen.cli.revisions import on_documents
from menshen.config.snapshot import Endpoint, Snapshot
from menshen.documents.documents import Documents
from menshen.envoy import Addresses, build

__all__ = ["envoy_config"]


def envoy_config(
    data_dir: DataDir = DATA_DIR,
    listen: Annotated[str, typer.Option(metavar="HOST:PORT", help="As given to serve.")] = "0.0.0.0:8080",
) -> None:
    """Print the Envoy configuration of the active revision as JSON, file by file. It holds no AppSecret and no key."""

    async def run(documents: Documents) -> Snapshot:
        active = await documents.revisions.active()
        return documents.load(active).snapshot if active else Snapshot().sealed()

    snapshot = on_documents(data_dir, run)
    directory = Path("/menshen/envoy")
    addresses = Addresses(
        listen=endpoint(listen, "--listen"),
        brain=(Endpoint("127.0.0.1", 0),),
        directory=directory,
        admin=directory / "admin.sock",
    )
    files = {name: json.loads(content) for name, content in build(snapshot, addresses).items()}
    typer.echo(json.dumps(files, indent=2, ensure_ascii=False))
