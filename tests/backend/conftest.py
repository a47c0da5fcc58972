"""A framework's own file is collected where the framework is: a test that is skipped is refused by CI."""

from __future__ import annotations

from tests.backend.frameworks import present

collect_ignore = [f"test_{package}.py" for package in ("django", "flask") if not present(package)]
