"""The HTTP side of the listener: what is read, in which order it is worked on, and what is refused before that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from menshen.config.snapshot import LoginPlugin, Snapshot
from menshen.envoy.addresses import Addresses
from menshen.envoy.authorization import authorization_filter
from menshen.envoy.credentials import credentials_filter
from menshen.envoy.governed import behind, front
from menshen.envoy.local_replies import local_reply_config
from menshen.envoy.renewal import renewal_filter
from menshen.envoy.revoked import revoked_filters
from menshen.envoy.routes import table_name
from menshen.envoy.stamp import stamp_filter
from menshen.envoy.states import states_filter
from menshen.envoy.strip import strip_extension, stripped_names
from menshen.envoy.tracing import told_back, trace_log, tracing
from menshen.envoy.typed import Json, seconds, typed
from menshen.sessions.lifetimes import renewable

__all__ = ["STAT_PREFIX", "http_connection_manager"]

STAT_PREFIX: Final = "gateway"

_MAX_HEADERS_KIB: Final = 60


def http_connection_manager(
    snapshot: Snapshot, addresses: Addresses, alone: Sequence[LoginPlugin] = (), generation: int = 0
) -> Json:
    """Nothing in here depends on one route alone, so that an ordinary change does not replace the listener.

    ``alone`` are the plugins whose login states Envoy judges without the brain. ``generation`` is the listener's, and
    says whose routes these filters serve (:mod:`menshen.envoy.succession`).
    """
    config = {
        "stat_prefix": STAT_PREFIX,
        "codec_type": "AUTO",
        "rds": {"route_config_name": table_name(generation), "config_source": addresses.source("rds", generation)},
        "early_header_mutation_extensions": [strip_extension(snapshot)],
        "http_filters": [
            stamp_filter(stripped_names(snapshot), told_back(snapshot)),
            *front(snapshot, addresses),
            *_judging(snapshot, addresses, alone),
            authorization_filter(snapshot, len(addresses.brain)),
            *behind(snapshot, addresses),
            credentials_filter(),
            {
                "name": "menshen.router",
                # Backends get no x-envoy-* and clients no timings of them.
                "typed_config": typed(
                    "envoy.extensions.filters.http.router.v3.Router", {"suppress_envoy_headers": True}
                ),
            },
        ],
        "local_reply_config": local_reply_config(),
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        **tracing(snapshot),
        **trace_log(snapshot, addresses),
        **_paths(),
        **_peers(snapshot),
        **_limits(),
    }
    name = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    return {"name": "menshen.http", "typed_config": typed(name, config)}


def _judging(snapshot: Snapshot, addresses: Addresses, alone: Sequence[LoginPlugin]) -> list[Json]:
    """Only where a route uses them: a filter that is off still costs a place in every request's chain."""
    if not alone:
        return []
    renewed = [plugin for plugin in alone if renewable(plugin.session)]
    renewal = [renewal_filter(snapshot, len(addresses.brain), renewed)] if renewed else []
    return [states_filter(addresses), *revoked_filters(addresses), *renewal]


def _paths() -> Json:
    """One reading of a path for everybody: what is matched is what the backend gets (attack classes 12 and 15)."""
    return {
        "normalize_path": True,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "strip_trailing_host_dot": True,
    }


def _peers(snapshot: Snapshot) -> Json:
    """Who the client is. A private address is no sign of trust: containers and tunnels have one."""
    return {
        "use_remote_address": True,
        "xff_num_trusted_hops": snapshot.listener.trusted_hops,
        # An address that no connection comes from; without a range Envoy would trust loopback and RFC 1918.
        "internal_address_config": {"cidr_ranges": [{"address_prefix": "255.255.255.255", "prefix_len": 32}]},
        "generate_request_id": True,
        "preserve_external_request_id": False,
        "server_header_transformation": "PASS_THROUGH",
    }


def _limits() -> Json:
    return {
        "max_request_headers_kb": _MAX_HEADERS_KIB,
        "request_headers_timeout": "10s",  # slow loris
        "stream_idle_timeout": "300s",
        "common_http_protocol_options": {
            "idle_timeout": seconds(300),
            "max_headers_count": 100,
            # The contract's own names have them: user_session, js_code. The strip knows both spellings.
            "headers_with_underscores_action": "ALLOW",
        },
        "http2_protocol_options": {
            "max_concurrent_streams": 128,
            "initial_stream_window_size": 65_536,
            "initial_connection_window_size": 1_048_576,
        },
    }
