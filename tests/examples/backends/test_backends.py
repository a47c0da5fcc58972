"""The examples of backends in other languages let the gateway's callers in and nobody else.

Each is tested where its runtime is installed and its libraries have been fetched, as CI does it: no test waits for a
registry. A language that is not here has no test, rather than one that is skipped: CI refuses skips.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.backend.issuer import UID
from tests.backend.published import Published, publishing
from tests.edge.processes import REPOSITORY, Client
from tests.ports import free_port

EXAMPLES = REPOSITORY / "examples" / "backends"
JOSE = EXAMPLES / "node" / "node_modules" / "jose" / "package.json"
MODULES = EXAMPLES / "go" / "vendor" / "modules.txt"
CLASSPATH = EXAMPLES / "spring" / "build" / "classpath"
"""What npm, Go and Maven leave when they have fetched the libraries; .ci/run lets them."""

READY_WITHIN = 180.0

Command = Callable[[Path, int], Sequence[str]]


def node(_: Path, __: int) -> Sequence[str]:
    return ["node", str(EXAMPLES / "node" / "server.js")]


def go(directory: Path, _: int) -> Sequence[str]:
    built = directory / "orders"
    build(["go", "build", "-o", str(built), "."], EXAMPLES / "go", GOFLAGS="-mod=vendor", GOTOOLCHAIN="local")
    return [str(built)]


def spring(directory: Path, port: int) -> Sequence[str]:
    sources = [str(file) for file in sorted((EXAMPLES / "spring").glob("*.java"))]
    libraries = CLASSPATH.read_text().strip()
    # "path": jars name others in their manifests that the class path does not have.
    lint = ["-Xlint:all,-path", "-Werror", "-parameters", "-encoding", "UTF-8"]
    build(["javac", *lint, "-cp", libraries, "-d", str(directory / "classes"), *sources], directory)
    shutil.copy(EXAMPLES / "spring" / "application.properties", directory / "classes")
    listening = [f"--server.port={port}", "--server.address=127.0.0.1"]
    quick = "-XX:TieredStopAtLevel=1"  # it begins sooner; Maven runs it so too
    return ["java", quick, "-cp", f"{directory / 'classes'}{os.pathsep}{libraries}", "Orders", *listening]


def php(_: Path, port: int) -> Sequence[str]:
    return ["php", "-S", f"127.0.0.1:{port}", str(EXAMPLES / "php" / "index.php")]


def build(command: Sequence[str], directory: Path, **environment: str) -> None:
    ran = subprocess.run(
        command,
        cwd=directory,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr


LANGUAGES: dict[str, tuple[Command, Sequence[str]]] = {
    "node": (node, ["node", str(JOSE)]),
    "go": (go, ["go", str(MODULES)]),
    "php": (php, ["php"]),
    "spring": (spring, ["javac", "java", str(CLASSPATH)]),
}
INSTALLED = [
    name
    for name, (_, needs) in LANGUAGES.items()
    if all(Path(each).is_file() if os.sep in each else shutil.which(each) for each in needs)
]


BELIEVED = {"spring": {"several upstreams"}}
"""What an example lets in although ``menshen.backend`` does not: Boot's ``audiences`` asks whether ours is among them.
Nobody but the gateway can sign it, and the gateway names one upstream."""

ONE_FETCH_A_KID = {"spring"}
"""Spring's decoder fetches whenever it meets a kid that it does not know, the others at most every 5 seconds."""


@contextlib.contextmanager
def running(language: str, directory: Path, url: str) -> Iterator[Client]:
    """The example as a process of its own, on a free port."""
    port = free_port()
    environment = {
        "MENSHEN_JWKS": url,
        "MENSHEN_UPSTREAM": "orders",
        "MENSHEN_CACHE": str(directory),
        "PORT": str(port),
    }
    command, _ = LANGUAGES[language]
    with (directory / "backend.log").open("w+b") as log:
        process = subprocess.Popen(
            command(directory, port),
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=directory,
            env={**os.environ, **environment},
        )
        try:
            _wait(process, port, directory / "backend.log")
            yield Client(f"http://127.0.0.1:{port}")
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(90)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout:
                process.stdout.close()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 10):
            return
        time.sleep(0.02)
    raise AssertionError(f"not ready: {log.read_text()}")


