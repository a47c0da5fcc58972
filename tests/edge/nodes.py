"""Two gateways of one team on one PostgreSQL."""

from __future__ import annotations

import base64
import contextlib
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from menshen.storage.database_url import DATABASE_URL_VARIABLE
from menshen.storage.sealing import MASTER_KEY_VARIABLE
from tests.edge.conftest import OTHER_SECRET, Stack
from tests.edge.processes import REPOSITORY, Client, command
from tests.postgresql import PostgreSQL

__all__ = ["Nodes", "two_nodes"]


@dataclass
class Nodes:
    """Both of them, their PostgreSQL, and the URL of the database there."""

    one: Stack
    two: Stack
    server: PostgreSQL
    url: str

    @property
    def both(self) -> tuple[Stack, Stack]:
        return self.one, self.two

    @property
    def name(self) -> str:
        return urlsplit(self.url).path.strip("/")

    @contextlib.contextmanager
    def without_database(self) -> Iterator[None]:
        """No node gets a connection, and those that they had are cut."""
        self.server.execute(f"ALTER DATABASE {self.name} ALLOW_CONNECTIONS false")
        try:
            self.server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self.name}'")
            yield
        finally:
            self.server.execute(f"ALTER DATABASE {self.name} ALLOW_CONNECTIONS true")

    def command(self, *arguments: str, url: str = "") -> subprocess.CompletedProcess[str]:
        """A command of the second node's operator."""
        return subprocess.run(
            [sys.executable, "-m", "menshen", *arguments, "--data-dir", str(self.two.data_dir)],
            capture_output=True,
            text=True,
            cwd=REPOSITORY,
            timeout=90,
            env={**os.environ, DATABASE_URL_VARIABLE: url or self.url, "OTHER_SECRET": OTHER_SECRET},
        )


@contextlib.contextmanager
def two_nodes(
    directory: Path, server: PostgreSQL, first: Callable[[Path], AbstractContextManager[Stack]]
) -> Iterator[Nodes]:
    """The second node has the first one's keys and master key, and no configuration of its own."""
    second = directory / "second"
    second.mkdir(0o700)
    with server.database() as url, pytest.MonkeyPatch.context() as environment:
        environment.setenv(DATABASE_URL_VARIABLE, url)
        environment.setenv(MASTER_KEY_VARIABLE, base64.b64encode(secrets.token_bytes(32)).decode())
        with first(directory) as one:
            shutil.copytree(one.data_dir / "keys", second / "keys")
            arguments = ["serve", "--data-dir", str(second), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
            with command(
                ["-m", "menshen", *arguments], directory / "second.log", {"OTHER_SECRET": OTHER_SECRET}
            ) as serve:
                two = replace(
                    one,
                    gateway=Client(serve.origin),
                    admin=Client(serve.words[1].removeprefix("admin=")),
                    serve=serve,
                    data_dir=second,
                )
                yield Nodes(one, two, server, url)
