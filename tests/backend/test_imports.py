"""A backend installs ``menshen.backend`` without Envoy: nothing but joserfc, and what that stands on, is imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

ALONE = """
import importlib.abc, sys

known = {*sys.stdlib_module_names, "menshen", "joserfc", "cryptography", "cffi", "_cffi_backend", "typing_extensions"}

class Alone(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        top, _, rest = name.partition(".")
        if top not in known or (top == "menshen" and rest and rest.split(".")[0] != "backend"):
            raise ModuleNotFoundError(f"not in a backend: {name}", name=name)

sys.meta_path.insert(0, Alone())
"""


def alone(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", ALONE + code], capture_output=True, text=True, timeout=180, check=False
    )


@pytest.mark.parametrize("module", ["menshen.backend", "menshen.backend.asgi"])
def test_it_stands_on_joserfc_alone(module: str) -> None:
    ran = alone(f"import {module}")
    assert ran.returncode == 0, ran.stderr


def test_the_check_sees_what_is_not_there() -> None:
    assert "not in a backend: menshen.errors" in alone("import menshen.errors").stderr
    assert "not in a backend: starlette" in alone("import starlette").stderr
