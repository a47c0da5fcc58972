"""A PostgreSQL of the tests' own: started once a run, on loopback, gone afterwards.

It comes from the PATH or from where Debian keeps it; ``.ci/run`` installs it. A test gets a database that nobody else
uses meanwhile; one that was used before is emptied, which takes a tenth of the time that making one does.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import getpass
import itertools
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from menshen.storage.database import Database
from menshen.storage.schema import migrate
from tests.ports import free_port

__all__ = ["PostgreSQL", "running_postgresql"]

_READY_WITHIN = 90.0
_STOPPED_WITHIN = 10.0
_USER = "menshen"

_EMPTY = """
DO $$ BEGIN
    PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid();
    EXECUTE (SELECT 'TRUNCATE ' || string_agg(quote_ident(tablename), ', ') || ' RESTART IDENTITY CASCADE'
        FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version');
END $$
"""

UNSAFE_AND_FAST = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "autovacuum": "off"}
"""For tests, whose databases need not survive the power. Statistics that come in between would change query plans."""


@dataclass
class PostgreSQL:
    """A running server. ``pid`` is its first process."""

    port: int
    password: str
    pid: int
    log: Path
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _free: list[str] = field(default_factory=list)

    def url(self, database: str = "postgres", password: str | None = None) -> str:
        secret = self.password if password is None else password
        return f"postgresql://{_USER}:{secret}@127.0.0.1:{self.port}/{database}"

    @contextlib.contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a database without a table, which lives as long as the block."""
        name = self._make()
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    @contextlib.contextmanager
    def migrated(self) -> Iterator[str]:
        """The URL of a database with Menshen's tables, all empty, for as long as the block lasts."""
        if self._free:
            name = self._free.pop()
            self.execute(_EMPTY, name)
        else:
            name = self._make()
            asyncio.run(_migrated(self.url(name)))
        yield self.url(name)
        self._free.append(name)

    def _make(self) -> str:
        name = f"menshen_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return name

    def execute(self, statement: str, database: str = "postgres") -> None:
        async def run() -> None:
            connection = await asyncpg.connect(self.url(database))
            try:
                await connection.execute(statement)
            finally:
                await connection.close()

        asyncio.run(run())


async def _migrated(url: str) -> None:
    database = Database(url)
    try:
        await migrate(database)
    finally:
        await database.close()


@contextlib.contextmanager
def running_postgresql(settings: dict[str, str] | None = None) -> Iterator[PostgreSQL]:
    """A server that runs until the block ends. ``settings`` are of postgresql.conf."""
    account = _account()
    directory = Path(tempfile.mkdtemp(prefix="menshen-postgresql-"))
    try:
        if account is not None:
            os.chown(directory, account.pw_uid, account.pw_gid)
        password = secrets.token_urlsafe(16)
        _initialise(directory, password, account)
        with _serving(directory, settings or {}, account) as (process, port):
            yield PostgreSQL(port, password, process.pid, directory / "log")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _program(name: str) -> str:
    found = shutil.which(name)
    if found:
        return found
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    if not versions:
        raise FileNotFoundError(f"{name}: install PostgreSQL (apt-get install postgresql); .ci/run does")
    return str(versions[-1])


def _account() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root: then it runs as another user of this machine."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise RuntimeError(f"PostgreSQL does not run as {getpass.getuser()}, and there is no other user")


def _run_as(account: pwd.struct_passwd | None) -> dict[str, object]:
    if account is None:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _initialise(directory: Path, password: str, account: pwd.struct_passwd | None) -> None:
    secret = directory / "password"
    secret.write_text(password)
    if account is not None:
        os.chown(secret, account.pw_uid, account.pw_gid)
    made = subprocess.run(
        [
            *(_program("initdb"), "--pgdata", str(directory / "data"), "--username", _USER),
            *("--auth", "scram-sha-256", "--pwfile", str(secret)),
            *("--encoding", "UTF8", "--locale", "C", "--no-sync"),
        ],
        capture_output=True,
        cwd=directory,
        check=False,
        **_run_as(account),  # type: ignore[call-overload]
    )
    secret.unlink()
    if made.returncode:
        raise RuntimeError(f"initdb: {made.stderr.decode()}")


@contextlib.contextmanager
def _serving(
    directory: Path, settings: dict[str, str], account: pwd.struct_passwd | None
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    port = free_port()
    chosen = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "max_connections": "200",
        **settings,
    }
    with (directory / "log").open("ab") as log:
        process = subprocess.Popen(
            [
                *(_program("postgres"), "-D", str(directory / "data")),
                *(word for name, value in chosen.items() for word in ("-c", f"{name}={value}")),
            ],
            stdout=log,
            stderr=log,
            cwd=directory,
            preexec_fn=_end_with_parent,
            **_run_as(account),  # type: ignore[call-overload]
        )
    try:
        _wait(process, port, directory / "log")
        yield process, port
    finally:
        process.send_signal(signal.SIGINT)  # "fast": sessions are ended, nothing is waited for
        try:
            process.wait(_STOPPED_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _end_with_parent() -> None:
    """A run that is killed has no time to stop its server: on Linux the kernel does (``PR_SET_PDEATHSIG``)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGINT)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + _READY_WITHIN
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        if "ready to accept connections" in log.read_text():
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return
        time.sleep(0.05)
    raise RuntimeError(f"PostgreSQL did not start: {log.read_text()}")
