"""Real certificates on real files, by the calendar of a clock that is a parameter."""

from __future__ import annotations

from pathlib import Path

import pytest

from menshen.doctor.certificates import CHECK
from tests.doctor.installed import install, later, troubles
from tests.envoy.certificates import self_signed

DAY = 86_400


def document(certificate: Path, key: Path, hosts: str = "shop.example.com", ca: str = "") -> str:
    tls = f", tls: {{server_name: orders.internal, ca: {ca}}}" if ca else ""
    return (
        f"version: 1\nlistener: {{tls: {{certificate: {certificate}, key: {key}}}}}\n"
        f'upstreams: [{{name: orders, endpoints: ["127.0.0.1:9"]{tls}}}]\n'
        f'groups: [{{name: mall, hosts: ["{hosts}"], upstream: orders, apis: [{{name: all, path: /*}}]}}]\n'
    )


@pytest.mark.parametrize(
    ("days_left", "expected"),
    [
        (40, []),
        (29, ["certificate_expires_within_30_days"]),
        (6, ["certificate_expires_within_7_days"]),
        (-1, ["certificate_expired"]),
        (100, ["certificate_expired"]),  # by that clock it does not hold yet
    ],
)
def test_dates(directory: Path, tmp_path: Path, days_left: int, expected: list[str]) -> None:
    chain, key = self_signed(tmp_path, "shop.example.com", days=60)
    where = later(install(directory, document(chain, key)), (60 - days_left) * DAY)
    assert troubles(CHECK, where) == expected


def test_a_key_of_another_certificate(directory: Path, tmp_path: Path) -> None:
    chain, _ = self_signed(tmp_path, "shop.example.com", days=60)
    _, key = self_signed(tmp_path, "shop.example.com", "other", days=60)
    assert troubles(CHECK, install(directory, document(chain, key))) == ["certificate_key_mismatch"]


def test_a_chain_that_does_not_hang_together(directory: Path, tmp_path: Path) -> None:
    chain, key = self_signed(tmp_path, "shop.example.com", days=60)
    stranger, _ = self_signed(tmp_path, "Some CA", "ca", days=60)
    chain.write_bytes(chain.read_bytes() + stranger.read_bytes())
    assert troubles(CHECK, install(directory, document(chain, key))) == ["certificate_chain_broken"]


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_files_that_cannot_be_used(directory: Path, tmp_path: Path, content: bytes | None) -> None:
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    if content is not None:
        chain.write_bytes(content)
        key.write_bytes(content)
    where = install(directory, document(chain, key, ca=str(chain)))
    assert troubles(CHECK, where) == ["certificate_unreadable"] * 3


@pytest.mark.parametrize(
    ("name", "host", "expected"),
    [
        ("shop.example.com", "shop.example.com", []),
        ("*.example.com", "shop.example.com", []),
        ("*.example.com", "*.example.com", []),
        ("shop.example.com", "*", []),
        ("shop.example.com", "pay.example.com", ["certificate_without_host"]),
        ("*.example.com", "a.b.example.com", ["certificate_without_host"]),
        ("shop.example.com", "*.example.com", ["certificate_without_host"]),
    ],
)
def test_hosts(directory: Path, tmp_path: Path, name: str, host: str, expected: list[str]) -> None:
    chain, key = self_signed(tmp_path, name, days=60)
    assert troubles(CHECK, install(directory, document(chain, key, host))) == expected


def test_an_authority_that_has_run_out(directory: Path, tmp_path: Path) -> None:
    chain, key = self_signed(tmp_path, "shop.example.com", days=200)
    authority, _ = self_signed(tmp_path, "Some CA", "ca", days=20)
    where = install(directory, document(chain, key, ca=str(authority)))
    assert troubles(CHECK, where) == ["certificate_expires_within_30_days"]
    assert troubles(CHECK, later(where, 30 * DAY)) == ["certificate_expired"]


def test_none_at_all(directory: Path) -> None:
    assert troubles(CHECK, install(directory)) == []
