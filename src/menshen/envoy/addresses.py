"""Where things are: what a snapshot does not say because it differs from machine to machine."""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from menshen.config.snapshot import Endpoint
from menshen.envoy.typed import Json

__all__ = ["FILES", "Addresses", "Subscription", "file_name"]

Subscription = Literal[
    "lds", "cds", "rds", "sds", "states", "settled", "recent", "apps", "tokens", "limits_early", "limits_late"
]

FILES: Final[dict[Subscription, str]] = {
    "lds": "lds/listeners.json",
    "cds": "cds/clusters.json",
    "rds": "rds/routes.json",
    "sds": "sds/secrets.json",
    "states": "states/filter.json",
    "settled": "settled/filter.json",
    "recent": "recent/filter.json",
    "apps": "apps/filter.json",
    "tokens": "tokens/filter.json",
    "limits_early": "limits_early/filter.json",
    "limits_late": "limits_late/filter.json",
}
"""One directory per subscription: Envoy reads a file again when anything is moved into its directory."""

_SOCKET_PATH_LIMIT: Final = 100
"""``sun_path`` has 108 bytes on Linux and 104 on macOS, with the final NUL."""

_SYSTEM_CAS: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)


@dataclass(frozen=True, slots=True)
class Addresses:
    """``listen`` is the public side, ``brain`` one endpoint per worker, ``directory`` is ours alone (0700)."""

    listen: Endpoint
    brain: tuple[Endpoint, ...]
    directory: Path
    admin: Path
    system_ca: str = _SYSTEM_CAS[0]

    @classmethod
    def under(cls, directory: Path, *, listen: Endpoint, brain: Iterable[Endpoint]) -> Addresses:
        """Addresses with everything under ``directory``, which is made if need be.

        The admin socket can stop Envoy and read its memory, so it lies in a directory that nobody else can enter. A
        path too long for a socket moves it to a fresh private directory of the system's temporary one.
        """
        directory = directory.absolute()
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)
        admin = directory / "admin.sock"
        if len(bytes(admin)) > _SOCKET_PATH_LIMIT:
            admin = Path(tempfile.mkdtemp(prefix="menshen-")) / "admin.sock"
        return cls(listen=listen, brain=tuple(brain), directory=directory, admin=admin, system_ca=_system_ca())

    @property
    def bootstrap(self) -> Path:
        return self.directory / "bootstrap.json"

    @property
    def traces(self) -> Path:
        """The pipe by which Envoy tells the node which traces a TraceID has."""
        return self.directory / "traces.pipe"

    def file(self, subscription: Subscription, generation: int = 0) -> Path:
        return self.directory / file_name(subscription, generation)

    def source(self, subscription: Subscription, generation: int = 0) -> Json:
        """The ``ConfigSource`` by which Envoy follows one file."""
        path = self.file(subscription, generation)
        return {
            "resource_api_version": "V3",
            "path_config_source": {"path": str(path), "watched_directory": {"path": str(path.parent)}},
        }


def file_name(subscription: Subscription, generation: int = 0) -> str:
    """Below the config directory. Each generation of the listener has routes of its own: ``generation`` is for them."""
    name = FILES[subscription]
    directory, _, file = name.partition("/")
    return f"{directory}-{generation}/{file}" if generation else name


def _system_ca() -> str:
    known = (ssl.get_default_verify_paths().cafile, *_SYSTEM_CAS)
    return next((path for path in known if path and Path(path).is_file()), _SYSTEM_CAS[0])
