"""The public socket, with TLS where the snapshot has a certificate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from menshen.config.snapshot import LoginPlugin, Snapshot, Tls
from menshen.envoy.addresses import Addresses
from menshen.envoy.http_connection_manager import http_connection_manager
from menshen.envoy.typed import Json, socket_address, typed

__all__ = ["CERTIFICATE", "LISTENER", "certificate", "listener"]

LISTENER: Final = "gateway"
CERTIFICATE: Final = "gateway"


def listener(snapshot: Snapshot, addresses: Addresses, alone: Sequence[LoginPlugin] = (), generation: int = 0) -> Json:
    """``alone`` and ``generation`` as for :func:`~menshen.envoy.http_connection_manager.http_connection_manager`."""
    chain: Json = {"filters": [http_connection_manager(snapshot, addresses, alone, generation)]}
    if snapshot.listener.tls is not None:
        chain["transport_socket"] = _tls(addresses)
        chain["transport_socket_connect_timeout"] = "10s"
    return {
        "name": LISTENER,
        "stat_prefix": LISTENER,
        "address": socket_address(addresses.listen.host, addresses.listen.port),
        "per_connection_buffer_limit_bytes": 65_536,
        "filter_chains": [chain],
    }


def certificate(tls: Tls) -> Json:
    """The secret. Envoy reads both files again when something is moved into the certificate's directory."""
    return {
        "name": CERTIFICATE,
        "tls_certificate": {
            "certificate_chain": {"filename": tls.certificate},
            "private_key": {"filename": tls.key},
            "watched_directory": {"path": str(Path(tls.certificate).parent)},
        },
    }


def _tls(addresses: Addresses) -> Json:
    context = {
        "common_tls_context": {
            "alpn_protocols": ["h2", "http/1.1"],
            "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
            "tls_certificate_sds_secret_configs": [{"name": CERTIFICATE, "sds_config": addresses.source("sds")}],
        }
    }
    name = "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"
    return {"name": "tls", "typed_config": typed(name, context)}
