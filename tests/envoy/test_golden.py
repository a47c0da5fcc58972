"""The resources of some snapshots, as they were last looked at by a human. UPDATE_GOLDEN=1 writes them anew."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from menshen.config.snapshot import Listener, Snapshot
from menshen.documents.documents import load_document
from menshen.envoy import build
from menshen.envoy.addresses import FILES
from menshen.envoy.binary import find_envoy
from menshen.envoy.resources import BOOTSTRAP
from menshen.envoy.revoked import REVOKED_FILTERS, revoked_apps, revoked_sessions
from menshen.envoy.validation import inlined
from tests.envoy.certificates import self_signed
from tests.envoy.samples import ADDRESSES, FULL, OWN, PLAIN, PLANTED, sample
from tests.envoy.signed import signed_routes

GOLDEN = Path(__file__).parent / "golden"
KEY = (
    '{"keys":[{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",'
    '"y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","kid":"1","alg":"ES256","use":"sig"}]}'
)
"""Of RFC 7517, A.1."""
SIGNED = sample(
    routes=tuple(r for r in signed_routes() if r.group in ("app", "find", "long")), listener=Listener(client_api="")
)
GOVERNED = load_document((Path(__file__).parent / "governed.yaml").read_text(), {}).snapshot
"""One API with a plugin of every type that Envoy works on, and one beside it that is public."""

CASES = [
    ("full", FULL, ""),
    ("plain", PLAIN, ""),
    ("signed", SIGNED, KEY),
    ("own", OWN, ""),
    ("governed", GOVERNED, KEY),
]
SHOWN = {
    "full": {BOOTSTRAP, FILES["cds"], FILES["lds"], FILES["rds"], FILES["sds"]},
    "plain": {FILES["cds"], FILES["lds"]},
    "signed": {FILES["lds"], FILES["rds"], FILES["states"]},
    "own": {FILES["rds"]},
    "governed": {FILES[name] for name in ("cds", "lds", "rds", "tokens", "limits_early", "limits_late")},
}


@pytest.mark.parametrize(("name", "snapshot", "keys"), CASES)
def test_the_resources_are_the_golden_ones(name: str, snapshot: Snapshot, keys: str) -> None:
    for file, content in build(snapshot, ADDRESSES, keys).items():
        if file not in SHOWN[name]:
            continue  # nothing in it that another one has not
        path = GOLDEN / f"{name}.{file.replace('/filter', '').rpartition('/')[2]}"
        pretty = json.dumps(json.loads(content), indent=1, ensure_ascii=False) + "\n"
        if os.environ.get("UPDATE_GOLDEN") == "1":
            path.write_text(pretty)
        assert path.read_text() == pretty, f"{path.name} differs; UPDATE_GOLDEN=1 if that is meant"


@pytest.mark.parametrize(("name", "snapshot", "keys"), CASES)
def test_envoy_accepts_them(name: str, snapshot: Snapshot, keys: str, tmp_path: Path) -> None:
    files = build(snapshot, ADDRESSES, keys)
    static = inlined(files)
    chain = static["static_resources"]["listeners"][0]["filter_chains"][0]
    chain.pop("transport_socket", None)  # its files are not here
    revoked = {
        REVOKED_FILTERS["settled"]: revoked_sessions(["a", "b"]),
        REVOKED_FILTERS["recent"]: revoked_sessions([]),
        REVOKED_FILTERS["apps"]: revoked_apps([("wechat", "wx1", 5), ("", "", 7)]),
    }
    static["static_resources"]["secrets"] = []
    for http_filter in chain["filters"][0]["typed_config"]["http_filters"]:
        http_filter["typed_config"] = revoked.get(http_filter["name"], http_filter["typed_config"])
    authority, _ = self_signed(tmp_path, "orders.internal")
    path = tmp_path / "static.json"
    there = {
        "/data/ca.pem": str(authority),
        ADDRESSES.system_ca: str(authority),
        f"{ADDRESSES.directory}/traces.pipe": str(tmp_path / "traces"),
    }
    text = json.dumps(static)
    for absent, present in there.items():
        text = text.replace(absent, present)
    path.write_text(text)
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
    for _, snapshot, keys in CASES:
        assert not any(PLANTED.encode() in content for content in build(snapshot, ADDRESSES, keys).values())


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
