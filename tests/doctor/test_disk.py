"""Room on the disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from menshen.doctor.disk import CHECK
from tests.doctor.installed import place, troubles

MIB = 1 << 20


@pytest.mark.parametrize(
    ("free", "expected"),
    [
        (2048 * MIB, []),
        (1024 * MIB, []),
        (1023 * MIB, ["disk_low"]),
        (100 * MIB, ["disk_low"]),
        (99 * MIB, ["disk_full"]),
    ],
)
def test_free_space(directory: Path, free: int, expected: list[str]) -> None:
    assert troubles(CHECK, replace(place(directory), free_bytes=lambda _: free)) == expected


def test_of_this_machine(directory: Path) -> None:
    assert place(directory).free_bytes(directory) > 0
