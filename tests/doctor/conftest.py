"""The emulator and a backend as real processes, once for all checks that call somebody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.edge.conftest import APPID, QQ_APPID, QQ_SECRET, SECRET
from tests.edge.processes import Client, command


@pytest.fixture(scope="session")
def platforms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    log = tmp_path_factory.mktemp("doctor") / "emulator.log"
    with command(["-m", "menshen", "emulator", "--listen", "127.0.0.1:0"], log) as running:
        client = Client(running.origin)
        for platform, appid, secret in (("wechat", APPID, SECRET), ("qq", QQ_APPID, QQ_SECRET)):
            assert client.post_json(f"/emulator/{platform}/apps", {"appid": appid, "secret": secret}).status == 200
        yield client


@pytest.fixture
def emulator(platforms: Client) -> Iterator[Client]:
    yield platforms
    for platform in ("wechat", "qq"):
        platforms(f"/emulator/{platform}/faults", method="DELETE")


@pytest.fixture(scope="session")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its host and port."""
    log = tmp_path_factory.mktemp("doctor") / "backend.log"
    with command(["-m", "tests.edge.backend"], log) as running:
        yield running.origin.removeprefix("http://")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "data"
    made.mkdir(mode=0o700)
    return made