@pytest.fixture(scope="module")
def published() -> Iterator[Published]:
    with publishing() as gateway:
        yield gateway


@pytest.fixture(scope="module", params=INSTALLED)
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def backend(language: str, published: Published, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with running(language, tmp_path_factory.mktemp(language), published.url) as client:
        yield client


def answer(backend: Client, *assertions: str) -> tuple[int, str | None]:
    """The status and whom the backend took for its caller; a refusal of Spring's has no body at all."""
    reply = backend("/", *(("X-Menshen-Assertion", value) for value in assertions))
    return reply.status, reply.json.get("uid") if reply.raw else None


REFUSED = (403, None)


def test_the_caller_is_known(backend: Client, published: Published) -> None:
    for _ in range(20):  # signatures begin with any bit
        assert answer(backend, published.assertion()) == (200, UID)


def test_nobody_else_is(language: str, backend: Client, published: Published) -> None:
    assert answer(backend) == REFUSED
    assert answer(backend, "") == REFUSED
    forgeries = published.forgeries()
    for value in forgeries.pop("huge"):  # more than some servers read of a header
        assert backend("/", ("X-Menshen-Assertion", value)).status in (400, 403, 431)
    forged = {name: answer(backend, *values) for name, values in forgeries.items()}
    let_in = {name: got for name, got in forged.items() if got != REFUSED}
    assert let_in == dict.fromkeys(BELIEVED.get(language, ()), (200, UID))
    assert answer(backend, published.assertion()) == (200, UID)


def test_plain_headers_say_nothing(backend: Client) -> None:
    assert backend("/", ("X-Menshen-User", UID)).status == 403


def test_keys_are_not_fetched_for_each_request(backend: Client, published: Published) -> None:
    answer(backend, published.assertion())
    asked = published.asked
    for _ in range(20):
        assert answer(backend, published.assertion())[0] == 200
    assert published.asked == asked


def test_a_refusal_begins_no_session(backend: Client) -> None:
    for sent in ((), (("X-Menshen-Assertion", "eyJ.e30.AAAA"),)):
        assert "set-cookie" not in backend("/", *sent).headers


def test_a_flood_of_unknown_kids_costs_the_gateway_next_to_nothing(
    language: str, backend: Client, published: Published
) -> None:
    asked, stranger = published.asked, published.forgeries()["another's key"]
    began = time.monotonic()
    for _ in range(30):
        assert answer(backend, *stranger) == REFUSED
    most = 30 if language in ONE_FETCH_A_KID else 1 + (time.monotonic() - began) / 5
    assert published.asked - asked <= most


def test_a_new_key_is_believed_and_a_retired_one_is_not(language: str, tmp_path: Path) -> None:
    with publishing() as gateway, running(language, tmp_path, gateway.url) as backend:
        old = gateway.assertion()
        assert answer(backend, old)[0] == 200
        gateway.ring.rotate()
        gateway.ring.retire_old()
        deadline = asked = time.monotonic()
        deadline += 90
        while answer(backend, gateway.assertion())[0] != 200:  # at most 5 seconds after the last fetch
            assert time.monotonic() < deadline
            time.sleep(0.1)
            asked = time.monotonic()
        assert gateway.asked == 2
        assert answer(backend, old) == REFUSED
        another = language in ONE_FETCH_A_KID or (gateway.asked == 3 and time.monotonic() - asked >= 5)
        assert gateway.asked == (3 if another else 2)


def test_callers_are_known_while_the_gateway_is_away(language: str, tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        with publishing() as gateway:
            backend = stack.enter_context(running(language, tmp_path, gateway.url))
            assert answer(backend, gateway.assertion()) == (200, UID)
        assert answer(backend, gateway.assertion()) == (200, UID)
        assert answer(backend, *gateway.forgeries()["another's key"]) == REFUSED


def test_without_keys_nobody_passes(language: str, tmp_path: Path) -> None:
    with publishing() as gateway:
        good = gateway.assertion()
        with running(language, tmp_path, "http://127.0.0.1:9/jwks.json") as backend:
            assert answer(backend, good) == REFUSED
