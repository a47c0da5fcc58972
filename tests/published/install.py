"""The clients of other makers that the tests run: what their registry has, in the versions the lock names."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
INSTALL_WITHIN = 600.0


def installed(directory: Path) -> Path:
    """The ``node_modules`` with both packages; ``directory`` is empty and stays as long as they are used.

    No package's own script runs: the lock's hashes say what was published, not what it would do here.
    """
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(HERE / name, directory)
    install = ["npm", "ci", "--no-audit", "--fetch-retries=6"]
    run = subprocess.run(install, cwd=directory, capture_output=True, text=True, timeout=INSTALL_WITHIN)
    assert run.returncode == 0, run.stderr
    return directory / "node_modules"
