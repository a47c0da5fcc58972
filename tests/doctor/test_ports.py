"""The addresses of serve: free, taken, and taken by the node itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from menshen.config.snapshot import Endpoint
from menshen.doctor.ports import CHECK
from tests.doctor.installed import install, listening, looked_at, place, troubles
from tests.edge.processes import Client, command


def test_free(directory: Path) -> None:
    assert troubles(CHECK, install(directory)) == []


def test_taken_by_somebody(directory: Path) -> None:
    where = install(directory)
    with listening() as one, listening() as other:
        taken = replace(where, listen=Endpoint("127.0.0.1", one), admin=Endpoint("127.0.0.1", other))
        findings = looked_at(CHECK, taken)
    assert [finding.trouble for finding in findings] == ["port_taken", "port_taken"]
    assert findings[1].advice is not None
    assert "--admin" in findings[1].advice.en


def test_an_address_of_another_machine(directory: Path) -> None:
    where = replace(install(directory), listen=Endpoint("192.0.2.1", 8080))
    assert troubles(CHECK, where) == ["port_forbidden"]


def test_taken_by_the_node_of_this_directory_and_by_that_of_another(directory: Path, tmp_path: Path) -> None:
    arguments = ["serve", "--data-dir", str(directory), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
    with command(["-m", "menshen", *arguments], tmp_path / "serve.log") as serve:
        public, admin = Client(serve.origin), Client(serve.words[1].removeprefix("admin="))
        held = {"listen": Endpoint(public.host, public.port), "admin": Endpoint(admin.host, admin.port)}
        findings = looked_at(CHECK, replace(place(directory), **held))
        assert [finding.found.en for finding in findings] == [
            f"the node of this data directory is on {each.host}:{each.port}" for each in held.values()
        ]
        another = tmp_path / "another"
        assert troubles(CHECK, replace(install(another), **held)) == ["port_taken", "port_taken"]
