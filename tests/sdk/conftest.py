"""The SDK as it is built, on the ``wx`` object, against a running gateway."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator

import pytest

from tests.edge.conftest import Stack
from tests.sdk.gateway import SDK, sdk_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    if shutil.which("npm") is None:
        pytest.skip("Node.js is not installed")
    built = SDK / "miniprogram_dist" / "source.sha256"
    assert built.exists(), "the SDK is not built: run `make sdk` first"
    assert built.read_text() == _source(), "the SDK is built from another source: run `make sdk` first"
    with sdk_stack(tmp_path_factory.mktemp("sdk")) as running:
        yield running


def _source() -> str:
    """The same digest that ``build.js`` writes."""
    digest = hashlib.sha256()
    for file in sorted((SDK / "src").rglob("*.ts"), key=lambda file: str(file.relative_to(SDK / "src"))):
        digest.update(file.read_bytes())
    return digest.hexdigest()
