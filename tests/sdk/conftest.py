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
    assert (SDK / "miniprogram_dist" / "index.js").exists(), "the SDK is not built: run `make sdk` first"
    with sdk_stack(tmp_path_factory.mktemp("sdk")) as running:
        yield running
