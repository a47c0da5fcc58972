"""Snapshot to Envoy resources, one file per Envoy concept, and the child process that runs them."""

from __future__ import annotations

from menshen.envoy.addresses import Addresses
from menshen.envoy.data_plane import DataPlane
from menshen.envoy.process import EnvoyProcess
from menshen.envoy.resources import build, write
from menshen.envoy.revoked import Denied

__all__ = ["Addresses", "DataPlane", "Denied", "EnvoyProcess", "build", "write"]
