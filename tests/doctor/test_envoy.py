"""The real Envoy, asked whether it takes what a document compiles to."""

from __future__ import annotations

from pathlib import Path

from menshen.doctor.envoy import CHECK
from tests.doctor.installed import document, install, looked_at

TEXT = document()


def test_it_takes_a_sound_one(directory: Path) -> None:
    (finding,) = looked_at(CHECK, install(directory, TEXT))
    assert (finding.status, finding.found.en) == ("ok", "Envoy 1.40.0 takes the configuration")


def test_it_refuses_a_certificate_that_is_not_there(directory: Path) -> None:
    tls = "listener: {tls: {certificate: /nowhere/chain.pem, key: /nowhere/key.pem}}\n"
    (finding,) = looked_at(CHECK, install(directory, TEXT + tls))
    assert (finding.status, finding.trouble) == ("failed", "envoy_refuses")
    assert "/nowhere/key.pem" in finding.found.en


def test_without_a_configuration_it_runs(directory: Path) -> None:
    (finding,) = looked_at(CHECK, install(directory))
    assert (finding.status, finding.found.en) == ("ok", "Envoy 1.40.0 runs here")
