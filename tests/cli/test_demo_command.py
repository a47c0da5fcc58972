"""``menshen demo --once``: the whole way in one command."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

from tests.edge.processes import REPOSITORY


def demo(tmp_path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "menshen", "demo", "--once"],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        timeout=180,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )


def test_every_step_holds_and_nothing_is_left_behind(tmp_path: Path) -> None:
    run = demo(tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count("[ok]") == 7
    assert "FAILED" not in run.stdout
    for said in (
        "code: 4001",
        "user_session: ",
        "x-menshen-openid: o",
        "session_invalid",
        "code: 4022",
        "GET /console/try",
    ):
        assert said in run.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_step_that_does_not_hold_fails_the_command(tmp_path: Path) -> None:
    """The steps look at what came back: against a backend that lies about identity they say so."""
    script = (
        "from menshen.cli import demo as d\n"
        "import menshen.cli.demo_steps as s\n"
        "s._identity = lambda got: {}\n"
        "d.demo(once=True, no_browser=True)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        timeout=180,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert run.returncode == 1
    assert "[FAILED]" in run.stdout


def shown(tmp_path: Path, *arguments: str) -> tuple[str, str]:
    """Run the demo in a terminal with a display until it is ready: what it printed, and what the browser was given."""
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o700)
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TMPDIR": str(tmp_path), "DISPLAY": ":0", "BROWSER": str(browser)}
    command = [sys.executable, "-m", "menshen", "demo", *arguments]
    process = subprocess.Popen(command, stdout=theirs, stderr=subprocess.STDOUT, cwd=REPOSITORY, env=environment)
    os.close(theirs)
    said = b""
    try:
        while b"\nready " not in said:
            said += os.read(ours, 4096)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        os.close(ours)
    return said.decode(), opened.read_text().strip() if opened.exists() else ""


def test_at_a_display_it_opens_the_page_that_it_names(tmp_path: Path) -> None:
    said, opened = shown(tmp_path)
    link = re.search(r"console: (\S+)", said)
    assert link is not None
    assert opened == link[1]
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/console/enter\?next=/console/try#[\w-]{43}", opened)


def test_the_browser_can_be_left_alone(tmp_path: Path) -> None:
    said, opened = shown(tmp_path, "--no-browser")
    assert "/console/enter?" in said
    assert opened == ""
