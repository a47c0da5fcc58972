"""A snapshot as the files that Envoy reads, and nothing else: no process, no socket."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from menshen.config.snapshot import Snapshot
from menshen.envoy.addresses import FILES, Addresses, Subscription, file_name
from menshen.envoy.bootstrap import bootstrap
from menshen.envoy.clusters import clusters
from menshen.envoy.discovered import RESOURCE
from menshen.envoy.limits import LIMITS, Stage, Tables, limit_tables, limits_config
from menshen.envoy.listener import certificate, listener
from menshen.envoy.routes import route_configuration
from menshen.envoy.states import STATES, Provider, providers_of, states_config
from menshen.envoy.strip import plugins_of
from menshen.envoy.tokens import TOKENS, issuer_clusters, token_providers, tokens_config
from menshen.envoy.tracing import collector_clusters
from menshen.envoy.typed import Json, typed

__all__ = [
    "BOOTSTRAP",
    "Parts",
    "build",
    "clusters_file",
    "filter_file",
    "followed",
    "limits_file",
    "listeners_file",
    "parts_of",
    "place",
    "resources_file",
    "states_file",
    "tokens_file",
    "version_of",
    "write",
]

BOOTSTRAP = "bootstrap.json"
_SECRET = "envoy.extensions.transport_sockets.tls.v3.Secret"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Parts:
    """What routes of a snapshot name in other files: those go through the union of old and new at a change.

    ``providers`` by the name of their plugin, ``tokens`` by their own.
    """

    clusters: list[Json]
    providers: dict[str, Provider]
    tokens: dict[str, Provider]
    limits: dict[Stage, Tables]


def parts_of(snapshot: Snapshot, addresses: Addresses, keys: str) -> Parts:
    return Parts(
        clusters=[
            *clusters(snapshot, addresses),
            *issuer_clusters(snapshot, addresses.system_ca),
            *collector_clusters(snapshot, addresses.system_ca),
        ],
        providers=providers_of(snapshot, keys),
        tokens=token_providers(snapshot),
        limits=limit_tables(snapshot),
    )


def build(
    snapshot: Snapshot, addresses: Addresses, keys: str = "", parts: Parts | None = None, generation: int = 0
) -> dict[str, bytes]:
    """The files by their names below the config directory. Equal snapshots give equal bytes.

    ``keys`` is the JWK Set of public keys by which Envoy judges signed login states alone; without it the brain does.
    The files of what is revoked are not here: they change with no snapshot (:mod:`menshen.envoy.denials`). ``parts``
    are those of this snapshot and these keys, where they are known. ``generation`` is that of the listener.
    """
    parts = parts or parts_of(snapshot, addresses, keys)
    routes = route_configuration(snapshot, parts.providers, generation)
    tls = snapshot.listener.tls
    secrets = [] if tls is None else [typed(_SECRET, certificate(tls))]
    return {
        BOOTSTRAP: _encode(bootstrap(addresses)),
        FILES["sds"]: resources_file(secrets),
        FILES["cds"]: clusters_file(parts.clusters),
        FILES["lds"]: listeners_file(snapshot, addresses, parts, generation),
        file_name("rds", generation): resources_file([typed("envoy.config.route.v3.RouteConfiguration", routes)]),
        FILES["states"]: states_file(parts.providers.values(), keys),
        FILES["tokens"]: tokens_file(parts.tokens.values()),
        **{FILES[stage]: limits_file(stage, tables) for stage, tables in parts.limits.items()},
    }


def followed(parts: Parts) -> set[Subscription]:
    """The files of filters that the listener of this snapshot has, and Envoy therefore follows."""
    names: set[Subscription] = {stage for stage, tables in parts.limits.items() if tables}
    if parts.providers:
        names.add("states")
    if parts.tokens:
        names.add("tokens")
    return names


def listeners_file(snapshot: Snapshot, addresses: Addresses, parts: Parts, generation: int = 0) -> bytes:
    """The file of the listener; apart, because whether it changes decides how the rest does."""
    alone = [plugin for plugin in plugins_of(snapshot) if plugin.name in parts.providers]
    public = listener(snapshot, addresses, alone, generation)
    return resources_file([typed("envoy.config.listener.v3.Listener", public)])


def clusters_file(members: Iterable[Json]) -> bytes:
    """The clusters file of these clusters; apart, because a change goes through the union of old and new."""
    return resources_file([typed("envoy.config.cluster.v3.Cluster", cluster) for cluster in members])


def states_file(providers: Iterable[Provider], keys: str) -> bytes:
    """The file of these providers; apart for the same reason."""
    return filter_file(STATES, states_config(providers, keys))


def tokens_file(providers: Iterable[Provider]) -> bytes:
    """The file of the providers of other issuers' tokens; apart for the same reason."""
    return filter_file(TOKENS, tokens_config(providers))


def limits_file(stage: Stage, tables: Tables) -> bytes:
    """The file of these tables of limits; apart for the same reason."""
    return filter_file(LIMITS[stage], limits_config(stage, tables))


def filter_file(name: str, config: Json) -> bytes:
    """The file of one filter that changes by itself."""
    return resources_file([typed(RESOURCE, {"name": name, "typed_config": config})])


def resources_file(resources: list[Json]) -> bytes:
    """The file of resources that say their types themselves."""
    version = hashlib.sha256(_encode(resources)).hexdigest()[:16]
    return _encode({"version_info": version, "resources": resources})


def version_of(file: bytes) -> str:
    """``version_info`` of a file made here: a checksum of the resources, so that equal content is no update."""
    version: str = msgspec.json.decode(file)["version_info"]
    return version


def place(path: Path, content: bytes) -> None:
    """Replace a file so that a reader sees the old or the new one, never half of it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(content)
    temporary.replace(path)


def write(files: dict[str, bytes], directory: Path) -> None:
    for name, content in files.items():
        place(directory / name, content)


def _encode(value: object) -> bytes:
    return msgspec.json.encode(value)
