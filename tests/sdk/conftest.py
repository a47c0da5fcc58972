"""The SDK as it is built, on the ``wx`` object, against a running gateway."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.edge.conftest import Stack
from tests.sdk.gateway import SDK, sdk_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    if shutil.which("npm") is None:
        pytest.skip("Node.js is not installed")
    built = SDK / "miniprogram_dist" / "index.js"
    newest = max(file.stat().st_mtime for file in (SDK / "src").rglob("*.ts"))
    assert built.exists(), "the SDK is not built: run `make sdk` first"
    assert built.stat().st_mtime >= newest, "the SDK was built before its source changed: run `make sdk` first"
    with sdk_stack(tmp_path_factory.mktemp("sdk")) as running:
        yield running
