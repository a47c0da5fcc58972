"""``menshen demo --once``: the whole way in one command."""

from __future__ import annotations

import os
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
        timeout=60,
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
        timeout=60,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert run.returncode == 1
    assert "[FAILED]" in run.stdout
