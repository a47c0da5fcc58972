"""Whether Envoy would take a snapshot, found out by an Envoy that opens no port and calls nobody.

``envoy --mode validate`` reads the bootstrap and nothing that it would only follow: it says yes whatever is in the
files that it would watch. So what lies in them is written into the bootstrap here, in the places that name them.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from menshen.config.snapshot import Endpoint, Snapshot
from menshen.envoy.addresses import FILES, Addresses
from menshen.envoy.binary import find_envoy
from menshen.envoy.rbac import rbac
from menshen.envoy.resources import BOOTSTRAP, build
from menshen.envoy.revoked import REVOKED_FILTERS
from menshen.envoy.typed import Json
from menshen.errors import ChildFailed

__all__ = ["inlined", "validate"]

_LIMIT: Final = 20.0
_SEVERE: Final = re.compile(r"^(?:critical|error) ", re.MULTILINE)
_LONGEST: Final = 500
"""Characters of Envoy's reason that are told: it likes to print a whole message."""


def inlined(files: Mapping[str, bytes]) -> Json:
    """The bootstrap with the content of the other ``files`` where it names them. Nothing is revoked."""
    read = {name: msgspec.json.decode(content) for name, content in files.items()}
    resources = {name: content["resources"] for name, content in read.items() if name != BOOTSTRAP}
    filters = {name: rbac() for name in REVOKED_FILTERS.values()}
    filters |= {
        each["name"]: each["typed_config"] for found in resources.values() for each in found if _is_filter(each)
    }
    routes = {each["name"]: _bare(each) for each in resources[FILES["rds"]]}
    whole: Json = {name: part for name, part in read[BOOTSTRAP].items() if name != "dynamic_resources"}
    static = whole["static_resources"]
    whole["static_resources"] = {
        "clusters": [*static["clusters"], *map(_bare, resources[FILES["cds"]])],
        "listeners": [_placed(_bare(each), routes, filters) for each in resources[FILES["lds"]]],
        "secrets": [_bare(each) for each in resources[FILES["sds"]]],
    }
    return whole


async def validate(snapshot: Snapshot, keys: str = "") -> None:
    """Raises :class:`~menshen.errors.ChildFailed` with Envoy's reason where it does not take the snapshot.

    ``keys`` as for :func:`~menshen.envoy.resources.build`.
    """
    with tempfile.TemporaryDirectory(prefix="menshen-") as made:
        directory = Path(made)
        addresses = Addresses.under(
            directory / "envoy", listen=Endpoint("127.0.0.1", 0), brain=[Endpoint("127.0.0.1", 1)]
        )
        config = directory / "validated.json"
        config.write_bytes(msgspec.json.encode(inlined(build(snapshot, addresses, keys))))
        process = await asyncio.create_subprocess_exec(
            find_envoy(),
            *("--mode", "validate", "--config-path", str(config), "--log-level", "warning", "--log-format", "%l %v"),
            "--use-dynamic-base-id",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(_LIMIT):
                _, said = await process.communicate()
        except BaseException:
            process.kill()
            await process.wait()
            raise
    if process.returncode:
        raise ChildFailed(_reason(said.decode(errors="replace"), str(made)))


def _is_filter(resource: Json) -> bool:
    return str(resource["@type"]).endswith(".TypedExtensionConfig")


def _bare(resource: Json) -> Json:
    return {name: value for name, value in resource.items() if name != "@type"}


def _placed(value: object, routes: Mapping[str, Json], filters: Mapping[str, Json]) -> object:
    """``value`` with routes, filters and certificates themselves where it says which file has them."""
    if isinstance(value, list):
        return [_placed(each, routes, filters) for each in value]
    if not isinstance(value, dict):
        return value
    if "config_discovery" in value:
        return {"name": value["name"], "disabled": value["disabled"], "typed_config": filters[value["name"]]}
    placed = {name: _placed(each, routes, filters) for name, each in value.items() if name not in ("rds", "sds_config")}
    if "rds" in value:
        placed["route_config"] = routes[value["rds"]["route_config_name"]]
    return placed


def _reason(said: str, directory: str) -> str:
    """What Envoy wrote from its first error on; a message may go over several lines."""
    first = _SEVERE.search(said)
    told = " ".join(_SEVERE.sub("", said[first.start() :]).split()) if first is not None else ""
    return told.replace(directory, "")[:_LONGEST] or "Envoy does not say why"
