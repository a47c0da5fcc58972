"""The files of the example mini program: what WeChat DevTools reads, and what WXML names.

That the SDK in it is the one of this repository is a test of the SDK's: sdk/miniprogram/test/example.test.js.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.edge.processes import REPOSITORY
from tests.examples.miniprogram.phone import APPID, EMULATOR, EXAMPLE

CHECK = REPOSITORY / "tests" / "wx" / "mini" / "check.js"
SHIPPED = EXAMPLE / "miniprogram_npm" / "menshen-miniprogram" / "index.js"

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")


def checked(root: Path) -> Any:
    run = subprocess.run(["node", str(CHECK), str(root)], capture_output=True, text=True, timeout=90)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_devtools_opens_it_as_it_is_with_the_test_appid() -> None:
    project = json.loads((EXAMPLE / "project.config.json").read_text(encoding="utf-8"))
    assert (project["appid"], project["compileType"]) == ("touristappid", "miniprogram")
    assert project["setting"]["urlCheck"] is False, "or DevTools refuses http and 127.0.0.1"
    assert "miniprogramRoot" not in project, "app.json stands beside it"


def test_what_is_no_part_of_the_mini_program_is_not_packed() -> None:
    project = json.loads((EXAMPLE / "project.config.json").read_text(encoding="utf-8"))
    ignored = {rule["value"] for rule in project["packOptions"]["ignore"] if rule["type"] == "suffix"}
    kinds = {path.suffix for path in EXAMPLE.rglob("*") if path.is_file()}
    assert kinds - ignored == {".js", ".json", ".wxml", ".wxss"}


@needs_node
def test_every_page_has_its_files_and_every_handler_and_binding_exists() -> None:
    found = checked(EXAMPLE)
    assert found["problems"] == []
    assert len(found["pages"]) == 4


@needs_node
@pytest.mark.parametrize(
    ("file", "text", "instead", "problem"),
    [
        ("pages/me/me.wxml", 'bindtap="leave"', 'bindtap="leaf"', "names leaf, which the page does not have"),
        ("pages/me/me.wxml", "{{user.phone ||", "{{person.phone ||", "names person, which is not in data"),
        ("pages/orders/orders.wxml", "{{item.goods}}", "{{order.goods}}", "names order, which is not in data"),
        ("pages/orders/orders.wxml", 'wx:key="id" ', "", "wx:for without wx:key"),
        ("pages/phone/phone.wxml", "bindgetphonenumber", "bindgetphone", "has no event getphone"),
        ("pages/phone/phone.wxml", 'open-type="getPhoneNumber" ', "", "no open-type gives it"),
        ("app.json", '"sitemap.json"', '"map.json"', "map.json is missing"),
        ("app.json", '"pagePath": "pages/me/me"', '"pagePath": "pages/you/you"', "is no page"),
    ],
)
def test_the_check_finds_what_is_wrong(tmp_path: Path, file: str, text: str, instead: str, problem: str) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(EXAMPLE, broken)
    content = (broken / file).read_text(encoding="utf-8")
    assert text in content
    (broken / file).write_text(content.replace(text, instead), encoding="utf-8")
    assert any(problem in said for said in checked(broken)["problems"])


def test_the_gateways_document_passes_check() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "menshen", "check", str(EXAMPLE / "menshen.yaml")],
        capture_output=True,
        text=True,
        timeout=180,
        env={**os.environ, "SHOP_APPSECRET": "emulated"},
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith("ok: 1 apps, 1 groups, 1 APIs, 1 plugins")


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md"])
def test_the_readme_names_the_addresses_and_pages_that_there_are(page: str) -> None:
    told = (EXAMPLE / page).read_text(encoding="utf-8")
    app = json.loads((EXAMPLE / "app.json").read_text(encoding="utf-8"))
    for route in app["pages"]:
        assert f"`{route.rpartition('/')[0]}`" in told
    assert f'"appid": "{APPID}"' in told
    assert EMULATOR in told


def test_there_is_no_secret_in_it_and_the_appid_is_the_emulators() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in EXAMPLE.rglob("*.js") if path != SHIPPED)
    assert not re.search(r"secret", code, re.IGNORECASE)
    assert set(re.findall(r"wx[0-9a-f]{16}", code)) == {APPID}


def test_every_reason_that_has_words_of_its_own_is_one() -> None:
    """Reasons of the gateway are in its table of errors, the SDK's own in the SDK; "left" is the app's."""
    words = (EXAMPLE / "reasons.js").read_text(encoding="utf-8")
    listed = set(re.findall(r"^  (\w+): ", words, re.MULTILINE))
    table = (REPOSITORY / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    known = set(re.findall(r"`(\w+)`", table)) | {"network", "platform_login", "left"}
    assert listed
    assert listed <= known
