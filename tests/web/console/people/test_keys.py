"""Keys at the console: listed without their material, rotated and retired by the rules of the command line."""

from __future__ import annotations

import json
import re
from pathlib import Path

from menshen.operators.roles import Role
from menshen.sessions.keys import FILES, load_key_rings
from tests.web.console.people.visiting import Stage, visiting


def materials(directory: Path) -> list[str]:
    """Whatever of the key files must never be seen."""
    found = []
    for name in FILES.values():
        for key in json.loads((directory / "keys" / name).read_text())["keys"]:
            found += [key[part] for part in ("k", "d") if part in key]
    return found


def kids(directory: Path, name: str) -> list[str]:
    return [key["kid"] for key in json.loads((directory / "keys" / name).read_text())["keys"]]


def test_a_new_key_comes_first_and_an_old_one_is_taken_out(database_url: str, tmp_path: Path) -> None:
    load_key_rings(tmp_path / "keys")

    async def work(stage: Stage) -> None:
        [old] = kids(tmp_path, FILES["signed"])
        refused = await stage.browser.post(f"/console/keys/{old}/retire")
        assert (refused.status, "cannot be done" in refused.words()) == (422, True)
        got = await stage.browser.post("/console/keys/signed/rotate", {"algorithm": "EdDSA"})
        assert (got.status, got.location) == (303, "/console/keys")
        await stage.browser.post("/console/keys/sealed/rotate", {"algorithm": "EdDSA"})
        page = await stage.browser.get("/console/keys")
        new, kept = kids(tmp_path, FILES["signed"])
        assert kept == old
        assert "EdDSA" in page.words()
        assert page.words().count("Makes and verifies") == 4
        assert page.words().count("Verifies only") == 2
        assert re.search(r"\b0 days\b", page.words())
        assert [each for each in materials(tmp_path) if each in page.text] == []
        assert (await stage.browser.post(f"/console/keys/{old}/retire")).status == 303
        assert kids(tmp_path, FILES["signed"]) == [new]
        assert (await stage.browser.post("/console/keys/other/rotate")).status == 404
        assert [action for _, action, _ in await stage.done()] == ["key.rotate", "key.rotate", "key.retire"]

    visiting(database_url, tmp_path, work)


def test_an_operator_looks_at_keys_and_changes_none(database_url: str, tmp_path: Path) -> None:
    load_key_rings(tmp_path / "keys")

    async def work(stage: Stage) -> None:
        page = await stage.browser.get("/console/keys")
        assert page.status == 200
        assert "/rotate" not in page.text
        assert (await stage.browser.post("/console/keys/sealed/rotate")).status == 403
        assert len(kids(tmp_path, FILES["sealed"])) == 1
        assert await stage.done() == []

    visiting(database_url, tmp_path, work, Role.OPERATOR)
