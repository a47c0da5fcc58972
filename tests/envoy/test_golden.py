"""The resources of two snapshots, as they were last looked at by a human. UPDATE_GOLDEN=1 writes them anew."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from menshen.config.snapshot import Snapshot
from menshen.envoy import build
from menshen.envoy.addresses import FILES, Subscription
from menshen.envoy.binary import find_envoy
from tests.envoy.certificates import self_signed
from tests.envoy.samples import ADDRESSES, FULL, PLAIN, PLANTED

GOLDEN = Path(__file__).parent / "golden"
CASES = [("full", FULL), ("plain", PLAIN)]


@pytest.mark.parametrize(("name", "snapshot"), CASES)
def test_the_resources_are_the_golden_ones(name: str, snapshot: Snapshot) -> None:
    for file, content in build(snapshot, ADDRESSES).items():
        if snapshot is PLAIN and file not in (FILES["lds"], FILES["cds"]):
            continue  # nothing in it that the full one has not
        path = GOLDEN / f"{name}.{Path(file).name}"
        pretty = json.dumps(json.loads(content), indent=1, ensure_ascii=False) + "\n"
        if os.environ.get("UPDATE_GOLDEN") == "1":
            path.write_text(pretty)
        assert path.read_text() == pretty, f"{path.name} differs; UPDATE_GOLDEN=1 if that is meant"


@pytest.mark.parametrize(("name", "snapshot"), CASES)
def test_envoy_accepts_them(name: str, snapshot: Snapshot, tmp_path: Path) -> None:
    files = build(snapshot, ADDRESSES)
    static = json.loads(files["bootstrap.json"])
    del static["dynamic_resources"]
    static["static_resources"]["clusters"] += _resources(files, "cds")
    static["static_resources"]["listeners"] = _resources(files, "lds")
    chain = static["static_resources"]["listeners"][0]["filter_chains"][0]
    chain.pop("transport_socket", None)  # its files are not here
    connection_manager = chain["filters"][0]["typed_config"]
    del connection_manager["rds"]
    connection_manager["route_config"] = _resources(files, "rds")[0]
    authority, _ = self_signed(tmp_path, "orders.internal")
    path = tmp_path / "static.json"
    path.write_text(json.dumps(static).replace("/data/ca.pem", str(authority)))
    command: list[str | Path] = [
        find_envoy(),
        "--mode",
        "validate",
        "--config-path",
        path,
        "--log-level",
        "warning",
        "--use-dynamic-base-id",
    ]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "eprecated" not in run.stderr


def test_no_secret_is_in_any_file() -> None:
    for _, snapshot in CASES:
        assert not any(PLANTED.encode() in content for content in build(snapshot, ADDRESSES).values())


def test_equal_snapshots_give_equal_bytes() -> None:
    assert build(FULL, ADDRESSES) == build(replace(FULL), ADDRESSES)


def test_a_changed_route_leaves_the_listener_alone() -> None:
    before = build(PLAIN, ADDRESSES)
    changed = replace(PLAIN, routes=(*PLAIN.routes[1:], replace(PLAIN.routes[0], path="/sign-in"))).sealed()
    after = build(changed, ADDRESSES)
    assert {file for file in before if before[file] != after[file]} == {FILES["rds"]}


def test_a_changed_upstream_touches_clusters_alone() -> None:
    before = build(PLAIN, ADDRESSES)
    upstreams = tuple(replace(upstream, connect_timeout=3.0) for upstream in PLAIN.upstreams)
    after = build(replace(PLAIN, upstreams=upstreams), ADDRESSES)
    assert {file for file in before if before[file] != after[file]} == {FILES["cds"]}


def _resources(files: dict[str, bytes], kind: Subscription) -> list[dict[str, object]]:
    resources = json.loads(files[FILES[kind]])["resources"]
    return [{key: value for key, value in resource.items() if key != "@type"} for resource in resources]
