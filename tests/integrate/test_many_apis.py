"""A document of many APIs, in whose printed form a proxy looks for a branch first. Each the real proxy."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from menshen.cli.app import app
from tests.edge.conftest import Stack
from tests.integrate.proxies import FRONTS, Front, verify_of

FOUND = ("/big/x0/7", "/big/x299/7?a=b", "/s0", "/s99?a=/x", "/-f/it's", "/--/x.y", "/Shop", "/shop/a")
NOT_FOUND = ("/big/x300/7", "/BIG/x1/7", "/s100", "/s1/", "/S1", "/--/xzy", "/big", "/SHOP", "/shop", "/", "/nothing")
ODD = ("/big/x1/a%2fb", "//s1", "/s1%2f", "/big/../s1", "/%73hop/a", "/s1;x")


def document(backend: str) -> dict[str, Any]:
    """One group with more expressions than a branch holds, and more first segments than a line has words."""
    big = [{"name": f"x{number}", "path": f"/x{number}/{{id}}"} for number in range(300)]
    odd = ("/-f/it's", "/--/x.y", "/Shop", "/shop/a")
    root = [{"name": f"s{number}", "path": f"/s{number}"} for number in range(100)]
    root += [{"name": f"o{number}", "path": path} for number, path in enumerate(odd)]
    return {
        "version": 1,
        "upstreams": [{"name": "back", "endpoints": [backend]}],
        "groups": [
            {"name": "big", "prefix": "/big", "upstream": "back", "apis": big},
            {"name": "root", "prefix": "/", "upstream": "back", "apis": root},
        ],
    }


@pytest.mark.parametrize("proxy", FRONTS)
def test_each_of_many_is_found_and_nothing_else(proxy: str, asked: Stack, tmp_path: Path) -> None:
    file = tmp_path / "many.yaml"
    file.write_text(json.dumps(document(asked.backend.origin.removeprefix("http://"))))

    def of_many(text: str) -> str:
        port = re.search(r"^\s*(?:bind 127\.0\.0\.1:|listen 127\.0\.0\.1:|http://:)(\d+)", text, re.MULTILINE)
        assert port is not None
        where = ["--verify", verify_of(asked), "--listen", f"127.0.0.1:{port[1]}"]
        run = CliRunner().invoke(app, ["integrate", proxy, "--config", str(file), *where])
        assert run.exit_code == 0, run.output
        return run.stdout

    front: Front = FRONTS[proxy]
    with front(asked, tmp_path, edit=of_many) as running:
        for paths, status in ((FOUND, 200), (NOT_FOUND, 404), (ODD, 400)):
            assert {path: running.gateway(path).status for path in paths} == dict.fromkeys(paths, status)
