"""``menshen serve``: how it starts, and how it says that it cannot."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.edge.processes import REPOSITORY, Client, command

DOCUMENT = """\
version: 1
upstreams: [{name: orders, endpoints: ["127.0.0.1:9"]}]
groups: [{name: mall, prefix: /mall, upstream: orders, apis: [{name: all, path: /*}]}]
"""


def serve(tmp_path: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "menshen", "serve", "--data-dir", str(tmp_path / "data"), *arguments],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        timeout=90,
        env={**os.environ, **env},
    )


def written(tmp_path: Path, text: str) -> str:
    file = tmp_path / "menshen.yaml"
    file.write_text(text)
    return str(file)


def test_a_bad_document_stops_a_first_start_with_every_problem(tmp_path: Path) -> None:
    bad = DOCUMENT.replace("upstream: orders", "upstream: nowhere") + "unknown: 1\n"
    run = serve(tmp_path, "--config", written(tmp_path, bad), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
    assert run.returncode == 1
    assert "nowhere" in run.stderr
    assert "unknown" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("option", ["--listen", "--admin", "--verify"])
def test_a_taken_port_is_said_at_once(option: str, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        others = [word for other in {"--listen", "--admin"} - {option} for word in (other, "127.0.0.1:0")]
        started = time.monotonic()
        run = serve(tmp_path, option, f"127.0.0.1:{port}", *others)
    assert run.returncode == 1
    assert port in run.stderr
    assert "Traceback" not in run.stderr
    assert time.monotonic() - started < 60


def test_a_secret_for_proxies_that_could_be_guessed_stops_the_start(tmp_path: Path) -> None:
    run = serve(tmp_path, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", MENSHEN_VERIFY_SECRET="short")
    assert run.returncode == 1
    assert "MENSHEN_VERIFY_SECRET" in run.stderr
    assert "Traceback" not in run.stderr


def test_keys_that_others_can_read_stop_the_start(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with command(
        ["-m", "menshen", "serve", "--data-dir", str(data), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"],
        tmp_path / "log",
    ):
        pass
    (data / "keys" / "session-sealed.json").chmod(0o644)
    run = serve(tmp_path, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
    assert run.returncode == 1
    assert "session-sealed.json" in run.stderr


def test_it_serves_before_the_first_document_and_after_a_restart_with_the_last(tmp_path: Path) -> None:
    arguments = ["-m", "menshen", "serve", "--data-dir", str(tmp_path / "data")]
    arguments += ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--workers", "1"]
    with command(arguments, tmp_path / "log") as running:
        assert Client(running.origin)("/mall/x").refusal == (404, 4004, "no_such_route")
    with command([*arguments, "--config", written(tmp_path, DOCUMENT)], tmp_path / "log") as running:
        assert Client(running.origin)("/mall/x").refusal == (503, 5010, "upstream_unavailable")
    with command(arguments, tmp_path / "log") as running:
        assert Client(running.origin)("/mall/x").refusal == (503, 5010, "upstream_unavailable")


def test_a_rollback_outlives_a_restart_until_the_file_changes(tmp_path: Path) -> None:
    file, data = tmp_path / "menshen.yaml", str(tmp_path / "data")
    arguments = ["-m", "menshen", "serve", "--data-dir", data, "--config", str(file), "--workers", "1"]
    arguments += ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
    file.write_text(DOCUMENT)
    with command(arguments, tmp_path / "log"):
        pass
    file.write_text(DOCUMENT.replace("/mall", "/shop"))
    with command(arguments, tmp_path / "log") as running:
        assert Client(running.origin)("/shop/x").refusal[1] == 5010
    back = [sys.executable, "-m", "menshen", "rollback", "1", "--data-dir", data]
    assert subprocess.run(back, cwd=REPOSITORY, capture_output=True, timeout=90).returncode == 0
    with command(arguments, tmp_path / "log") as running:
        assert Client(running.origin)("/mall/x").refusal[1] == 5010
    file.write_text(DOCUMENT.replace("/mall", "/third"))
    with command(arguments, tmp_path / "log") as running:
        assert Client(running.origin)("/third/x").refusal[1] == 5010


def test_a_config_file_that_is_not_there_stops_any_start(tmp_path: Path) -> None:
    options = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
    with command(["-m", "menshen", "serve", "--data-dir", str(tmp_path / "data"), *options], tmp_path / "log"):
        pass
    run = serve(tmp_path, "--config", str(tmp_path / "misspelt.yaml"), *options)
    assert run.returncode == 1
    assert "misspelt.yaml" in run.stderr


def test_a_data_directory_that_others_may_enter_holds_nothing_they_can_read(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    options = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
    with command(["-m", "menshen", "serve", "--data-dir", str(data), *options], tmp_path / "log"):
        assert (data / "menshen.db").stat().st_mode & 0o077 == 0


def test_a_bad_document_at_a_later_start_leaves_what_ran(tmp_path: Path) -> None:
    arguments = ["-m", "menshen", "serve", "--data-dir", str(tmp_path / "data"), "--config"]
    options = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--workers", "1"]
    with command([*arguments, written(tmp_path, DOCUMENT), *options], tmp_path / "log"):
        pass
    with command([*arguments, written(tmp_path, "version: 3"), *options], tmp_path / "log") as running:
        assert Client(running.origin)("/mall/x").refusal[1] == 5010
    assert "refused, revision 1 stays" in (tmp_path / "log").read_text()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--verify-cert", "c.pem", "--verify-key", "c.key"), "goes with"),
        (("--verify", "127.0.0.1:0", "--verify-client-ca", "ca.pem"), "goes with"),
        (("--verify", "127.0.0.1:0", "--verify-cert", "none.pem", "--verify-key", "none.key"), "cannot be read"),
        (("--verify", "127.0.0.1:0", "--verify-cert", "odd.pem", "--verify-key", "odd.pem"), "not a PEM"),
    ],
)
def test_a_certificate_that_cannot_be_shown_stops_the_start(
    options: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "odd.pem").write_text("odd")
    run = serve(tmp_path, *(str(tmp_path / each) if "." in each and ":" not in each else each for each in options))
    assert run.returncode == 2
    assert said in run.stderr
    assert "Traceback" not in run.stderr
