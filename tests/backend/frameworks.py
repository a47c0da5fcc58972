"""Which frameworks are tested: what is installed, and what the locked requirements say is. CI skips nothing."""

from __future__ import annotations

import importlib.util

from tests.edge.processes import REPOSITORY

__all__ = ["FRAMEWORKS", "present"]

_LOCKED = (REPOSITORY / "requirements" / "dev.txt").read_text(encoding="utf-8")


def present(package: str) -> bool:
    return f"\n{package}==" in _LOCKED or importlib.util.find_spec(package) is not None


FRAMEWORKS = [
    framework
    for framework, package in (
        ("starlette", "starlette"),
        ("fastapi", "fastapi"),
        ("flask", "flask"),
        ("django", "django"),
        ("django-async", "django"),
    )
    if present(package)
]
