from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from menshen.cli.address import free_port

KERNELS_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        yield server.getsockname()[1]


@pytest.mark.skipif(sys.platform != "linux", reason="where Linux says which ports it gives away")
def test_a_free_port_is_none_that_the_kernel_gives_to_others() -> None:
    first, last = map(int, KERNELS_RANGE.read_text().split())
    assert not first <= free_port("127.0.0.1") <= last


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_free_port_can_be_listened_on(host: str) -> None:
    with socket.create_server((host, free_port(host)), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
        pass


def test_the_port_that_is_preferred_is_taken_where_it_is_free() -> None:
    free = free_port("127.0.0.1")
    assert free_port("127.0.0.1", free) == free


def test_a_port_that_somebody_has_gives_way_to_another(taken: int) -> None:
    assert free_port("127.0.0.1", taken) not in (0, taken)


def test_a_port_that_is_meant_for_something_else_gives_way_to_another() -> None:
    meant = free_port("127.0.0.1")
    assert free_port("127.0.0.1", meant, but=[meant]) not in (0, meant)


def test_an_address_of_another_machine_has_no_free_port() -> None:
    with pytest.raises(OSError, match=r"no free port on 192\.0\.2\.1"):
        free_port("192.0.2.1")
